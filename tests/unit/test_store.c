/*
 * Goal: the store's calls against a real Redis: an upload becomes visible whole or leaves nothing, a blob is read by one peer once, and every
 * callback comes exactly once, also when Redis is full, restarts, or the connection is lost.
 */
#include "redis_server.h"
#include <timeglas/errors.h>
#include "base/clock.h"
#include "store/store.h"

struct world {
	struct redis_server redis;
	struct loop *loop;
	struct store *store;
	int ups, downs;
	/* what the last callback said */
	int err, calls, refused, checked;
	struct store_session session;
	struct store_blob blob, blobs[64];
	size_t n_blobs;
	struct store_reaped reaped;
	struct store_info info;
	/* upload and take */
	struct store_put *put;
	struct evbuffer *in, *out;
	struct store_take *take;
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
}

static int setup(void **state)
{
	static const struct store_calls calls = {.on_up = on_up, .on_down = on_down};
	struct world *w = calloc(1, sizeof *w);
	char err[128];

	signal(SIGPIPE, SIG_IGN);
	redis_server_start(&w->redis);
	w->loop = loop_new();
	w->store = store_new(w->loop, w->redis.url, &calls, w, err, sizeof err);
	assert_non_null(w->store);
	w->in = evbuffer_new();
	w->out = evbuffer_new();
	w->stop_after = -1;
	loop_until_stop(w->loop);
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

/* Callbacks: keep what was said, and stop the loop ------------------------------------------------------------------ */

static void on_session(void *ctx, int err, const struct store_session *s)
{
	struct world *w = ctx;

	w->err = err;
	w->calls++;
	if (s != NULL)
		w->session = *s;
	loop_stop(w->loop);
}

static void on_show(void *ctx, int err, const struct store_session *s, const struct store_blob *b, size_t n)
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

static void on_info(void *ctx, int err, const struct store_info *i)
{
	struct world *w = ctx;

	w->err = err;
	if (i != NULL)
		w->info = *i;
	loop_stop(w->loop);
}

/* Uploading --------------------------------------------------------------------------------------------------------- */

static void put_more(struct world *w)
{
	while (w->put != NULL && evbuffer_get_length(w->in) > 0 && store_put_room(w->put))
		if (store_put_chunk(w->put, w->in) != 0) {
			loop_stop(w->loop);
			return;
		}
}

static void on_room(struct store_put *p, void *ctx)
{
	struct world *w = ctx;

	(void)p;
	put_more(w);
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
	strcpy(o.desc.ref, "00112233445566778899aabbccddeeff");
	o.desc.danish = bound;
	o.desc.bound = bound;
	return o;
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
	put_more(w);
	return 0;
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

/* Taking ------------------------------------------------------------------------------------------------------------ */

static void on_begin(struct store_take *t, int err, const struct store_blob *b, void *ctx)
{
	struct world *w = ctx;

	w->begun++;
	w->err = err;
	if (b != NULL)
		w->blob = *b;
	if (err == 0 && w->stop_after != 0)
		return;
	if (err == 0)
		store_take_abort(t);
	w->ended++;
	w->take = NULL;
	loop_stop(w->loop);
}

static void on_data(struct store_take *t, struct evbuffer *data, bool done, int err, void *ctx)
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
		store_take_next(t);
	}
}

static const struct store_take_calls take_calls = {on_begin, on_data};

static int take(struct world *w, const char *id, const char *peer)
{
	int err;

	w->begun = w->chunks = w->ended = 0;
	evbuffer_drain(w->out, evbuffer_get_length(w->out));
	w->take = store_take(w->store, id, peer, &take_calls, w, &err);
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

static void assert_nothing_but_tombstones(struct world *w)
{
	assert_int_equal(redis_server_keys(&w->redis, "tg:*:c:*"), 0);
	assert_int_equal(redis_server_keys(&w->redis, "tg:*:dl"), 0);
}

/* Cases ------------------------------------------------------------------------------------------------------------- */

static void round_trip(struct world *w, size_t bytes, int chunks)
{
	struct store_put_opts o = put_opts("", false);
	char id[TOKEN_LEN + 1];

	strcpy(o.desc.sha256, "ab");
	assert_int_equal(upload(w, &o, bytes), 0);
	assert_int_equal(w->blob.state, STORE_LIVE);
	assert_int_equal(w->blob.desc.size_bytes, bytes);
	assert_string_equal(w->blob.desc.ref, o.desc.ref);
	assert_string_equal(w->blob.desc.kind, "liveness");
	assert_string_equal(w->blob.desc.issuer, "");
	assert_string_equal(w->blob.desc.sha256, "ab");
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
	assert_true(strlen(w->blob.event) > 5 && w->blob.event[2] == '-' && strncmp(w->blob.event, id, 2) == 0);
	assert_nothing_but_tombstones(w);
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
	assert_int_equal(redis_server_keys(&w->redis, "tg:*:c:*"), 4);
	assert_int_equal(store_session_close(w->store, sid, NULL, true, on_show, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, 0);
	assert_int_equal(w->n_blobs, 1);
	assert_nothing_but_tombstones(w);
	assert_int_equal(store_session_touch(w->store, sid, "uploader", on_session, w), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->err, TG_EGONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(take_small_blob_returns_it_once, setup, teardown),
		cmocka_unit_test_setup_teardown(take_blob_of_one_full_chunk_returns_it_once, setup, teardown),
		cmocka_unit_test_setup_teardown(take_blob_of_many_chunks_returns_it_once, setup, teardown),
		cmocka_unit_test_setup_teardown(session_open_then_show_lists_its_blobs, setup, teardown),
	};
	(void)on_reap;
	(void)on_info;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
