/*
 * Goal: the store's calls against a real Redis: an upload becomes visible whole or leaves nothing,
 * a blob is read by one peer once, and every callback comes exactly once, also when Redis is full,
 * restarts, or the connection is lost.
 */
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

static void on_up(struct store *s, void *ctx)
{
	struct world *w = ctx;

	(void)s;
	w->ups++;
	loop_stop(w->loop);
}

static void on_down(struct store *s, void *ctx)
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

static void connect_store(struct world *w)
{
	static const struct store_calls calls = {.on_up = on_up, .on_down = on_down};
	char err[128];

	w->store = store_new(w->loop, w->redis.url, &calls, w, err, sizeof err);
	assert_non_null(w->store);
	loop_until_stop(w->loop);
}

static int setup(void **state)
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

static int teardown(void **state)
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

static void on_session(void *ctx, int err, const struct store_session *s)
{
	struct world *w = ctx;

	w->err = err;
	w->calls++;
	if (s != NULL)
		w->session = *s;
	loop_stop(w->loop);
}

static void on_show(
	void *ctx, int err, const struct store_session *s, const struct store_blob *b, size_t n)
{
	struct world *w = ctx;

	on_session(ctx, err, s);
	w->n_blobs = n;
	for (size_t i = 0; i < n && i < 64; i++)
		w->blobs[i] = b[i];
}

static void on_blob(void *ctx, int err, const struct store_blob *b)
{
	struct world *w = ctx;

	w->err = err;
	w->calls++;
	if (b != NULL)
		w->blob = *b;
	loop_stop(w->loop);
}

static void on_reap(void *ctx, unsigned shard, int err, const struct store_reaped *r)
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
static void on_fence(void *ctx, int err, const struct store_blob *b)
{
	struct world *w = ctx;

	(void)b;
	w->err = err;
	loop_stop(w->loop);
}

static void fence(struct world *w)
{
	assert_int_equal(store_blob_stat(w->store, "00AAAAAAAAAAAAAAAAAAAAAA", on_fence, w), 0);
	loop_until_stop(w->loop);
}

/* Uploading ---------------------------------------------------------------- */

static int put_more(struct world *w)
{
	int rc = 0;

	while (rc == 0 && evbuffer_get_length(w->in) > 0 && store_put_room(w->put))
		rc = store_put_chunk(w->put, w->in);
	return rc;
}

static void on_room(struct store_put *p, void *ctx)
{
	struct world *w = ctx;

	(void)p;
	assert_int_equal(put_more(w), 0);
	if (evbuffer_get_length(w->in) == 0)
		loop_stop(w->loop);
}

static void on_refused(struct store_put *p, int err, void *ctx)
{
	struct world *w = ctx;

	w->refused++;
	w->err = err;
	store_put_abort(p);
	w->put = NULL;
	loop_stop(w->loop);
}

static void on_checked(struct store_put *p, void *ctx)
{
	struct world *w = ctx;

	(void)p;
	w->checked++;
	loop_stop(w->loop);
}

static void on_committed(struct store_put *p, int err, const struct store_blob *b, void *ctx)
{
	struct world *w = ctx;

	(void)p;
	w->put = NULL;
	on_blob(ctx, err, b);
}

static const struct store_put_calls put_calls = {on_room, on_refused, on_checked, on_committed};

static struct store_put_opts put_opts(const char *session, bool bound)
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
static void random_name(char out[TOKEN_NAME_LEN + 1])
{
	char id[TOKEN_LEN + 1];

	token_make(0, id);
	strcpy(out, id + 2);
}

static void fill(struct world *w, size_t bytes)
{
	unsigned char *p = malloc(bytes);

	for (size_t i = 0; i < bytes; i++)
		p[i] = (unsigned char)(i * 2654435761u >> 13);
	evbuffer_drain(w->in, evbuffer_get_length(w->in));
	evbuffer_add(w->in, p, bytes);
	free(p);
}

static int begin(struct world *w, const struct store_put_opts *o, size_t bytes)
{
	int err;

	fill(w, bytes);
	w->put = store_put_new(w->store, o, &put_calls, w, &err);
	if (w->put == NULL)
		return err;
	return put_more(w);
}

/* Uploads, and waits for the answer. */
static int upload(struct world *w, const struct store_put_opts *o, size_t bytes)
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

static void on_begin(struct store_read *t, int err, const struct store_blob *b, void *ctx)
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

static void on_data(struct store_read *t, struct evbuffer *data, bool done, int err, void *ctx)
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

static int take(struct world *w, const char *id, const char *peer)
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

static void open_session(struct world *w)
{
	assert_int_equal(store_session_open(w->store, "uploader", "", 600, on_session, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
}

/* One turn of the loop, about a millisecond long. */
static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	loop_stop(ctx);
}

static void turn(struct world *w)
{
	struct timeval ms = {0, 1000};
	struct event *e = event_new(loop_base(w->loop), -1, 0, on_turn, w->loop);

	event_add(e, &ms);
	assert_int_equal(loop_run(w->loop), 0);
	event_free(e);
}

/* Asks every shard to erase what is due. */
static int reap(struct world *w)
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
static void end_all(struct world *w)
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
static void crash(struct world *w)
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
static void cut(struct world *w)
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
static void assert_nothing_but_tombstones(struct world *w)
{
	long long all = redis_server_int(&w->redis, "DBSIZE");

	assert_int_equal(all,
		redis_server_keys(&w->redis, "tg:*:b:*") +
			redis_server_keys(&w->redis, "tg:*:s:*") +
			redis_server_keys(&w->redis, "tg:*:sb:*") +
			redis_server_keys(&w->redis, "tg:*:out"));
}

/* Cases -------------------------------------------------------------------- */

static void round_trip_of(struct world *w, size_t bytes, int chunks, uint32_t chunk_bytes)
{
	struct store_put_opts o = put_opts("", false);
	char id[TOKEN_LEN + 1];

	o.desc.chunk_bytes = chunk_bytes;
	strcpy(o.desc.sha256, "ab");
	assert_int_equal(upload(w, &o, bytes), 0);
	assert_int_equal(w->blob.state, STORE_LIVE);
	assert_int_equal(w->blob.desc.size_bytes, bytes);
	token_tag(w->blob.id, o.desc.tag);
	assert_string_equal(w->blob.desc.tag, o.desc.tag);
	assert_string_equal(w->blob.desc.kind, "liveness");
	assert_string_equal(w->blob.desc.issuer, "");
	assert_string_equal(w->blob.desc.sha256, "ab");
	assert_int_equal(
		w->blob.desc.chunk_bytes, chunk_bytes != 0 ? chunk_bytes : STORE_CHUNK_BYTES);
	assert_int_equal(w->blob.deadline_ms - w->blob.stored_at_ms > 590000, 1);
	assert_int_equal(w->blob.deadline_ms - w->blob.stored_at_ms < 600000, 1);
	strcpy(id, w->blob.id);

	assert_int_equal(take(w, id, "stranger"), TG_ENOENT);
	assert_int_equal(take(w, id, "verifier"), 0);
	assert_int_equal(w->begun, 1);
	assert_int_equal(w->chunks, chunks);
	assert_int_equal(evbuffer_get_length(w->out), bytes);
	fill(w, bytes);
	assert_memory_equal(evbuffer_pullup(w->in, -1), evbuffer_pullup(w->out, -1), bytes);

	assert_int_equal(take(w, id, "verifier2"), TG_EGONE);
	assert_string_equal(w->blob.cause, "consumed");
	assert_true(w->blob.gone_at_ms >= w->blob.stored_at_ms);
	assert_true(strlen(w->blob.event) > 5 && w->blob.event[2] == '-' &&
		strncmp(w->blob.event, id, 2) == 0);
	assert_nothing_but_tombstones(w);
}

/* Whatever it says, with little room to spare, or none: in a transaction, under a chosen name, in a
 * session. What its reader gets is the content, and its uploader can still learn of it. */
static void record_of_any_length_leaves_its_chunk_whole(void **state)
{
	static const char digest[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	struct world *w = *state;
	char sid[TOKEN_LEN + 1];

	open_session(w);
	strcpy(sid, w->session.id);
	for (size_t len = 1; len<610; len += len> 60 && len < 230 ? 1 : 23)
		for (int way = 0; way < 3; way++) {
			struct store_put_opts o =
				put_opts(way == 2 ? sid : "", way == 2 && len < 30);

			memset(o.desc.to + strlen(o.desc.to), 'x', len);
			strcat(o.desc.to, " ");
			strcpy(o.desc.sha256, digest);
			memset(o.desc.subject, 'a', way == 2 ? 0 : STORE_SUBJECT_LEN);
			if (way == 1)
				random_name(o.desc.name);
			assert_int_equal(upload(w, &o, 777), 0);
			if (way == 1)
				assert_int_equal(upload(w, &o, 777), 0); /* it is known now */
			assert_int_equal(w->blob.repeated, way == 1);
			char id[TOKEN_LEN + 1];
			strcpy(id, w->blob.id);
			assert_int_equal(take(w, id, "verifier"), 0);
			assert_int_equal(evbuffer_get_length(w->out), 777);
			fill(w, 777);
			assert_memory_equal(
				evbuffer_pullup(w->in, -1), evbuffer_pullup(w->out, -1), 777);
		}
}

static void round_trip(struct world *w, size_t bytes, int chunks)
{
	round_trip_of(w, bytes, chunks, 0);
}

static void take_blob_of_small_chunks_returns_it_once(void **state)
{
	round_trip_of(*state, 3u * STORE_CHUNK_SMALL_BYTES, 3, STORE_CHUNK_SMALL_BYTES);
	round_trip_of(*state, 9u * STORE_CHUNK_SMALL_BYTES + 1, 10, STORE_CHUNK_SMALL_BYTES);
}

static void take_small_blob_returns_it_once(void **state)
{
	round_trip(*state, 4096, 1);
}

static void take_blob_of_one_full_chunk_returns_it_once(void **state)
{
	round_trip(*state, STORE_CHUNK_BYTES, 1);
}

static void take_blob_of_many_chunks_returns_it_once(void **state)
{
	round_trip(*state, 45u * STORE_CHUNK_BYTES + 17, 46);
}

static void session_open_then_show_lists_its_blobs(void **state)
{
	struct world *w = *state;
	struct store_put_opts o;
	char sid[TOKEN_LEN + 1];

	open_session(w);
	strcpy(sid, w->session.id);
	assert_string_equal(w->session.state, "open");
	assert_int_equal(w->session.deadline_ms - w->session.opened_at_ms, 3600000);
	assert_int_equal(w->session.idle_deadline_ms - w->session.opened_at_ms, 600000);
	assert_int_equal(w->session.idle_s, 600);
	o = put_opts(sid, true);
	assert_int_equal(upload(w, &o, 1000), 0);
	assert_memory_equal(w->blob.id, sid, 2);
	o = put_opts(sid, false);
	assert_int_equal(upload(w, &o, 200000), 0);
	assert_int_equal(store_session_show(w->store, sid, on_show, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_int_equal(w->n_blobs, 2);

	/* Closing takes the bound one only; erase_all the other, too. */
	assert_int_equal(store_session_close(w->store, sid, "somebody", false, on_show, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, TG_ENOENT);
	assert_int_equal(store_session_close(w->store, sid, "uploader", false, on_show, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_string_equal(w->session.state, "closed");
	assert_int_equal(w->n_blobs, 1);
	assert_true(w->blobs[0].desc.bound);
	assert_string_equal(w->blobs[0].cause, "session-closed");
	assert_int_equal(redis_server_chunks(&w->redis, "*"), 4);
	assert_int_equal(store_session_close(w->store, sid, NULL, true, on_show, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_int_equal(w->n_blobs, 1);
	assert_nothing_but_tombstones(w);
	assert_int_equal(store_session_touch(w->store, sid, "uploader", on_session, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, TG_EGONE);
}

static void put_eager_says_whether_the_session_is_open(void **state)
{
	struct world *w = *state;
	struct store_put_opts o;
	int err;

	open_session(w);
	o = put_opts(w->session.id, true);
	o.eager = true;
	w->put = store_put_new(w->store, &o, &put_calls, w, &err);
	loop_until_stop(w->loop);
	assert_int_equal(w->checked, 1);
	store_put_abort(w->put);

	strcpy(o.desc.uploader, "somebody");
	w->put = store_put_new(w->store, &o, &put_calls, w, &err);
	loop_until_stop(w->loop);
	assert_int_equal(w->refused, 1);
	assert_int_equal(w->err, TG_ESESSION);

	o = put_opts("", false); /* nothing to ask */
	o.eager = true;
	w->put = store_put_new(w->store, &o, &put_calls, w, &err);
	assert_int_equal(w->checked, 1); /* never before return */
	loop_until_stop(w->loop);
	assert_int_equal(w->checked, 2);
}

static void put_commit_without_open_session_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct store_put_opts o;

	open_session(w);
	o = put_opts(w->session.id, true);
	strcpy(o.desc.uploader, "somebody");
	assert_int_equal(upload(w, &o, 100), TG_ESESSION);
	assert_int_equal(upload(w, &o, 150000), TG_ESESSION);
	while (redis_server_chunks(&w->redis, "*") > 0) /* the abort is on its way */
		turn(w);

	/* Closed while the chunks come: the staged ones go with it, before the close is answered.
	 */
	o = put_opts(w->session.id, true);
	assert_int_equal(begin(w, &o, 2 * STORE_CHUNK_BYTES), 0);
	while (redis_server_chunks(&w->redis, "*") < 2)
		turn(w);
	assert_int_equal(
		store_session_close(w->store, w->session.id, "uploader", false, on_show, w), 0);
	w->calls = 0;
	while (w->calls == 0)
		loop_until_stop(w->loop);
	assert_int_equal(w->n_blobs, 0); /* it never was a blob */
	assert_int_equal(redis_server_chunks(&w->redis, "*"), 0);
	assert_int_equal(store_put_commit(w->put, &o), 0);
	w->calls = 0;
	while (w->calls == 0)
		loop_until_stop(w->loop);
	assert_int_equal(w->err, TG_ESESSION);
	end_all(w);
	assert_nothing_but_tombstones(w);
}

static void put_commit_after_its_time_is_refused(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);

	o.ttl_s = 1;
	o.age_us = 1000001;
	assert_int_equal(upload(w, &o, 100), TG_ETTL);
	store_put_abort(w->put);
	assert_int_equal(upload(w, &o, 100000), TG_ETTL);
	store_put_abort(w->put);
	w->put = NULL;
	assert_nothing_but_tombstones(w);
}

static void put_commit_over_the_bound_quota_is_refused(void **state)
{
	struct world *w = *state;
	struct store_put_opts o;
	char id[TOKEN_LEN + 1], key[64];

	open_session(w);
	o = put_opts(w->session.id, true);
	for (unsigned i = 0; i < TG_SESSION_BOUND_BLOBS; i++)
		assert_int_equal(upload(w, &o, 50), 0);
	strcpy(id, w->blob.id);
	assert_int_equal(upload(w, &o, 50), TG_EQUOTA);
	assert_int_equal(redis_server_chunks(&w->redis, "*"), TG_SESSION_BOUND_BLOBS);
	assert_int_equal(take(w, id, "verifier"), 0);
	assert_int_equal(upload(w, &o, 50), 0);
	/* and the bytes */
	snprintf(key, sizeof key, "tg:{%.2s}:s:%s", w->session.id, w->session.id);
	redis_server_run_cmd(&w->redis, "HINCRBY %s z %u", key, TG_SESSION_BOUND_BYTES);
	assert_int_equal(take(w, w->blob.id, "verifier"), 0);
	assert_int_equal(upload(w, &o, 50), TG_EQUOTA);
}

static void put_abort_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);

	assert_int_equal(begin(w, &o, 3 * STORE_CHUNK_BYTES), 0);
	while (redis_server_chunks(&w->redis, "*") == 0)
		turn(w);
	assert_int_equal(redis_server_keys(&w->redis, "tg:*:b:*"), 1);
	store_put_abort(w->put);
	w->put = NULL;
	while (redis_server_keys(&w->redis, "tg:*:b:*") > 0)
		turn(w);
	assert_nothing_but_tombstones(w);
	assert_int_equal(redis_server_int(&w->redis, "DBSIZE"), 1); /* the event */

	/* Its commit on the way: nobody will learn that it lives, so it does not. */
	assert_int_equal(begin(w, &o, 1000), 0);
	assert_int_equal(store_put_commit(w->put, &o), 0);
	store_put_abort(w->put);
	w->put = NULL;
	fence(w);
	assert_nothing_but_tombstones(w);
}

static void full_store_refuses_uploads_and_still_erases(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false), bound;
	char small[TOKEN_LEN + 1], large[TOKEN_LEN + 1], third[TOKEN_LEN + 1];

	open_session(w);
	bound = put_opts(w->session.id, true);
	assert_int_equal(upload(w, &bound, 500), 0);
	assert_int_equal(upload(w, &o, 500), 0);
	strcpy(small, w->blob.id);
	assert_int_equal(upload(w, &o, 500000), 0);
	strcpy(large, w->blob.id);
	assert_int_equal(upload(w, &o, 500), 0);
	strcpy(third, w->blob.id);
	size_t before = redis_server_chunks(&w->redis, "*");
	redis_server_run_cmd(&w->redis, "CONFIG SET maxmemory 1");

	assert_int_equal(upload(w, &o, 500), TG_EFULL);
	assert_int_equal(upload(w, &o, 500000), TG_EFULL);
	assert_int_equal(w->refused, 1);
	assert_int_equal(store_session_open(w->store, "uploader", "", 600, on_session, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, TG_EFULL);
	assert_int_equal(redis_server_chunks(&w->redis, "*"), before);

	assert_int_equal(
		store_session_touch(w->store, w->session.id, "uploader", on_session, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_int_equal(store_blob_stat(w->store, small, on_blob, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_int_equal(take(w, small, "verifier"), 0);
	assert_int_equal(take(w, large, "verifier"), 0);
	assert_int_equal(w->chunks, 8);
	assert_int_equal(store_blob_erase(w->store, third, "uploader", on_blob, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_int_equal(store_session_close(w->store, w->session.id, NULL, true, on_show, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_int_equal(w->n_blobs, 1);
	assert_int_equal(reap(w), 0);
	assert_nothing_but_tombstones(w);
}

static void full_store_in_the_middle_of_an_upload_is_told_once(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);

	assert_int_equal(begin(w, &o, 1000 * STORE_CHUNK_BYTES), 0);
	while (redis_server_chunks(&w->redis, "*") < 2)
		turn(w);
	redis_server_run_cmd(&w->redis, "CONFIG SET maxmemory 1");
	while (w->put != NULL)
		loop_until_stop(w->loop);
	assert_int_equal(w->err, TG_EFULL);
	assert_int_equal(w->refused, 1);
	while (redis_server_keys(&w->redis, "tg:*:b:*") > 0)
		turn(w);
	assert_nothing_but_tombstones(w);
}

static void erase_asks_for_the_uploader_or_an_operator(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);
	char id[TOKEN_LEN + 1];

	assert_int_equal(upload(w, &o, 70000), 0);
	strcpy(id, w->blob.id);
	assert_int_equal(store_blob_erase(w->store, id, "verifier", on_blob, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, TG_ENOENT);
	assert_int_equal(store_blob_erase(w->store, id, "uploader", on_blob, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_int_equal(w->blob.state, STORE_GONE);
	assert_string_equal(w->blob.cause, "erased");
	assert_true(w->blob.event[0] != '\0');
	assert_nothing_but_tombstones(w);
	assert_int_equal(store_blob_erase(w->store, id, NULL, on_blob, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, TG_EGONE);
	assert_string_equal(w->blob.cause, "erased");

	assert_int_equal(upload(w, &o, 70), 0);
	assert_int_equal(store_blob_erase(w->store, w->blob.id, NULL, on_blob, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_int_equal(store_blob_erase(w->store, "not an id", NULL, on_blob, w), TG_ENOENT);
}

static void wait_until_ms(struct world *w, int64_t unix_ms)
{
	while (clock_wall_ms() < unix_ms)
		turn(w);
}

static void take_after_the_deadline_is_gone_without_a_reaper(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);
	char id[TOKEN_LEN + 1];

	o.ttl_s = 1;
	o.age_us = 800000;
	assert_int_equal(upload(w, &o, 100), 0);
	strcpy(id, w->blob.id);
	assert_true(w->blob.deadline_ms - w->blob.stored_at_ms <= 200);
	wait_until_ms(w, w->blob.deadline_ms);
	assert_int_equal(take(w, id, "verifier"), TG_EGONE);
	assert_string_equal(w->blob.cause, "expired");
	assert_nothing_but_tombstones(w);
}

static void reap_at_the_deadline_erases_and_tells_how_late(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);
	unsigned shard;
	char id[TOKEN_LEN + 1];

	o.ttl_s = 1;
	o.age_us = 700000;
	assert_int_equal(upload(w, &o, 100000), 0);
	strcpy(id, w->blob.id);
	shard = (unsigned)token_shard(id, TOKEN_LEN);
	assert_int_equal(store_reap(w->store, shard, 10, 0, on_reap, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->reaped.erased, 0);
	assert_int_equal(w->reaped.next_ms, w->blob.deadline_ms);
	assert_false(w->reaped.more);
	wait_until_ms(w, w->blob.deadline_ms);
	assert_int_equal(store_reap(w->store, shard, 10, 0, on_reap, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->reaped.erased, 1);
	assert_int_equal(w->reaped.expired, 1);
	assert_int_equal(w->reaped.n_lateness, 1);
	assert_true(w->reaped.lateness_us[0] < 5000000);
	assert_int_equal(w->reaped.next_ms, 0);
	assert_nothing_but_tombstones(w);
	assert_int_equal(store_blob_stat(w->store, id, on_blob, w), 0);
	loop_until_stop(w->loop);
	assert_string_equal(w->blob.cause, "expired");
}

static void reap_after_a_crash_in_an_upload_wipes_it(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);

	assert_int_equal(begin(w, &o, 3 * STORE_CHUNK_BYTES), 0);
	while (redis_server_chunks(&w->redis, "*") < 2)
		turn(w);
	crash(w);
	assert_true(redis_server_chunks(&w->redis, "*") >= 2);
	end_all(w);
	assert_nothing_but_tombstones(w);
	assert_int_equal(redis_server_int(&w->redis, "DBSIZE"), 1); /* the event */
}

static void reap_after_a_crash_in_a_take_ends_it_as_consumed(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);
	char id[TOKEN_LEN + 1];

	assert_int_equal(upload(w, &o, 5 * STORE_CHUNK_BYTES), 0);
	strcpy(id, w->blob.id);
	w->stop_after = 2;
	assert_int_equal(take(w, id, "verifier"), 0);
	crash(w);
	assert_int_equal(take(w, id, "verifier2"), TG_ECLAIMED);
	assert_int_equal(redis_server_chunks(&w->redis, "*"), 3);
	end_all(w);
	assert_nothing_but_tombstones(w);
	assert_int_equal(take(w, id, "verifier2"), TG_EGONE);
	assert_string_equal(w->blob.cause, "consumed");
}

static void take_abort_erases_the_rest(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);

	for (int at = 0; at < 3; at++) {
		assert_int_equal(upload(w, &o, 5 * STORE_CHUNK_BYTES), 0);
		w->stop_after = at;
		assert_int_equal(take(w, w->blob.id, "verifier"), 0);
		if (at > 0)
			store_read_abort(w->take);
		assert_int_equal(store_blob_stat(w->store, w->blob.id, on_blob, w), 0);
		loop_until_stop(w->loop);
		assert_int_equal(w->blob.state, STORE_GONE);
		assert_string_equal(w->blob.cause, "consumed");
		assert_nothing_but_tombstones(w);
	}
}

static void take_by_two_at_once_is_won_by_one(void **state)
{
	struct world *w = *state, other = *w;
	struct store_put_opts o = put_opts("", false);
	size_t size[] = {100, 300000};

	for (int i = 0; i < 2; i++) {
		int err;
		assert_int_equal(upload(w, &o, size[i]), 0);
		other.begun = other.chunks = other.ended = 0;
		other.out = evbuffer_new();
		w->begun = w->chunks = w->ended = 0;
		w->take = store_read_take(w->store, w->blob.id, "verifier", &take_calls, w, &err);
		other.take = store_read_take(
			w->store, w->blob.id, "verifier2", &take_calls, &other, &err);
		while (w->ended == 0 || other.ended == 0)
			loop_until_stop(w->loop);
		assert_int_equal(w->err, 0);
		assert_int_equal(other.err, i == 0 ? TG_EGONE : TG_ECLAIMED);
		assert_int_equal(other.chunks, 0);
		assert_int_equal(evbuffer_get_length(other.out), 0);
		evbuffer_free(other.out);
	}
}

static void forget_before_the_answer_silences_it(void **state)
{
	struct world *w = *state;

	open_session(w);
	w->calls = 0;
	assert_int_equal(store_session_show(w->store, w->session.id, on_show, w), 0);
	store_forget(w->store, w);
	fence(w);
	assert_int_equal(w->calls, 0);
}

static void connection_lost_in_flight_answers_each_call_once(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);
	char id[TOKEN_LEN + 1];
	int err;

	assert_int_equal(upload(w, &o, 300000), 0);
	strcpy(id, w->blob.id);
	kill(w->redis.pid, SIGSTOP);
	w->calls = 0;
	assert_int_equal(store_blob_stat(w->store, id, on_blob, w), 0);
	assert_int_equal(store_session_show(w->store, id, on_show, w), 0);
	assert_int_equal(begin(w, &o, 1000), 0);
	assert_int_equal(store_put_commit(w->put, &o), 0);
	w->begun = w->chunks = w->ended = 0;
	w->take = store_read_take(w->store, id, "verifier", &take_calls, w, &err);
	assert_non_null(w->take);
	assert_int_equal(w->calls, 0);
	redis_server_kill(&w->redis);
	while (w->downs == 0)
		turn(w);
	assert_int_equal(w->calls, 3);
	assert_int_equal(w->begun, 1);
	assert_int_equal(w->ended, 1);
	assert_int_equal(w->err, TG_ESTORE);
	assert_null(w->put);
	assert_false(store_up(w->store));
	assert_int_equal(store_blob_stat(w->store, id, on_blob, w), TG_ESTORE);
	assert_null(store_put_new(w->store, &o, &put_calls, w, &err));
	assert_int_equal(err, TG_ESTORE);

	redis_server_run(&w->redis); /* empty, and without the library */
	while (w->ups < 2)
		turn(w);
	assert_int_equal(upload(w, &o, 300), 0);
	assert_int_equal(w->calls, 4);
	assert_int_equal(w->downs, 1);
}

static void commit_of_unknown_fate_is_ended_after_reconnecting(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);
	redisReply *key, *cause;

	assert_int_equal(begin(w, &o, 1000), 0);
	kill(w->redis.pid, SIGSTOP);
	assert_int_equal(store_put_commit(w->put, &o), 0);
	turn(w); /* written */
	cut(w);
	while (w->downs == 0)
		turn(w);
	assert_int_equal(w->calls, 1);
	assert_int_equal(w->err, TG_ESTORE);
	kill(w->redis.pid, SIGCONT);
	while (w->ups < 2)
		turn(w);
	fence(w);
	key = redis_server_do(&w->redis, "KEYS tg:*:b:*");
	assert_int_equal(key->elements, 1);
	cause = redis_server_do(&w->redis, "GET %s", key->element[0]->str);
	assert_memory_equal(cause->str, "gone\t", 5);
	assert_non_null(strstr(cause->str, "\taborted\t"));
	freeReplyObject(cause);
	freeReplyObject(key);
	assert_nothing_but_tombstones(w);
}

static void library_gone_is_loaded_again(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);

	redis_server_run_cmd(&w->redis, "FUNCTION FLUSH");
	assert_int_equal(store_session_open(w->store, "uploader", NULL, 600, on_session, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, TG_ESTORE);
	fence(w);
	assert_int_equal(upload(w, &o, 100), 0);
	end_all(w);
	assert_nothing_but_tombstones(w);
}

/* An abort that Redis refuses is sent again, or a chunk would stand there without an entry in the
 * index until Redis itself expires it. */
static void library_gone_in_an_upload_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);

	assert_int_equal(begin(w, &o, 3 * STORE_CHUNK_BYTES), 0);
	while (redis_server_chunks(&w->redis, "*") < 2)
		turn(w);
	redis_server_run_cmd(&w->redis, "FUNCTION FLUSH");
	store_put_abort(w->put);
	w->put = NULL;
	for (int i = 0; i < 3000 && redis_server_chunks(&w->redis, "*") > 0; i++)
		turn(w);
	assert_int_equal(redis_server_chunks(&w->redis, "*"), 0);
	assert_int_equal(redis_server_keys(&w->redis, "tg:*:b:*"), 0);
	end_all(w); /* what a stalled worker may have written since is looked for later */
	assert_nothing_but_tombstones(w);
}

/* A store in which a take is allowed though the first chunk could not be read: nothing is passed on
 * as if it were whole, and what is left of the blob is ended. */
static void take_without_its_first_chunk_is_an_error(void **state)
{
	static const char stub[] =
		"#!lua name=timeglas_2\n"
		"redis.register_function('tg2_time', function() return '0\\n1' end)\n"
		"redis.register_function('tg2_stat', function() return '5' end)\n"
		"redis.register_function('tg2_take', function(k, a)\n"
		"  return '0\\n' .. a[1] .. '\\tlive\\tu\\t v \\t\\t0\\t' .. redis.call('GET', "
		"'n') .. '\\t' .. redis.call('GET', 'size')\n"
		"    .. '\\t1\\t2\\ttag liveness 0\\t- -\\t\\t\\t\\t' .. redis.call('GET', 'head') "
		"end)\n"
		"redis.register_function('tg2_take_end', function(k, a) redis.call('SET', 'ended', "
		"a[1]) return '0' end)\n";
	static const struct {
		const char *head, *n, *size;
		int err;
	} blob[] = {{"384", "1", "100", TG_EINTERNAL}, {"", "3", "190000", TG_EGONE},
		{"384", "3", "190000", TG_EINTERNAL}, {"", "2", "60000", TG_EINTERNAL}};
	struct world *w = *state;
	char id[TOKEN_LEN + 1];

	redis_server_run_cmd(&w->redis, "FUNCTION LOAD REPLACE %s", stub);
	for (size_t i = 0; i < sizeof blob / sizeof *blob; i++) {
		redis_server_run_cmd(&w->redis, "DEL ended");
		redis_server_run_cmd(&w->redis, "SET n %s", blob[i].n);
		redis_server_run_cmd(&w->redis, "SET size %s", blob[i].size);
		redis_server_run_cmd(&w->redis, "SET head %s", blob[i].head);
		token_make(0, id);
		assert_int_equal(take(w, id, "v"), blob[i].err);
		assert_int_equal(w->chunks, 0);
		fence(w);
		assert_int_equal(redis_server_keys(&w->redis, "ended"), blob[i].head[0] == '\0');
	}
}

/* What Redis says, with a T for each time: a field of 13 digits. */
static void masked(struct world *w, char out[512], const char *fmt, const char *id, bool stream)
{
	redisReply *r = redis_server_do(&w->redis, fmt, id);
	const char *p = stream ? r->element[0]->element[1]->element[1]->str : r->str;
	size_t n = 0;

	if (stream)
		assert_string_equal(r->element[0]->element[1]->element[0]->str, "p");
	while (*p != '\0' && n < 511) {
		size_t digits = n > 0 && p[-1] == '\t' ? strspn(p, "0123456789") : 0;
		out[n++] = digits == 13 ? 'T' : *p;
		p += digits == 13 ? 13 : 1;
	}
	out[n] = '\0';
	freeReplyObject(r);
}

/* Two ways to one state: with a deadline so near that a reaper must be told, the function writes
 * it. */
static void transaction_writes_what_the_function_would(void **state)
{
	struct world *w = *state;
	char record[2][512], event[2][512], tag[2][TOKEN_TAG_LEN + 1], key[TOKEN_LEN + 16];
	char entry[128];
	const uint32_t ttl_s[2] = {600, 4};

	for (int i = 0; i < 2; i++) {
		struct store_put_opts o = put_opts("", false);
		redisReply *r;

		o.ttl_s = ttl_s[i];
		redis_server_run_cmd(&w->redis, "CONFIG RESETSTAT");
		assert_int_equal(upload(w, &o, 1234), 0);
		r = redis_server_do(&w->redis, "INFO commandstats");
		/* the two were really used */
		assert_int_equal(strstr(r->str, "cmdstat_exec") != NULL, i == 0);
		freeReplyObject(r);
		assert_int_equal(w->blob.state, STORE_LIVE);
		assert_int_equal(w->blob.deadline_ms - w->blob.stored_at_ms <= ttl_s[i] * 1000 &&
				w->blob.deadline_ms - w->blob.stored_at_ms > ttl_s[i] * 1000 - 500,
			1);
		token_tag(w->blob.id, tag[i]);
		snprintf(key, sizeof key, "{%.2s}:b:%s", w->blob.id, w->blob.id);
		masked(w, record[i], "GET tg:%s", key, false);
		r = redis_server_do(&w->redis, "PTTL tg:%s", key);
		assert_true(r->integer > ttl_s[i] * 1000LL - 500 &&
			r->integer <= ttl_s[i] * 1000LL + 50);
		freeReplyObject(r);
		snprintf(key, sizeof key, "{%.2s}:out", w->blob.id);
		masked(w, event[i], "XREVRANGE tg:%s + - COUNT 1", key, true);
		snprintf(key, sizeof key, "tg:{%.2s}:dl", w->blob.id);
		r = redis_server_do(&w->redis, "ZRANGE %s 0 -1 WITHSCORES", key);
		assert_memory_equal(r->element[0]->str + 2, w->blob.id, TOKEN_LEN);
		snprintf(entry, sizeof entry,
			"\tuploader\t verifier verifier2 \t1234\t%s liveness 0", tag[i]);
		assert_string_equal(r->element[0]->str + 2 + TOKEN_LEN, entry);
		assert_int_equal(atoll(r->element[1]->str), w->blob.deadline_ms);
		freeReplyObject(r);
	}
	for (int i = 0; i < 2; i++) { /* the tags follow from the ids, which differ */
		const char *d = strstr(record[i], tag[i]), *e = strstr(event[i], tag[i]);

		assert_true(d != NULL && e != NULL);
		memset(record[i] + (d - record[i]), 'x', TOKEN_TAG_LEN);
		memset(event[i] + (e - event[i]), 'x', TOKEN_TAG_LEN);
	}
	assert_string_equal(record[0], record[1]);
	assert_string_equal(event[0], event[1]);
	end_all(w);
	assert_nothing_but_tombstones(w);
}

/* Whichever of its commands Redis refuses: it is heard, and nothing of it stays. */
static void transaction_refused_in_part_leaves_nothing(void **state)
{
	static const char *const command[] = {"multi", "set", "zadd", "xadd", "exec"};
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);

	for (size_t i = 0; i < sizeof command / sizeof command[0]; i++) {
		redis_server_run_cmd(&w->redis, "ACL SETUSER default -%s", command[i]);
		assert_int_equal(upload(w, &o, 1234), TG_ESTORE);
		redis_server_run_cmd(&w->redis, "ACL SETUSER default +%s", command[i]);
		assert_nothing_but_tombstones(w);
	}
	assert_int_equal(upload(w, &o, 1234), 0);
	end_all(w);
}

/* A blob of one chunk that does not go in a transaction: ZADD, SET, commit. */
static void one_chunk_upload_refused_in_part_leaves_nothing(void **state)
{
	static const char *const command[] = {"set", "fcall"};
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);

	o.ttl_s = 4;
	for (size_t i = 0; i < sizeof command / sizeof command[0]; i++) {
		redis_server_run_cmd(&w->redis, "ACL SETUSER default -%s", command[i]);
		assert_int_equal(upload(w, &o, 1234), TG_ESTORE);
		redis_server_run_cmd(&w->redis, "ACL SETUSER default +%s", command[i]);
		for (int64_t end = (int64_t)clock_mono_us() + 5000000;
			redis_server_chunks(&w->redis, "*") > 0;) {
			/* an abort is sent again until it was done */
			assert_true((int64_t)clock_mono_us() < end);
			turn(w);
		}
		assert_int_equal(redis_server_keys(&w->redis, "tg:*:b:*"), 0);
	}
}

static void close_with_all_takes_more_than_one_step(void **state)
{
	struct world *w = *state;
	struct store_put_opts o;

	open_session(w);
	o = put_opts(w->session.id, false);
	for (int i = 0; i < 150; i++)
		assert_int_equal(upload(w, &o, 20), 0);
	assert_int_equal(
		store_session_close(w->store, w->session.id, "uploader", true, on_show, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_int_equal(w->n_blobs, 150);
	assert_nothing_but_tombstones(w);
}

static void close_with_all_goes_on_when_its_client_left(void **state)
{
	struct world *w = *state;
	struct store_put_opts o;

	open_session(w);
	o = put_opts(w->session.id, false);
	for (int i = 0; i < 150; i++)
		assert_int_equal(upload(w, &o, 100), 0);
	w->calls = 0;
	assert_int_equal(store_session_close(w->store, w->session.id, NULL, true, on_show, w), 0);
	store_forget(w->store, w);
	for (uint64_t end = clock_mono_us() + 5000000; redis_server_chunks(&w->redis, "*") > 0;) {
		assert_true(clock_mono_us() < end);
		turn(w);
	}
	assert_int_equal(w->calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			take_blob_of_small_chunks_returns_it_once, setup, teardown),
		cmocka_unit_test_setup_teardown(take_small_blob_returns_it_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			record_of_any_length_leaves_its_chunk_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(
			take_blob_of_one_full_chunk_returns_it_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			take_blob_of_many_chunks_returns_it_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			session_open_then_show_lists_its_blobs, setup, teardown),
		cmocka_unit_test_setup_teardown(
			put_eager_says_whether_the_session_is_open, setup, teardown),
		cmocka_unit_test_setup_teardown(
			put_commit_without_open_session_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			put_commit_after_its_time_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			put_commit_over_the_bound_quota_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(put_abort_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			full_store_refuses_uploads_and_still_erases, setup, teardown),
		cmocka_unit_test_setup_teardown(
			full_store_in_the_middle_of_an_upload_is_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			erase_asks_for_the_uploader_or_an_operator, setup, teardown),
		cmocka_unit_test_setup_teardown(
			take_after_the_deadline_is_gone_without_a_reaper, setup, teardown),
		cmocka_unit_test_setup_teardown(
			reap_at_the_deadline_erases_and_tells_how_late, setup, teardown),
		cmocka_unit_test_setup_teardown(
			reap_after_a_crash_in_an_upload_wipes_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			reap_after_a_crash_in_a_take_ends_it_as_consumed, setup, teardown),
		cmocka_unit_test_setup_teardown(take_abort_erases_the_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(take_by_two_at_once_is_won_by_one, setup, teardown),
		cmocka_unit_test_setup_teardown(
			forget_before_the_answer_silences_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			connection_lost_in_flight_answers_each_call_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			commit_of_unknown_fate_is_ended_after_reconnecting, setup, teardown),
		cmocka_unit_test_setup_teardown(library_gone_is_loaded_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			library_gone_in_an_upload_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			take_without_its_first_chunk_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(
			transaction_writes_what_the_function_would, setup, teardown),
		cmocka_unit_test_setup_teardown(
			transaction_refused_in_part_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			one_chunk_upload_refused_in_part_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			close_with_all_goes_on_when_its_client_left, setup, teardown),
		cmocka_unit_test_setup_teardown(
			close_with_all_takes_more_than_one_step, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
