/*
 * store_put.c: an upload up to its commit, which is in store_put_commit.c. Its chunks are native
 * SETs with an expiry; tg2_stage enters it in the deadline index.
 *
 * A first chunk that is not full is the only one: it is kept here, and goes to Redis with its
 * commit. Of any other upload each chunk that Redis holds has an entry in the index (b:<id> or
 * x:<id>:…) at most 30 or 60 s ahead, whatever happens to this process, so the reaper erases it.
 * The entry is renewed while the upload lives, also when its bytes come too slowly to fill a chunk.
 * An upload that drips is refused when its time is over or its session has ended, although nothing
 * of it may have reached the store yet. Runs in workers.
 */
#include <stdlib.h>
#include <string.h>
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
#include "store/state.h"
#include "store/store.h"
#include "store/store_put.h"
#include "store/store_put_step.h"

/* An upload in a session calls tg2_stage again before a chunk, when it last did longer ago than
 * this, to learn whether the session has ended: the first late-write sweep, STORE_LATE_MS after the
 * end, is to find all that was sent. */
#define ENTER_AGAIN_US (STORE_LATE_MS * UINT64_C(1000) / 2)
/* tg2_stage is told of so many chunks ahead, so that not each of them needs a call. */
#define ANNOUNCE 32u

static void on_heartbeat(evutil_socket_t fd, short what, void *ctx);

/* Making one --------------------------------------------------------------- */

static void on_check(void *ctx, const redisReply *r)
{
	struct store_put *p = ctx;
	int err = error_of(p->store, r);

	if (err != 0)
		store_put_step_refuse_later(p, err);
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

/* Asks whether the session is open, if there is one. */
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

/* At a chosen name there can be other attempts, so this one gets a token. An id whose name was
 * drawn in this process is its attempt's name, too. */
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
	event_assign(&p->heartbeat, loop_base(s->loop), -1, EV_PERSIST, on_heartbeat, p);
	if (p->piece != NULL &&
		event_add(&p->heartbeat, loop_timeout(s->loop, STORE_HEARTBEAT_S)) == 0)
		*err = o->eager ? put_ask(p) : 0;
	if (*err != 0) {
		store_put_step_free(p);
		return NULL;
	}
	return p;
}

bool store_put_room(const struct store_put *p)
{
	return p->err == 0 && p->unanswered < STORE_PUT_UNANSWERED_MAX;
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
		store_put_step_refuse_later(p, err);
}

static int put_stage(struct store_put *p)
{
	char desc[STORE_DESC_MAX];
	struct store_desc d = p->opts.desc;
	const bool first = p->announced == 0;
	struct cmd m;

	if (d.name[0] != '\0')
		/* the event of an abort must not bear the tag of a blob that another attempt made
		 */
		d.tag[0] = '\0';
	desc_event(&d, desc);
	p->announced = p->n + ANNOUNCE;
	p->entered_us = clock_mono_us();
	cmd_fcall(&m, "tg2_stage", p->shard);
	cmd_text(&m, p->attempt);
	cmd_text(&m, p->opts.desc.uploader);
	cmd_text(&m, p->opts.desc.session);
	cmd_text(&m, p->opts.desc.bound ? "1" : "0");
	cmd_text(&m, first ? "1" : "0");
	cmd_num(&m, p->announced);
	cmd_num(&m, store_put_step_left_ms(p));
	cmd_text(&m, desc);
	cmd_num(&m, (int64_t)((clock_mono_us() - p->born_us) / 1000));
	return cmd_send(p->store, &m, on_stage, p);
}

static void on_heartbeat(evutil_socket_t fd, short what, void *ctx)
{
	struct store_put *p = ctx;

	(void)fd;
	(void)what;
	if (!store_put_state_is_open(p->state))
		return;
	if (store_put_step_left_ms(p) <= 0)
		store_put_step_refuse_later(p, TG_ETTL);
	else if ((p->announced > 0 ? put_stage(p) : put_look(p, on_stage)) != 0)
		store_put_step_refuse_later(p, TG_ESTORE);
}

/* Sends the chunk in hand. left: until the deadline, in ms. */
static int put_send(struct store_put *p, int64_t left)
{
	char key[KEY_BYTES];
	size_t n = key_of_chunk(key, p->shard, p->attempt, p->n);
	int rc = rconn_store(p->store->conn, store_put_step_on_set, p, key, n, p->piece,
		(uint64_t)left + STORE_NET_MS);

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

	return p->n >= p->announced || stale ? put_stage(p) : 0;
}

/* Sends the chunk in hand, behind what enters the upload in the index. */
static int put_chunk(struct store_put *p, bool last)
{
	const int64_t left = store_put_step_left_ms(p);
	int err = put_enter(p);

	if (err == 0)
		err = put_send(p, left);
	if (err == 0)
		store_put_step(p, last ? STORE_PUT_EV_LAST_CHUNK_SENT : STORE_PUT_EV_CHUNK_SENT);
	return err;
}

int store_put_chunk(struct store_put *p, struct evbuffer *data)
{
	size_t len = evbuffer_get_length(data);
	int err = 0;

	if (p->state == STORE_PUT_STATE_FAILED)
		return p->err;
	if (len == 0)
		return 0;
	if (!store_put_state_takes_chunks(p->state) || !store_put_room(p))
		return TG_EINVAL;
	if (store_put_step_left_ms(p) <= 0)
		return store_put_step_refuse(p, TG_ETTL);
	if (len > p->opts.desc.chunk_bytes)
		len = p->opts.desc.chunk_bytes;
	if (evbuffer_remove_buffer(data, p->piece, len) != (int)len)
		return store_put_step_refuse(p, TG_ENOMEM);
	p->bytes += len;
	const bool last = len < p->opts.desc.chunk_bytes;
	if (last && p->state == STORE_PUT_STATE_EMPTY)
		store_put_step(p, STORE_PUT_EV_ONLY_CHUNK_KEPT);
	else
		err = put_chunk(p, last);
	return err != 0 ? store_put_step_refuse(p, err) : 0;
}

void store_put_abort(struct store_put *p)
{
	if (p == NULL || p->state == STORE_PUT_STATE_ANSWERED)
		return;
	if (p->n > 0 || p->announced > 0) {
		metrics_count(M_ABORTED, 1);
		/* what was sent on a connection that broke may still arrive */
		abort_until_done(p->store, p->attempt, p->n,
			p->err == TG_ESTORE ? STORE_STALLED_MS : 0,
			store_put_state_is_decided_by_store(p->state));
	}
	store_put_step_free(p);
}
