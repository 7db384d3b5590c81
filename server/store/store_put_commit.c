/*
 * store_put_commit.c: how an upload goes live.
 *
 * A blob of one chunk is one string, its record and the chunk behind it (put_single.c), and goes
 * in one pipeline: as one transaction where neither name nor session has to be looked up; otherwise
 * as SET, and a function that makes it visible (tg2_put, or tg2_commit, which judges). A longer
 * blob's chunks stand in Redis by then, and tg2_commit makes them a blob.
 *
 * What Redis refuses in a way that may leave something there is aborted, and its owner is told
 * behind that. Runs in workers.
 */
#include <string.h>
#include <timeglas/errors.h>
#include "base/clock.h"
#include "base/metrics.h"
#include "store/abort.h"
#include "store/cmd.h"
#include "store/desc.h"
#include "store/error.h"
#include "store/lines.h"
#include "store/put_single.h"
#include "store/state.h"
#include "store/store_put.h"
#include "store/store_put_step.h"
#include "store/transaction.h"

/* The end: tells the owner, and frees p. */
static void tell(struct store_put *p, int err, const struct store_blob *blob)
{
	store_put_step(p, STORE_PUT_EV_TOLD);
	p->calls.on_committed(p, err, blob, p->ctx);
	store_put_step_free(p);
}

/* Redis refused a command of the transaction. EXEC's answer ends the upload; the reason is this. */
static void on_part(void *ctx, const redisReply *r)
{
	struct store_put *p = ctx;
	int err = r != NULL && p->err == 0 ? error_of(p->store, r) : 0;

	if (err != 0)
		store_put_step_refuse_later(p, err);
}

static void on_cleaned(void *ctx, const redisReply *r)
{
	struct store_put *p = ctx;

	if (error_of(p->store, r) != 0)
		abort_until_done(p->store, p->attempt, p->n, STORE_STALLED_MS, true);
	tell(p, p->err, NULL);
}

/* Nobody knows what became of the commit, or Redis refused it as it stands, so that some of it may
 * have been carried out. later_ms: what was sent may still arrive for so long. */
static void clean_up_later(struct store_put *p, int64_t later_ms)
{
	abort_until_done(p->store, p->attempt, p->n, later_ms, true);
	tell(p, p->err, NULL);
}

/* The same behind an answer of Redis: the owner is told when nothing is left. */
static void clean_up(struct store_put *p)
{
	if (abort_send(p->store, p->attempt, p->n, 0, true, on_cleaned, p) == 0)
		store_put_step(p, STORE_PUT_EV_ABORT_SENT);
	else
		clean_up_later(p, 0);
}

static void on_commit(void *ctx, const redisReply *r)
{
	struct store_put *p = ctx;
	struct lines l = lines_of(r);
	struct store_blob blob;
	int err = error_of(p->store, r);

	if (err == 0)
		err = lines_blob(&l, &blob, NULL);
	if (err == 0) {
		blob.repeated = lines_num(&l) == 1;
		if (lines_more(&l))
			p->store->stamp = lines_num(&l);
		metrics_count(M_STORED, blob.repeated ? 0 : 1);
		tell(p, 0, &blob);
		return;
	}
	err = store_put_step_refuse(p, err);
	if (r == NULL)
		clean_up_later(p, STORE_STALLED_MS);
	else if (r->type == REDIS_REPLY_ERROR)
		clean_up(p);
	else /* a function that refuses has left nothing */
		tell(p, err, NULL);
}

static void on_exec(void *ctx, const redisReply *r)
{
	struct store_put *p = ctx;
	int err = transaction_err(p->store, r);

	if (err == 0) {
		metrics_count(M_STORED, 1);
		tell(p, 0, &p->written);
		return;
	}
	err = store_put_step_refuse(p, err);
	if (r == NULL)
		clean_up_later(p, STORE_STALLED_MS);
	else if (!transaction_discarded(r)) /* no MULTI, or not all rights */
		clean_up(p);
	else
		tell(p, err, NULL);
}

/* Neither name nor session: by one transaction. */
static int send_transaction(struct store_put *p, int64_t left)
{
	static const struct put_single_calls calls = {.refused = on_part, .done = on_exec};
	int err;

	p->written.desc = p->opts.desc;
	memcpy(p->written.id, p->id, sizeof p->id);
	err = put_single_send(p->store, p->shard, &p->written, p->piece, left, &calls, p);
	if (err != 0) {
		rconn_forget(p->store->conn, p);
		return err;
	}
	p->n = 1;
	return 0;
}

/* Composes what goes live; where tg2_commit completes it, the size of its record is all that
 * counts.
 */
static void make_texts(struct store_put *p, int64_t left, struct put_single_texts *t)
{
	const bool named = p->opts.desc.name[0] != '\0';
	char hash[DESC_FINGERPRINT_LEN + 1] = "";

	if (named)
		desc_fingerprint(hash, &p->opts.desc, p->bytes);
	p->written.desc = p->opts.desc;
	memcpy(p->written.id, p->id, sizeof p->id);
	put_single_texts(
		p->store, &p->written, named ? p->attempt + TOKEN_LEN + 1 : "", hash, left, t);
}

/* Sends the only chunk behind its record, under the attempt. It is no blob before its commit;
 * should that never come, it expires by itself. live: the record is complete. */
static int send_attempt(
	struct store_put *p, const struct put_single_texts *t, bool live, int64_t left)
{
	char key[KEY_BYTES];
	size_t n = key_of(key, p->shard, "b:", p->attempt);
	int err = put_single_prepend(p->piece, t, live);

	if (err == 0)
		err = rconn_store(p->store->conn, store_put_step_on_set, p, key, n, p->piece,
			(uint64_t)(left < STORE_STAGED_MS ? left : STORE_STAGED_MS) + STORE_NET_MS);
	if (err != 0)
		return err;
	p->n = 1;
	p->unanswered++;
	return 0;
}

static int send_commit(struct store_put *p)
{
	char event[STORE_DESC_MAX], private[STORE_DESC_MAX], hash[DESC_FINGERPRINT_LEN + 1] = "";
	const struct store_desc *d = &p->opts.desc;
	struct cmd m;

	desc_event(d, event);
	desc_private(d, private);
	if (d->name[0] != '\0')
		desc_fingerprint(hash, d, p->bytes);
	cmd_fcall(&m, "tg2_commit", p->shard);
	cmd_text(&m, p->attempt);
	cmd_text(&m, d->uploader);
	cmd_text(&m, d->to);
	cmd_text(&m, d->session);
	cmd_text(&m, d->bound ? "1" : "0");
	cmd_num(&m, p->n);
	cmd_num(&m, (int64_t)p->bytes);
	cmd_num(&m, (int64_t)p->opts.ttl_s * 1000);
	cmd_num(&m, (int64_t)((clock_mono_us() - p->born_us) / 1000));
	cmd_text(&m, event);
	cmd_text(&m, private);
	cmd_text(&m, p->announced > 0 ? "1" : "0");
	cmd_text(&m, hash);
	return cmd_send(p->store, &m, on_commit, p);
}

/* Where the name is not free, or something of the shard is overdue, tg2_put has changed nothing:
 * tg2_commit decides. */
static void on_put(void *ctx, const redisReply *r)
{
	struct store_put *p = ctx;
	struct lines l = lines_of(r);
	int err = error_of(p->store, r);

	if (err == 0) {
		p->store->stamp = lines_num(&l);
		metrics_count(M_STORED, 1);
		tell(p, 0, &p->written);
	} else if (r == NULL || r->type != REDIS_REPLY_STRING || send_commit(p) != 0) {
		on_commit(p, r);
	} else {
		store_put_step(p, STORE_PUT_EV_COMMIT_SENT);
	}
}

/* Under a chosen name, where nothing but the name has to be looked up: the record is written here,
 * and tg2_put gives it the blob's name. */
static int send_put(struct store_put *p, int64_t left)
{
	struct put_single_texts t;
	struct cmd m;
	int err;

	make_texts(p, left, &t);
	err = send_attempt(p, &t, true, left);
	if (err != 0)
		return err;
	cmd_fcall(&m, "tg2_put", p->shard);
	cmd_text(&m, p->attempt);
	cmd_text(&m, t.entry);
	cmd_text(&m, t.event);
	cmd_num(&m, p->written.deadline_ms);
	return cmd_send(p->store, &m, on_put, p);
}

/* In a session, or with a near deadline: tg2_commit completes the record. */
static int send_pending(struct store_put *p, int64_t left)
{
	struct put_single_texts t;
	int err;

	make_texts(p, left, &t);
	err = send_attempt(p, &t, false, left);
	return err != 0 ? err : send_commit(p);
}

/* The description is final now, but for what this process has filled in. */
static void take_description(struct store_put *p, const struct store_desc *d)
{
	const uint32_t chunk_bytes = p->opts.desc.chunk_bytes;
	char tag[sizeof p->opts.desc.tag];

	memcpy(tag, p->opts.desc.tag, sizeof tag);
	p->opts.desc = *d;
	p->opts.desc.chunk_bytes = chunk_bytes;
	memcpy(p->opts.desc.tag, tag, sizeof tag);
	p->opts.desc.size_bytes = p->bytes;
}

/* The only chunk with its record, and what makes it visible. */
static int send_only_chunk(struct store_put *p)
{
	const int64_t left = store_put_step_left_ms(p);

	if (left <= 0)
		return TG_ETTL;
	if (!put_single_fits(&p->opts.desc, left))
		return send_pending(p, left);
	return p->opts.desc.name[0] != '\0' ? send_put(p, left) : send_transaction(p, left);
}

int store_put_commit(struct store_put *p, const struct store_put_opts *o)
{
	int err;

	if (p->state == STORE_PUT_STATE_FAILED)
		return p->err;
	if (!store_put_state_is_open(p->state) || p->bytes == 0)
		return TG_EINVAL;
	take_description(p, &o->desc);
	err = p->state == STORE_PUT_STATE_HELD ? send_only_chunk(p) : send_commit(p);
	if (err != 0)
		return store_put_step_refuse(p, err);
	store_put_step(p, STORE_PUT_EV_COMMIT_SENT);
	return 0;
}
