/*
 * store_put.c: an upload. Its bytes are native SETs with an expiry; functions only enter it in the
 * deadline index (stage), make it visible (commit, put), or end it (abort).
 *
 * A blob of one chunk is one string, its record and the chunk behind it (put_single.c), and goes
 * in one pipeline: as one transaction where neither name nor session has to be looked up; otherwise
 * SET, and a function that makes it visible. A longer blob's chunks are keys of their own. Runs in
 * workers.
 *
 * Whatever happens to this process, each chunk that Redis holds has an index entry (b:<id> or
 * x:<id>:...) at most 30 or 60 s ahead, so the reaper wipes it. An only chunk has no entry before
 * its commit: it expires after 30 s by itself. The entry is renewed while the upload lives, also
 * when its bytes come too slowly to fill a chunk. An upload that drips is refused when its time is
 * over or its session has ended, although nothing of it may have reached the store yet.
 */
#include <stdlib.h>
#include <string.h>
#include <event2/event_struct.h>
#include <sodium.h>
#include <timeglas/errors.h>
#include "base/clock.h"
#include "base/metrics.h"
#include "base/random.h"
#include "core/b64.h"
#include "core/bug.h"
#include "store/abort.h"
#include "store/cmd.h"
#include "store/desc.h"
#include "store/error.h"
#include "store/lines.h"
#include "store/put_single.h"
#include "store/state.h"
#include "store/store.h"
#include "store/store_put.h"
#include "store/transaction.h"

#define UNANSWERED_MAX 2u
/* An upload in a session that called stage longer ago than this calls it again before its next
 * chunk, so that it learns of the session's end: the first late-write sweep comes STORE_LATE_MS
 * after that. */
#define ENTER_AGAIN_US (STORE_LATE_MS * UINT64_C(1000) / 2)
/* chunks that stage speaks of ahead, so that not every chunk needs a call */
#define ANNOUNCE 32u

struct store_put {
	struct store *store;
	struct store_put_opts opts;
	struct store_put_calls calls;
	void *ctx;
	char id[TOKEN_LEN + 1];
	char attempt[ATTEMPT_LEN + 1]; /* what stands in Redis before the commit is under this */
	unsigned shard;
	uint64_t born_us; /* the request's first byte */
	unsigned n;       /* chunks sent */
	unsigned announced;
	uint64_t entered_us; /* when stage was called last */
	unsigned unanswered;
	uint64_t bytes;
	/* the chunk in hand; a short first one waits here for its commit */
	struct evbuffer *piece;
	/* piece holds that one; a short chunk was given: no more may come */
	bool held, ended;
	bool staged, committing, answering;
	int err;                   /* sticky */
	struct store_blob written; /* what goes live as it was written here */
	/* from the beginning: what has not reached the store yet must not outlive its time here
	 * either */
	struct event pulse;
	struct loop_task checked;
};

static void on_pulse(evutil_socket_t fd, short what, void *ctx);

static void put_free(struct store_put *p)
{
	rconn_forget(p->store->conn, p);
	loop_cancel(p->store->loop, &p->checked);
	if (event_initialized(&p->pulse))
		event_del(&p->pulse);
	if (p->piece != NULL)
		evbuffer_free(p->piece);
	free(p);
}

/* The upload has failed. Its owner learns of it by the commit's answer if that is due, otherwise
 * now. */
static void put_fail(struct store_put *p, int err)
{
	if (p->err != 0)
		return;
	p->err = err;
	if (!p->committing)
		p->calls.on_refused(p, err, p->ctx);
}

static int64_t left_ms(const struct store_put *p)
{
	return (int64_t)p->opts.ttl_s * 1000 - (int64_t)((clock_mono_us() - p->born_us) / 1000);
}

/* Making one --------------------------------------------------------------- */

static void on_check(void *ctx, const redisReply *r)
{
	struct store_put *p = ctx;
	int err = error_of(p->store, r);

	if (err != 0)
		put_fail(p, err);
	else if (p->err == 0)
		p->calls.on_checked(p, p->ctx);
}

static void run_checked(struct loop_task *t, void *ctx)
{
	struct store_put *p = ctx;

	(void)t;
	if (p->err == 0)
		p->calls.on_checked(p, p->ctx);
}

/* Is its session open? */
static int put_look(struct store_put *p, rconn_cb *cb)
{
	struct cmd m;

	if (p->opts.desc.session[0] == '\0')
		return 0;
	cmd_fcall(&m, "tg2_session_check", p->shard);
	cmd_text(&m, p->opts.desc.session);
	cmd_text(&m, p->opts.desc.uploader);
	cmd_text(&m, p->opts.desc.subject);
	return cmd_send(p->store, &m, cb, p);
}

static int put_ask(struct store_put *p)
{
	if (p->opts.desc.session[0] != '\0')
		return put_look(p, on_check);
	p->checked.run = run_checked;
	p->checked.ctx = p;
	loop_defer(p->store->loop, &p->checked);
	return 0;
}

/* Others may attempt what has a chosen name; nobody else knows of an id that is drawn here. */
static void name_attempt(struct store_put *p)
{
	uint8_t r[8];

	memcpy(p->attempt, p->id, TOKEN_LEN + 1);
	if (p->opts.desc.name[0] == '\0')
		return;
	random_fill(r, sizeof r);
	p->attempt[TOKEN_LEN] = ':';
	(void)tg_b64_encode(TG_B64_URL, r, sizeof r, p->attempt + TOKEN_LEN + 1);
}

struct store_put *store_put_new(struct store *s, const struct store_put_opts *o,
	const struct store_put_calls *calls, void *ctx, int *err)
{
	char id[TOKEN_LEN + 1];
	struct store_put *p;

	memcpy(id, o->id, sizeof id);
	*err = id[0] != '\0' ? 0 : desc_id(&o->desc, id);
	if (*err != 0)
		return NULL;
	*err = TG_ESTORE;
	if (!s->up)
		return NULL;
	*err = TG_ENOMEM;
	p = calloc(1, sizeof *p);
	if (p == NULL)
		return NULL;
	p->store = s;
	p->opts = *o;
	if (p->opts.desc.chunk_bytes == 0)
		p->opts.desc.chunk_bytes = STORE_CHUNK_BYTES;
	p->calls = *calls;
	p->ctx = ctx;
	memcpy(p->id, id, sizeof id);
	p->shard = (unsigned)token_shard(id, TOKEN_LEN);
	name_attempt(p);
	p->born_us = clock_mono_us() - o->age_us;
	token_tag(p->id, p->opts.desc.tag);
	p->piece = evbuffer_new();
	event_assign(&p->pulse, loop_base(s->loop), -1, EV_PERSIST, on_pulse, p);
	if (p->piece != NULL && event_add(&p->pulse, loop_timeout(s->loop, STORE_HEARTBEAT_S)) == 0)
		*err = o->eager ? put_ask(p) : 0;
	if (*err != 0) {
		put_free(p);
		return NULL;
	}
	return p;
}

bool store_put_room(const struct store_put *p)
{
	return p->err == 0 && p->unanswered < UNANSWERED_MAX;
}

void store_put_resize(struct store_put *p, uint32_t chunk_bytes)
{
	if (p->bytes > 0)
		tg_bug("store_put", "resized after its first chunk");
	p->opts.desc.chunk_bytes = chunk_bytes;
}

/* Chunks ------------------------------------------------------------------- */

static void on_stage(void *ctx, const redisReply *r)
{
	struct store_put *p = ctx;
	int err = error_of(p->store, r);

	if (err != 0)
		put_fail(p, err);
}

static int put_stage(struct store_put *p)
{
	char desc[STORE_DESC_MAX];
	struct store_desc d = p->opts.desc;
	struct cmd m;

	if (d.name[0] != '\0')
		/* should the attempt be aborted, that is no word of the blob, which may be
		 * another's */
		d.tag[0] = '\0';
	desc_event(&d, desc);
	p->announced = p->n + ANNOUNCE;
	p->entered_us = clock_mono_us();
	cmd_fcall(&m, "tg2_stage", p->shard);
	cmd_text(&m, p->attempt);
	cmd_text(&m, p->opts.desc.uploader);
	cmd_text(&m, p->opts.desc.session);
	cmd_text(&m, p->opts.desc.bound ? "1" : "0");
	cmd_text(&m, p->staged ? "0" : "1");
	cmd_num(&m, p->announced);
	cmd_num(&m, left_ms(p));
	cmd_text(&m, desc);
	p->staged = true;
	return cmd_send(p->store, &m, on_stage, p);
}

static void on_pulse(evutil_socket_t fd, short what, void *ctx)
{
	struct store_put *p = ctx;

	(void)fd;
	(void)what;
	if (p->err != 0 || p->committing)
		return;
	if (left_ms(p) <= 0)
		put_fail(p, TG_ETTL);
	else if ((p->staged ? put_stage(p) : put_look(p, on_stage)) != 0)
		put_fail(p, TG_ESTORE);
}

static void on_set(void *ctx, const redisReply *r)
{
	struct store_put *p = ctx;
	int err = error_of(p->store, r);

	p->unanswered--;
	if (err != 0)
		put_fail(p, err);
	else if (store_put_room(p) && !p->committing && !p->ended)
		p->calls.on_room(p, p->ctx);
}

/* Sends the chunk in hand, for left ms. */
static int put_send(struct store_put *p, int64_t left)
{
	char key[KEY_BYTES];
	size_t n = key_of_chunk(key, p->shard, p->attempt, p->n);
	int rc = rconn_store(
		p->store->conn, on_set, p, key, n, p->piece, (uint64_t)left + STORE_NET_MS);

	if (rc != 0)
		return rc;
	p->n++;
	p->unanswered++;
	return 0;
}

static int put_enter(struct store_put *p)
{
	bool stale =
		p->opts.desc.session[0] != '\0' && clock_mono_us() - p->entered_us > ENTER_AGAIN_US;

	return !p->staged || p->n >= p->announced || stale ? put_stage(p) : 0;
}

int store_put_chunk(struct store_put *p, struct evbuffer *data)
{
	size_t len = evbuffer_get_length(data);
	int64_t left = left_ms(p);

	if (p->err != 0)
		return p->err;
	if (len == 0)
		return 0;
	if (p->ended || p->committing || !store_put_room(p))
		return TG_EINVAL;
	if (left <= 0)
		return p->err = TG_ETTL;
	if (len > p->opts.desc.chunk_bytes)
		len = p->opts.desc.chunk_bytes;
	if (evbuffer_remove_buffer(data, p->piece, len) != (int)len)
		return p->err = TG_ENOMEM;
	p->bytes += len;
	p->ended = len < p->opts.desc.chunk_bytes;
	if (p->ended && p->n == 0) {
		p->held = true;
		return 0;
	}
	p->err = put_enter(p);
	if (p->err == 0)
		p->err = put_send(p, left);
	return p->err;
}

/* Commit ------------------------------------------------------------------- */

static void put_answer(struct store_put *p, int err, const struct store_blob *blob)
{
	p->answering = true;
	p->calls.on_committed(p, err, blob, p->ctx);
	put_free(p);
}

/* A command beside the chunk's was refused: what answers the commit tells, and is told why by this.
 */
static void on_part(void *ctx, const redisReply *r)
{
	struct store_put *p = ctx;
	int err = r != NULL && p->err == 0 ? error_of(p->store, r) : 0;

	if (err != 0)
		put_fail(p, err);
}

static void on_cleaned(void *ctx, const redisReply *r)
{
	struct store_put *p = ctx;

	if (error_of(p->store, r) != 0)
		abort_until_done(p->store, p->attempt, p->n, STORE_STALLED_MS, true);
	put_answer(p, p->err, NULL);
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
		put_answer(p, 0, &blob);
		return;
	}
	if (p->err == 0)
		p->err = err; /* else the reason is known already: a chunk was refused */
	if (r == NULL)
		abort_until_done(p->store, p->attempt, p->n, STORE_STALLED_MS, true);
	/* A function that refuses has cleaned up; Redis refusing the function has not. */
	if (r != NULL && r->type == REDIS_REPLY_ERROR) {
		if (abort_send(p->store, p->attempt, p->n, 0, true, on_cleaned, p) == 0)
			return;
		abort_until_done(p->store, p->attempt, p->n, 0, true);
	}
	put_answer(p, p->err, NULL);
}

static void on_single(void *ctx, const redisReply *r)
{
	struct store_put *p = ctx;
	int err = transaction_err(p->store, r);

	if (err == 0) {
		metrics_count(M_STORED, 1);
		put_answer(p, 0, &p->written);
		return;
	}
	if (p->err == 0)
		p->err = err; /* otherwise the reason is known already: a command was not queued */
	if (r == NULL)
		abort_until_done(p->store, p->attempt, p->n, STORE_STALLED_MS, true);
	else if (!transaction_discarded(r)) {
		/* no MULTI, or not all rights: some of it may stand there */
		if (abort_send(p->store, p->attempt, p->n, 0, true, on_cleaned, p) == 0)
			return;
		abort_until_done(p->store, p->attempt, p->n, 0, true);
	}
	put_answer(p, p->err, NULL);
}

static int put_transaction(struct store_put *p, int64_t left)
{
	static const struct put_single_calls calls = {.refused = on_part, .done = on_single};
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

static void put_texts(struct store_put *p, int64_t left, struct put_single_texts *t)
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

/* The only chunk, behind its record. Should its commit never come, it is nobody's blob, and expires
 * by itself. */
static int put_single(
	struct store_put *p, const struct put_single_texts *t, bool live, int64_t left)
{
	char key[KEY_BYTES];
	size_t n = key_of(key, p->shard, "b:", p->attempt);
	int err = put_single_prepend(p->piece, t, live);

	if (err == 0)
		err = rconn_store(p->store->conn, on_set, p, key, n, p->piece,
			(uint64_t)(left < STORE_STAGED_MS ? left : STORE_STAGED_MS) + STORE_NET_MS);
	if (err != 0)
		return err;
	p->n = 1;
	p->unanswered++;
	return 0;
}

static int put_commit(struct store_put *p)
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
	cmd_text(&m, p->staged ? "1" : "0");
	cmd_text(&m, hash);
	return cmd_send(p->store, &m, on_commit, p);
}

/* tg2_put leaves to tg2_commit what has to be judged. */
static void on_put(void *ctx, const redisReply *r)
{
	struct store_put *p = ctx;
	struct lines l = lines_of(r);
	int err = error_of(p->store, r);

	if (err == 0) {
		p->store->stamp = lines_num(&l);
		metrics_count(M_STORED, 1);
		put_answer(p, 0, &p->written);
	} else if (r == NULL || r->type != REDIS_REPLY_STRING || put_commit(p) != 0) {
		on_commit(p, r);
	}
}

/* Under a chosen name, where nothing but the name has to be looked up: what goes live is written
 * here, and the function gives it its name. */
static int put_named(struct store_put *p, int64_t left)
{
	struct put_single_texts t;
	struct cmd m;
	int err;

	put_texts(p, left, &t);
	err = put_single(p, &t, true, left);
	if (err != 0)
		return err;
	cmd_fcall(&m, "tg2_put", p->shard);
	cmd_text(&m, p->attempt);
	cmd_text(&m, t.entry);
	cmd_text(&m, t.event);
	cmd_num(&m, p->written.deadline_ms);
	return cmd_send(p->store, &m, on_put, p);
}

/* In a session, or with a near deadline: the function completes the record. */
static int put_pending(struct store_put *p, int64_t left)
{
	struct put_single_texts t;
	int err;

	put_texts(p, left, &t);
	err = put_single(p, &t, false, left);
	return err != 0 ? err : put_commit(p);
}

int store_put_commit(struct store_put *p, const struct store_put_opts *o)
{
	int64_t left = left_ms(p);

	if (p->err != 0)
		return p->err;
	if (p->committing || p->bytes == 0)
		return TG_EINVAL;
	const uint32_t chunk = p->opts.desc.chunk_bytes;
	char tag[sizeof p->opts.desc.tag];
	memcpy(tag, p->opts.desc.tag, sizeof tag);
	p->opts.desc = o->desc;
	p->opts.desc.chunk_bytes = chunk;
	memcpy(p->opts.desc.tag, tag, sizeof tag);
	p->opts.desc.size_bytes = p->bytes;
	if (p->held && left <= 0)
		return p->err = TG_ETTL;
	const bool fits = p->held && put_single_fits(&p->opts.desc, left),
		   named = p->opts.desc.name[0] != '\0';
	if (!p->held)
		p->err = put_commit(p);
	else if (!fits)
		p->err = put_pending(p, left);
	else
		p->err = named ? put_named(p, left) : put_transaction(p, left);
	p->held = false;
	p->committing = p->err == 0;
	return p->err;
}

void store_put_abort(struct store_put *p)
{
	if (p == NULL || p->answering)
		return;
	if (p->n > 0 || p->staged) {
		metrics_count(M_ABORTED, 1);
		/* a broken connection may still hold what we sent */
		abort_until_done(p->store, p->attempt, p->n,
			p->err == TG_ESTORE ? STORE_STALLED_MS : 0, p->committing);
	}
	put_free(p);
}
