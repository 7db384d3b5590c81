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

/* functions/base.lua has the same: what is due sooner, a reaper is told */
#define SWEEP_MS 2000

bool whole_fits(const struct store_desc *d, int64_t left_ms)
{
	return d->session[0] == '\0' && left_ms > 2 * SWEEP_MS;
}

int64_t whole_record_ms(int64_t left_ms)
{
	return left_ms + STORE_NET_MS + (int64_t)TG_TOMBSTONE_S * 1000;
}

void whole_texts(struct store *s, struct store_blob *b, const char *kept, int64_t left_ms,
	char record[WHOLE_TEXT_BYTES], char event[WHOLE_TEXT_BYTES])
{
	char desc[STORE_DESC_MAX], private[STORE_DESC_MAX];
	struct text r = text_in(record, WHOLE_TEXT_BYTES), e = text_in(event, WHOLE_TEXT_BYTES);

	b->state = STORE_LIVE;
	b->stored_at_ms = store_now_ms(s);
	b->deadline_ms = b->stored_at_ms + left_ms;
	desc_event(&b->desc, desc);
	desc_private(&b->desc, private);
	text_join(&r, "live\t", b->desc.uploader, "\t", b->desc.to, "\t\t0\t1\t");
	text_num(&r, (int64_t)b->desc.size_bytes);
	text_add(&r, "\t");
	text_num(&r, b->stored_at_ms);
	text_add(&r, "\t");
	text_num(&r, b->deadline_ms);
	text_join(&r, "\t", desc, "\t", private, "\t\t\t\n", kept);
	text_join(&e, "e\tstored\td\t", desc, "\tu\t", b->desc.uploader, "\tto\t", b->desc.to,
		"\ts\t\tz\t");
	text_num(&e, (int64_t)b->desc.size_bytes);
	text_add(&e, "\tdl\t");
	text_num(&e, b->deadline_ms);
	text_add(&e, "\tat\t");
	text_num(&e, b->stored_at_ms);
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
	whole_texts(s, b, WHOLE_NOTHING_KEPT, left_ms, record, event);
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
