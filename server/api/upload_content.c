/*
 * upload_content.c: an upload's content goes past the guard into chunks, and full chunks go to the
 * store; when all is here, it is committed. The content of a repeat is compared and dropped. Bytes
 * that the store has no room for are left with http, which then stops reading the client's socket:
 * memory does not grow with the blob. Runs in workers.
 */
#include <timeglas/errors.h>

#include "api/upload_content.h"
#include "net/buffer_policy.h"
#include "store/store.h"
#include "store/store_name.h"
#include "store/store_put.h"
#include "store/types.h"

/* Is there room for one more chunk? If not, upload_content_room() is called when there is: by the
 * put's on_room, or by upload_content_resume(). */
static bool has_room(struct upload *u)
{
	if (store_busy(u->api->store)) {
		if (!u->stalled)
			TAILQ_INSERT_TAIL(&u->api->stalled, u, link);
		u->stalled = true;
		return false;
	}
	return store_put_room(u->put);
}

/* All content is here. */
static void commit(struct upload *u)
{
	const char *detail = NULL;
	int err;

	if (!has_room(u))
		return;
	if ((err = guard_finish(u->guard)) != 0) {
		upload_step_refuse(u, err, guard_why(u->guard));
		return;
	}
	/* The head was let in when this was true; it may have changed since. */
	if ((err = call_check_storing(u->api, &detail)) != 0) {
		upload_step_refuse(u, err, detail);
		return;
	}
	u->opts.desc.size_bytes = u->size_bytes;
	u->opts.age_us = httpd_req_age_us(u->req);
	if ((err = store_put_chunk(u->put, u->chunk)) != 0 ||
		(err = store_put_commit(u->put, &u->opts)) != 0)
		upload_step_refuse(u, err, NULL);
	else
		upload_step(u, UPLOAD_EV_COMMIT_SENT);
}

/* Moves the first n bytes of data past the guard into the chunk that is filling. Returns 0, or an
 * error that was answered. */
static int absorb(struct upload *u, struct evbuffer *data, size_t n)
{
	const struct h1_head *h = httpd_req_head(u->req);
	int err;

	u->size_bytes += n;
	if (u->size_bytes > u->api->conf->max_blob_bytes) {
		upload_step_refuse_size(u);
		return TG_ETOOBIG;
	}
	if ((err = guard_feed(u->guard, data, n)) != 0)
		upload_step_refuse(u, err, guard_why(u->guard));
	else if ((err = buffer_policy_move(data, u->chunk, n,
			  !h->chunked && u->size_bytes == h->content_length)) != 0)
		upload_step_refuse(u, err, NULL);
	return err;
}

/*
 * The first chunk is full. Larger ones cost fewer commands and system calls for each byte, but each
 * upload keeps the one that it fills in memory. So only a few uploads may have them, whose bytes
 * come quickly; and none of a session, whose end has to erase all chunks within the limit of one
 * call.
 */
static void grow_chunks(struct upload *u)
{
	if (u->opts.desc.chunk_bytes != STORE_CHUNK_BYTES || u->opts.desc.session[0] != '\0' ||
		!buffer_policy_large_chunks(u->api->n_large, httpd_req_age_us(u->req)))
		return;
	u->large = true;
	u->api->n_large++;
	u->opts.desc.chunk_bytes = STORE_CHUNK_LARGE_BYTES;
	store_put_resize(u->put, STORE_CHUNK_LARGE_BYTES);
}

/* Takes what fits of data. Returns 0, or an error that was answered. */
static int take_content(struct upload *u, struct evbuffer *data)
{
	size_t have = evbuffer_get_length(u->chunk), n = evbuffer_get_length(data);
	int err;

	if (have == STORE_CHUNK_BYTES && u->size_bytes == have)
		grow_chunks(u);
	if (have < u->opts.desc.chunk_bytes) {
		size_t fits = u->opts.desc.chunk_bytes - have;

		return absorb(u, data, n < fits ? n : fits);
	}
	if (!has_room(u)) {
		upload_step(u, UPLOAD_EV_NO_ROOM);
		return 0;
	}
	if ((err = store_put_chunk(u->put, u->chunk)) != 0)
		upload_step_refuse(u, err, NULL);
	return err;
}

static void receive(struct upload *u, struct evbuffer *data)
{
	size_t have, full;

	while (u->state == UPLOAD_RECEIVING && evbuffer_get_length(data) > 0)
		if (take_content(u, data) != 0)
			return;
	if (u->state != UPLOAD_RECEIVING)
		return;
	if (u->api->n_uploads > BUFFER_CROWD && !has_room(u))
		upload_step(u, UPLOAD_EV_NO_ROOM);
	have = evbuffer_get_length(u->chunk);
	full = u->opts.desc.chunk_bytes;
	httpd_req_want(u->req, have < full ? full - have : full);
}

static void compare(struct upload *u, struct evbuffer *data)
{
	int err;

	u->size_bytes += evbuffer_get_length(data);
	err = repeat_feed(&u->repeat, u->guard, data);
	if (u->size_bytes > u->api->conf->max_blob_bytes)
		upload_step_refuse_size(u);
	else if (err != 0)
		upload_step_refuse(u, err, NULL);
}

static void on_measured(void *ctx, int err, const struct store_blob *said)
{
	struct upload *u = ctx;

	if (err != 0 || said == NULL)
		upload_step_refuse(u, err != 0 ? err : TG_ETAKEN, NULL);
	else
		upload_step_tell(u, 200, said);
}

/* All content of a repeat is here. */
static void conclude(struct upload *u)
{
	int err = repeat_end(&u->repeat, u->guard);

	if (err != 0) {
		upload_step_refuse(u, err, err == TG_EDIGEST ? guard_why(u->guard) : NULL);
		return;
	}
	if (!repeat_asks_length(&u->repeat)) {
		upload_step_tell(u, 200, &u->blob);
		return;
	}
	err = store_name_find(u->api->store, &u->opts.desc, u->size_bytes, on_measured, u);
	if (err != 0)
		upload_step_refuse(u, err, NULL);
	else
		upload_step(u, UPLOAD_EV_LENGTH_ASKED);
}

/* Going on when there is room ------------------------------------------------ */

void upload_content_room(struct upload *u)
{
	/* The chunk is full and cannot go: what would be read now could only wait here. */
	if (u->state == UPLOAD_BLOCKED &&
		evbuffer_get_length(u->chunk) >= u->opts.desc.chunk_bytes && !has_room(u))
		return;
	upload_step(u, UPLOAD_EV_ROOM);
	if (u->state == UPLOAD_COMPLETE)
		commit(u);
}

/* A few at a time: all of them have bytes waiting in their sockets, and the store's queue shows
 * only later in the loop what these few have sent. */
void upload_content_resume(struct api *a)
{
	struct upload *u;

	for (unsigned n = 0; n < BUFFER_RESUMED && !store_busy(a->store) &&
		(u = TAILQ_FIRST(&a->stalled)) != NULL;
		n++) {
		upload_step_unstall(u);
		upload_content_room(u);
	}
	/* While the store is busy nothing is deferred: this is called when its queue falls. */
	if (!store_busy(a->store) && !TAILQ_EMPTY(&a->stalled))
		loop_defer(a->loop, &a->resume);
}

/* What http says ------------------------------------------------------------- */

void upload_content_on_body(struct httpd_req *r, struct evbuffer *data, void *ctx)
{
	struct upload *u = ctx;

	(void)r;
	upload_step(u, UPLOAD_EV_BODY);
	if (u->state == UPLOAD_COMPARING)
		compare(u, data);
	else
		receive(u, data);
}

void upload_content_on_end(struct httpd_req *r, void *ctx)
{
	struct upload *u = ctx;

	(void)r;
	upload_step(u, UPLOAD_EV_END);
	if (u->state == UPLOAD_COMPARING)
		conclude(u);
	else
		commit(u);
}
