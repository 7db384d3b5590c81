/*
 * take_watch.c: see take_watch.h. It asks the store, and decides nothing about the answer. Runs in
 * workers.
 */
#include <event2/event.h>

#include "api/call.h"
#include "api/take_watch.h"
#include "base/text.h"
#include "store/store.h"
#include "store/store_blob.h"

#define LOOK_S 1u
static void on_blob(void *ctx, int err, const struct store_blob *b)
{
	struct take_watch *w = ctx;

	w->asked = false;
	if (err != 0 || b->state == STORE_GONE)
		w->on_end(w->ctx);
}

static void on_wanted(void *ctx, int err)
{
	struct take_watch *w = ctx;

	w->asked = false;
	if (err != 0)
		w->on_end(w->ctx);
}

static int ask(struct take_watch *w)
{
	if (w->all_read)
		return store_blob_wanted(w->api->store, w->id, &w->ties, on_wanted, w);
	return store_blob_stat(w->api->store, w->id, on_blob, w);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct take_watch *w = ctx;

	(void)fd, (void)what;
	if (httpd_reply_is_acked(w->reply))
		return; /* that has ended the request, and w with it */
	if (store_now_ms(w->api->store) >= w->until_ms) {
		w->on_end(w->ctx);
		return;
	}
	if (w->asked)
		return;
	w->asked = ask(w) == 0;
	if (!w->asked)
		w->on_end(w->ctx);
}

void take_watch_begin(struct take_watch *w, struct api *a, struct httpd_reply *reply,
	const char *id, const struct store_blob *b, void (*on_end)(void *ctx), void *ctx)
{
	w->api = a;
	w->reply = reply;
	w->id = id;
	w->ties.bound = b->desc.bound;
	text_copy(w->ties.session, sizeof w->ties.session, b->desc.session);
	text_copy(w->ties.subject, sizeof w->ties.subject, b->desc.subject);
	w->until_ms = b->deadline_ms;
	w->on_end = on_end;
	w->ctx = ctx;
	event_assign(&w->timer, loop_base(a->loop), -1, EV_PERSIST, on_timer, w);
	event_add(&w->timer, loop_timeout(a->loop, LOOK_S));
}

static void forget_question(struct take_watch *w)
{
	if (w->asked)
		store_forget(w->api->store, w);
	w->asked = false;
}

void take_watch_all_read(struct take_watch *w)
{
	/* What a take has read is delivered as early as the store ends a take that shows no sign of
	 * life, or never. */
	const int64_t latest_ms = store_now_ms(w->api->store) + STORE_TAKING_MS;

	/* A question about the blob would be answered that it is gone. */
	forget_question(w);
	w->all_read = true;
	if (w->until_ms > latest_ms)
		w->until_ms = latest_ms;
}

void take_watch_end(struct take_watch *w)
{
	if (w->api == NULL)
		return;
	event_del(&w->timer);
	forget_question(w);
	w->api = NULL;
}
