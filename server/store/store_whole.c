/*
 * store_whole.c: an upload of one chunk that names no session, made live by one MULTI … EXEC:
 * chunk, record, index entry and event, all or nothing. It writes what tg1_commit would
 * (functions/upload.lua: told() and the event `stored`); a test compares the two. Runs in workers.
 *
 * Nothing has to be looked up for it: its id is new, and no session's state or account is touched.
 * So a function would only be the dearer way: each command that one calls costs three times what
 * the same command costs in a pipeline. Two things are told apart from tg1_commit: the time is the
 * store's as this process knows it (a second old at most), and a deadline so near that a reaper
 * must be woken for it is not for this way.
 */
#include <string.h>
#include <timeglas/errors.h>
#include "base/clock.h"
#include "store/store_int.h"

bool whole_fits(const struct store_desc *d, int64_t left_ms)
{
	return d->session[0] == '\0' && left_ms > 2 * STORE_SWEEP_MS;
}

int64_t whole_record_ms(int64_t left_ms)
{
	return left_ms + STORE_NET_MS + STORE_TOMBSTONE_MS;
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

void whole_texts(struct store *s, struct store_blob *b, const char *attempt,
	const char *fingerprint, int64_t left_ms, char record[WHOLE_TEXT_BYTES],
	char event[WHOLE_TEXT_BYTES])
{
	char desc[STORE_DESC_MAX], private[STORE_DESC_MAX];
	char size[NUMBER_BYTES], stored_at[NUMBER_BYTES], deadline[NUMBER_BYTES];
	struct text r = text_in(record, WHOLE_TEXT_BYTES), e = text_in(event, WHOLE_TEXT_BYTES);

	b->state = STORE_LIVE;
	b->stored_at_ms = store_now_ms(s);
	b->deadline_ms = b->stored_at_ms + left_ms;
	desc_event(&b->desc, desc);
	desc_private(&b->desc, private);
	number_text(size, (int64_t)b->desc.size_bytes);
	number_text(stored_at, b->stored_at_ms);
	number_text(deadline, b->deadline_ms);
	record_text(&r,
		(const char *const[STORE_FIELDS]){
			[STORE_FIELD_STATE] = store_state_text(STORE_LIVE),
			[STORE_FIELD_UPLOADER] = b->desc.uploader,
			[STORE_FIELD_TO] = b->desc.to,
			[STORE_FIELD_BOUND] = "0",
			[STORE_FIELD_CHUNKS] = "1",
			[STORE_FIELD_SIZE] = size,
			[STORE_FIELD_STORED_AT] = stored_at,
			[STORE_FIELD_DEADLINE] = deadline,
			[STORE_FIELD_DESC] = desc,
			[STORE_FIELD_PRIVATE_DESC] = private,
			[STORE_FIELD_ATTEMPT] = attempt,
			[STORE_FIELD_FINGERPRINT] = fingerprint,
		});
	stored_text(&e,
		(const char *const[MEMBERS]){
			[MEMBER_d] = desc,
			[MEMBER_u] = b->desc.uploader,
			[MEMBER_to] = b->desc.to,
			[MEMBER_s] = "",
			[MEMBER_z] = size,
			[MEMBER_dl] = deadline,
			[MEMBER_at] = stored_at,
		});
}

/* The transaction's answer: of each command its own, or why none of them was carried out. */
int whole_err(struct store *s, const redisReply *r)
{
	if (r == NULL || r->type != REDIS_REPLY_ARRAY)
		return r == NULL || r->type == REDIS_REPLY_ERROR ? store_err(s, r) : TG_EINTERNAL;
	for (size_t i = 0; i < r->elements; i++)
		if (r->element[i]->type == REDIS_REPLY_ERROR)
			return store_err(s, r->element[i]);
	return 0;
}

bool whole_discarded(const redisReply *r)
{
	return r != NULL && r->type == REDIS_REPLY_ERROR && error_discarded(r->str);
}

struct whole {
	struct store *store;
	unsigned shard;
	const struct store_blob *blob;
	const struct whole_calls *calls;
	void *ctx;
};

/* A command of the transaction that is not refused is answered +QUEUED (MULTI: +OK). */
static int send_part(const struct whole *w, const struct cmd *m)
{
	return cmd_expect(w->store, m, w->calls->refused, w->ctx);
}

static int send_set_record(const struct whole *w, const char *text, int64_t left_ms)
{
	char key[STORE_KEY_MAX];
	struct cmd m = {.argc = 0};

	store_key(key, w->shard, "b:", w->blob->id);
	cmd_text(&m, "SET");
	cmd_text(&m, key);
	cmd_text(&m, text);
	cmd_text(&m, "PX");
	cmd_num(&m, whole_record_ms(left_ms));
	return send_part(w, &m);
}

static int send_index(const struct whole *w)
{
	const struct store_blob *b = w->blob;
	char key[STORE_KEY_MAX], member[STORE_KEY_MAX];
	struct cmd m = {.argc = 0};

	store_key(key, w->shard, "dl", "");
	index_member(member, b->id);
	cmd_text(&m, "ZADD");
	cmd_text(&m, key);
	cmd_num(&m, b->deadline_ms);
	cmd_text(&m, member);
	return send_part(w, &m);
}

static int send_event(const struct whole *w, const char *text)
{
	char key[STORE_KEY_MAX];
	struct cmd m = {.argc = 0};

	store_key(key, w->shard, "out", "");
	cmd_text(&m, "XADD");
	cmd_text(&m, key);
	cmd_text(&m, "*");
	cmd_text(&m, "p");
	cmd_text(&m, text);
	return send_part(w, &m);
}

int whole_send(struct store *s, unsigned shard, struct store_blob *b, struct evbuffer *chunk,
	int64_t left_ms, const struct whole_calls *calls, void *ctx)
{
	char key[STORE_KEY_MAX], record[WHOLE_TEXT_BYTES], event[WHOLE_TEXT_BYTES];
	size_t n = store_chunk_key(key, shard, b->id, 0);
	const struct whole w = {s, shard, b, calls, ctx};
	struct cmd multi = {.argc = 0}, exec = {.argc = 0};
	int err;

	cmd_text(&multi, "MULTI");
	cmd_text(&exec, "EXEC");
	whole_texts(s, b, "", "", left_ms, record, event);
	/* Either all of this is queued, or memory ran out and the connection, which would be left
	 * inside a transaction, ends. */
	err = send_part(&w, &multi);
	if (err != 0)
		return err;
	err = rconn_store(
		s->conn, calls->chunk, ctx, key, n, chunk, (uint64_t)left_ms + STORE_NET_MS);
	if (err == 0)
		err = send_set_record(&w, record, left_ms);
	if (err == 0)
		err = send_index(&w);
	if (err == 0)
		err = send_event(&w, event);
	if (err == 0)
		err = cmd_send(s, &exec, calls->done, ctx);
	if (err != 0)
		rconn_break(s->conn);
	return err;
}
