/*
 * store_fixture.h: a private Redis, a store that is connected to it, and callbacks that keep what
 * they were told and stop the loop. For the tests of the store's calls, test_store_*.c.
 */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include <sys/socket.h>
#include <sys/un.h>
#include "redis_server.h"
#include <timeglas/errors.h>
#include "base/clock.h"
#include "store/store.h"
#include "store/store_blob.h"
#include "store/store_name.h"
#include "store/store_put.h"
#include "store/store_read.h"
#include "store/store_reap.h"
#include "store/store_reconcile.h"
#include "store/store_session.h"
#include "store/store_idempotency.h"

struct world {
	struct redis_server redis;
	struct loop *loop;
	struct store *store;
	int ups, downs;
	bool crashing;
	/* what the last callback said */
	int err, calls, refused, checked;
	struct store_session session;
	struct store_blob blob, blobs[64];
	size_t n_blobs;
	struct store_reaped reaped;
	/* upload and take */
	struct store_put *put;
	struct evbuffer *in, *out;
	struct store_read *take;
	int begun, chunks, ended, stop_after;
};

static inline void on_up(struct store *s, void *ctx)
{
	struct world *w = ctx;

	(void)s;
	w->ups++;
	loop_stop(w->loop);
}

static inline void on_down(struct store *s, void *ctx)
{
	struct world *w = ctx;

	(void)s;
	w->downs++;
	if (!w->crashing)
		return;
	store_put_abort(w->put);
	store_read_abort(w->take);
	w->put = NULL;
	w->take = NULL;
}

static inline void connect_store(struct world *w)
{
	static const struct store_calls calls = {.on_up = on_up, .on_down = on_down};
	char err[128];

	w->store = store_new(w->loop, w->redis.url, &calls, w, err, sizeof err);
	assert_non_null(w->store);
	loop_until_stop(w->loop);
}

static inline int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	signal(SIGPIPE, SIG_IGN);
	redis_server_start(&w->redis);
	w->loop = loop_new();
	w->in = evbuffer_new();
	w->out = evbuffer_new();
	w->stop_after = -1;
	connect_store(w);
	redis_server_compared(&w->redis);
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *w = *state;

	store_put_abort(w->put);
	store_free(w->store);
	evbuffer_free(w->in);
	evbuffer_free(w->out);
	loop_free(w->loop);
	redis_server_stop(&w->redis);
	free(w);
	return 0;
}

/* Callbacks: keep what was said, and stop the loop ------------------------- */

static inline void on_session(void *ctx, int err, const struct store_session *s)
{
	struct world *w = ctx;

	w->err = err;
	w->calls++;
	if (s != NULL)
		w->session = *s;
	loop_stop(w->loop);
}

static inline void on_show(
	void *ctx, int err, const struct store_session *s, const struct store_blob *b, size_t n)
{
	struct world *w = ctx;

	on_session(ctx, err, s);
	w->n_blobs = n;
	for (size_t i = 0; i < n && i < 64; i++)
		w->blobs[i] = b[i];
}

static inline void on_blob(void *ctx, int err, const struct store_blob *b)
{
	struct world *w = ctx;

	w->err = err;
	w->calls++;
	if (b != NULL)
		w->blob = *b;
	loop_stop(w->loop);
}

static inline void on_reap(void *ctx, unsigned shard, int err, const struct store_reaped *r)
{
	struct world *w = ctx;

	(void)shard;
	w->err = err;
	w->calls++;
	if (r != NULL)
		w->reaped = *r;
	loop_stop(w->loop);
}

/* What was sent before it has been answered. */
static inline void on_fence(void *ctx, int err, const struct store_blob *b)
{
	struct world *w = ctx;

	(void)b;
	w->err = err;
	loop_stop(w->loop);
}

static inline void fence(struct world *w)
{
	assert_int_equal(store_blob_stat(w->store, "00AAAAAAAAAAAAAAAAAAAAAA", on_fence, w), 0);
	loop_until_stop(w->loop);
}

/* Uploading ---------------------------------------------------------------- */

static inline int put_more(struct world *w)
{
	int rc = 0;

	while (rc == 0 && evbuffer_get_length(w->in) > 0 && store_put_room(w->put))
		rc = store_put_chunk(w->put, w->in);
	return rc;
}

static inline void on_room(struct store_put *p, void *ctx)
{
	struct world *w = ctx;

	(void)p;
	assert_int_equal(put_more(w), 0);
	if (evbuffer_get_length(w->in) == 0)
		loop_stop(w->loop);
}

static inline void on_refused(struct store_put *p, int err, void *ctx)
{
	struct world *w = ctx;

	w->refused++;
	w->err = err;
	store_put_abort(p);
	w->put = NULL;
	loop_stop(w->loop);
}

static inline void on_checked(struct store_put *p, void *ctx)
{
	struct world *w = ctx;

	(void)p;
	w->checked++;
	loop_stop(w->loop);
}

static inline void on_committed(struct store_put *p, int err, const struct store_blob *b, void *ctx)
{
	struct world *w = ctx;

	(void)p;
	w->put = NULL;
	on_blob(ctx, err, b);
}

static const struct store_put_calls put_calls = {on_room, on_refused, on_checked, on_committed};

static inline struct store_put_opts put_opts(const char *session, bool bound)
{
	struct store_put_opts o = {.ttl_s = 600, .age_us = 1000};

	strcpy(o.desc.kind, bound ? "passport" : "liveness");
	strcpy(o.desc.issuer, bound ? "DNK" : "");
	strcpy(o.desc.session, session);
	strcpy(o.desc.uploader, "uploader");
	strcpy(o.desc.to, " verifier verifier2 ");
	o.desc.danish = bound;
	o.desc.bound = bound;
	return o;
}

/* A name as an uploader chooses one: 22 characters, the last of which holds two bits. */
static inline void random_name(char out[TOKEN_NAME_LEN + 1])
{
	char id[TOKEN_LEN + 1];

	token_make(0, id);
	strcpy(out, id + 2);
}

static inline void fill(struct world *w, size_t bytes)
{
	unsigned char *p = malloc(bytes);

	for (size_t i = 0; i < bytes; i++)
		p[i] = (unsigned char)(i * 2654435761u >> 13);
	evbuffer_drain(w->in, evbuffer_get_length(w->in));
	evbuffer_add(w->in, p, bytes);
	free(p);
}

static inline int begin(struct world *w, const struct store_put_opts *o, size_t bytes)
{
	int err;

	fill(w, bytes);
	w->put = store_put_new(w->store, o, &put_calls, w, &err);
	if (w->put == NULL)
		return err;
	return put_more(w);
}

/* Uploads, and waits for the answer. */
static inline int upload(struct world *w, const struct store_put_opts *o, size_t bytes)
{
	int rc = begin(w, o, bytes);

	if (rc != 0)
		return rc;
	while (w->put != NULL && evbuffer_get_length(w->in) > 0)
		loop_until_stop(w->loop);
	if (w->put == NULL)
		return w->err;
	w->err = -999;
	rc = store_put_commit(w->put, o);
	if (rc != 0)
		return rc;
	while (w->put != NULL)
		loop_until_stop(w->loop);
	return w->err;
}

/* Taking ------------------------------------------------------------------- */

static inline void on_begin(struct store_read *t, int err, const struct store_blob *b, void *ctx)
{
	struct world *w = ctx;

	w->begun++;
	w->err = err;
	if (b != NULL)
		w->blob = *b;
	if (err == 0 && w->stop_after != 0)
		return;
	if (err == 0)
		store_read_abort(t);
	w->ended++;
	w->take = NULL;
	loop_stop(w->loop);
}

static inline void on_data(
	struct store_read *t, struct evbuffer *data, bool done, int err, void *ctx)
{
	struct world *w = ctx;

	evbuffer_add_buffer(w->out, data);
	w->err = err;
	if (err == 0)
		w->chunks++;
	if (done || err != 0) {
		w->ended++;
		w->take = NULL;
		loop_stop(w->loop);
	} else if (w->stop_after == w->chunks) {
		loop_stop(w->loop);
	} else {
		store_read_next(t);
	}
}

static const struct store_read_calls take_calls = {on_begin, on_data};

static inline int take(struct world *w, const char *id, const char *peer)
{
	int err;

	w->begun = w->chunks = w->ended = 0;
	evbuffer_drain(w->out, evbuffer_get_length(w->out));
	w->take = store_read_take(w->store, id, peer, &take_calls, w, &err);
	if (w->take == NULL)
		return err;
	loop_until_stop(w->loop);
	return w->err;
}

static inline void open_session(struct world *w)
{
	assert_int_equal(store_session_open(w->store, "uploader", "", 600, on_session, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
}

/* One turn of the loop, about a millisecond long. */
static inline void on_turn(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	loop_stop(ctx);
}

static inline void turn(struct world *w)
{
	struct timeval ms = {0, 1000};
	struct event *e = event_new(loop_base(w->loop), -1, 0, on_turn, w->loop);

	event_add(e, &ms);
	assert_int_equal(loop_run(w->loop), 0);
	event_free(e);
}

/* Asks every shard to erase what is due. */
static inline int reap(struct world *w)
{
	int erased = 0;

	for (unsigned i = 0; i < TOKEN_SHARDS; i++) {
		assert_int_equal(store_reap(w->store, i, 100, 0, on_reap, w), 0);
		loop_until_stop(w->loop);
		assert_int_equal(w->err, 0);
		erased += (int)w->reaped.erased;
	}
	return erased;
}

/* Lets every index entry fall due by hand, and reaps, until the index is empty. */
static inline void end_all(struct world *w)
{
	redisReply *index, *members;

	while (index = redis_server_do(&w->redis, "KEYS tg:*:dl"), index->elements > 0) {
		for (size_t i = 0; i < index->elements; i++) {
			members = redis_server_do(
				&w->redis, "ZRANGE %s 0 -1", index->element[i]->str);
			for (size_t k = 0; k < members->elements; k++)
				redis_server_run_cmd(&w->redis, "ZADD %s 1 %s",
					index->element[i]->str, members->element[k]->str);
			freeReplyObject(members);
		}
		freeReplyObject(index);
		assert_true(reap(w) > 0);
	}
	freeReplyObject(index);
}

/* As if the process died: the connection ends, and another process connects, which knows nothing of
 * what was under way. */
static inline void crash(struct world *w)
{
	int downs = w->downs;

	w->crashing = true;
	redis_server_run_cmd(&w->redis, "CLIENT KILL TYPE normal");
	while (w->downs == downs)
		turn(w);
	w->crashing = false;
	store_free(w->store);
	connect_store(w);
}

/* Cuts the store's connection at our end: what was written is still read by Redis, but its answers
 * are lost. */
static inline void cut(struct world *w)
{
	for (int fd = 3; fd < 64; fd++) {
		struct sockaddr_un peer;
		socklen_t len = sizeof peer;
		if (fd != w->redis.c->fd && getpeername(fd, (struct sockaddr *)&peer, &len) == 0 &&
			peer.sun_family == AF_UNIX && strcmp(peer.sun_path, w->redis.socket) == 0)
			shutdown(fd, SHUT_RDWR);
	}
}

/* KEYS hides what has expired and is still there: DBSIZE counts it. */
static inline void assert_nothing_but_tombstones(struct world *w)
{
	long long all = redis_server_int(&w->redis, "DBSIZE");

	assert_int_equal(all,
		redis_server_keys(&w->redis, "tg:*:b:*") +
			redis_server_keys(&w->redis, "tg:*:s:*") +
			redis_server_keys(&w->redis, "tg:*:sb:*") +
			redis_server_keys(&w->redis, "tg:*:out"));
}

static inline void wait_until_ms(struct world *w, int64_t unix_ms)
{
	while (clock_wall_ms() < unix_ms)
		turn(w);
}

#endif
