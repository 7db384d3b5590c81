/*
 * put_single.c: an upload of one chunk, whose record and chunk are one string in Redis: the
 * record, filled with blanks to a size that it names, and the chunk behind it
 * (functions/record.lua).
 *
 * One that names neither session nor name is made live by one MULTI ... EXEC: string, index entry
 * and event, all or nothing. It writes what tg2_commit would (functions/upload.lua); a test
 * compares the two. Nothing has to be looked up for it: its id is new, and no session's state or
 * account is touched. So a function would only be the dearer way: each command that one calls costs
 * three times what the same command costs in a pipeline. Two things are told apart from tg2_commit:
 * the time is the store's as this process knows it (a second old at most), and a deadline so near
 * that a reaper must be woken for it is not for this way. Runs in workers.
 */
#include <string.h>
#include <timeglas/errors.h>
#include "base/text.h"
#include "store/desc.h"
#include "store/record.h"
#include "store/store.h"
#include "store/put_single.h"
#include "store/transaction.h"

bool put_single_fits(const struct store_desc *d, int64_t left_ms)
{
	return d->session[0] == '\0' && d->subject[0] == '\0' && left_ms > 2 * STORE_SWEEP_MS;
}

/* Decimal digits of a number of 64 bits, and the NUL. */
#define NUMBER_BYTES 24

static const char *number_text(char out[NUMBER_BYTES], int64_t number)
{
	struct text t = text_in(out, NUMBER_BYTES);

	text_num(&t, number);
	return out;
}

enum {
#define MEMBER_(name) MEMBER_##name,
	STORE_MEMBERS_STORED(MEMBER_)
#undef MEMBER_
		MEMBERS
};

static void stored_text(struct text *t, const char *const value[MEMBERS])
{
#define MEMBER_(name) "\t" #name "\t",
	static const char *const member[MEMBERS] = {STORE_MEMBERS_STORED(MEMBER_)};
#undef MEMBER_

	text_add(t, "e\t" STORE_EVENT_STORED);
	for (unsigned i = 0; i < MEMBERS; i++)
		text_join(t, member[i], value[i]);
}

/* What is known of the blob, as texts. */
struct parts {
	char desc[STORE_DESC_MAX], private[STORE_DESC_MAX];
	char size[NUMBER_BYTES], stored_at[NUMBER_BYTES], deadline[NUMBER_BYTES],
		head[NUMBER_BYTES];
};

/* A record may grow by so much while it is live: the session's subject, the mark of an uploader
 * that learned of it, longer numbers. */
static size_t growth(const struct store_blob *b)
{
	return (b->desc.subject[0] == '\0' ? 1 + STORE_SUBJECT_LEN : 0) + 8;
}

static size_t put_record(struct put_single_texts *t, const struct store_blob *b,
	const struct parts *p, const char *attempt, const char *fingerprint)
{
	struct text r = text_in(t->record, sizeof t->record);

	record_text(&r,
		(const char *const[STORE_FIELDS]){
			[STORE_FIELD_STATE] = record_state_text(STORE_LIVE),
			[STORE_FIELD_UPLOADER] = b->desc.uploader,
			[STORE_FIELD_TO] = b->desc.to,
			[STORE_FIELD_SESSION] = b->desc.session,
			[STORE_FIELD_BOUND] = b->desc.bound ? "1" : "0",
			[STORE_FIELD_CHUNKS] = "1",
			[STORE_FIELD_SIZE] = p->size,
			[STORE_FIELD_STORED_AT] = p->stored_at,
			[STORE_FIELD_DEADLINE] = p->deadline,
			[STORE_FIELD_DESC] = p->desc,
			[STORE_FIELD_PRIVATE_DESC] = p->private,
			[STORE_FIELD_HEAD] = p->head,
			[STORE_FIELD_ATTEMPT] = attempt,
			[STORE_FIELD_FINGERPRINT] = fingerprint,
		});
	return text_len(&r);
}

/* As member_of() in functions/record.lua has it. */
static void put_entry(struct put_single_texts *t, const struct store_blob *b, const struct parts *p)
{
	struct text e = text_in(t->entry, sizeof t->entry);

	text_join(&e, "b:", b->id, "\t", b->desc.uploader, "\t", b->desc.to, "\t", p->size, "\t",
		p->desc);
}

void put_single_texts(struct store *s, struct store_blob *b, const char *attempt,
	const char *fingerprint, int64_t left_ms, struct put_single_texts *t)
{
	static const unsigned sizes[] = {
		STORE_HEAD_BYTES, STORE_HEAD_LONG_BYTES, STORE_HEAD_MAX_BYTES};
	struct text e = text_in(t->event, sizeof t->event);
	struct parts p;
	unsigned i;

	b->state = STORE_LIVE;
	b->stored_at_ms = store_now_ms(s);
	b->deadline_ms = b->stored_at_ms + left_ms;
	desc_event(&b->desc, p.desc);
	desc_private(&b->desc, p.private);
	number_text(p.size, (int64_t)b->desc.size_bytes);
	number_text(p.stored_at, b->stored_at_ms);
	number_text(p.deadline, b->deadline_ms);
	for (i = 0;; i++) {
		number_text(p.head, sizes[i]);
		size_t n = put_record(t, b, &p, attempt, fingerprint) + growth(b);
		if (n <= sizes[i] || i + 1 == sizeof sizes / sizeof sizes[0])
			break;
	}
	b->head_bytes = t->head_bytes = sizes[i];
	stored_text(&e,
		(const char *const[MEMBERS]){
			[MEMBER_d] = p.desc,
			[MEMBER_u] = b->desc.uploader,
			[MEMBER_to] = b->desc.to,
			[MEMBER_s] = "",
			[MEMBER_z] = p.size,
			[MEMBER_dl] = p.deadline,
			[MEMBER_at] = p.stored_at,
		});
	put_entry(t, b, &p);
}

int put_single_prepend(struct evbuffer *chunk, const struct put_single_texts *t, bool live)
{
	char head[STORE_HEAD_MAX_BYTES];
	struct text h = text_in(head, sizeof head);
	size_t n;

	if (live) {
		text_add(&h, t->record);
	} else {
		text_add(&h, "pending\t");
		text_num(&h, t->head_bytes);
		text_add(&h, "\n\n");
	}
	n = text_len(&h);
	memset(head + n, ' ', t->head_bytes - n);
	return evbuffer_prepend(chunk, head, t->head_bytes) == 0 ? 0 : TG_ENOMEM;
}

/* Sending ------------------------------------------------------------------ */

static int add_entry(
	struct transaction *t, unsigned shard, const struct store_blob *b, const char *entry)
{
	char key[KEY_BYTES];
	struct cmd m;

	key_of(key, shard, "dl", "");
	cmd_begin(&m, "ZADD");
	cmd_text(&m, key);
	cmd_num(&m, b->deadline_ms);
	cmd_text(&m, entry);
	return transaction_add(t, &m);
}

static int add_event(struct transaction *t, unsigned shard, const char *event)
{
	char key[KEY_BYTES];
	struct cmd m;

	key_of(key, shard, "out", "");
	cmd_begin(&m, "XADD");
	cmd_text(&m, key);
	cmd_text(&m, "*");
	cmd_text(&m, "p");
	cmd_text(&m, event);
	return transaction_add(t, &m);
}

int put_single_send(struct store *s, unsigned shard, struct store_blob *b, struct evbuffer *chunk,
	int64_t left_ms, const struct put_single_calls *calls, void *ctx)
{
	char key[KEY_BYTES];
	size_t n = key_of(key, shard, "b:", b->id);
	struct put_single_texts texts;
	struct transaction t;
	int err;

	put_single_texts(s, b, "", "", left_ms, &texts);
	err = put_single_prepend(chunk, &texts, true);
	if (err == 0)
		err = transaction_begin(&t, s, calls->refused, ctx);
	if (err == 0)
		err = transaction_store(&t, key, n, chunk, (uint64_t)left_ms + STORE_NET_MS);
	if (err == 0)
		err = add_entry(&t, shard, b, texts.entry);
	if (err == 0)
		err = add_event(&t, shard, texts.event);
	return err != 0 ? err : transaction_exec(&t, calls->done);
}
