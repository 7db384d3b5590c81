/* subscription.c: see subscription.h. It asks the store, and decides nothing about the answers that
 * are under way. Runs in workers. */
#include <stdlib.h>
#include <string.h>

#include <event2/event_struct.h>
#include <timeglas/errors.h>

#include "api/call.h"
#include "api/subscription.h"
#include "base/text.h"
#include "store/store.h"
#include "store/store_blob.h"
#include "store/types.h"

#define WATCH_S 1u

TAILQ_HEAD(reader_list, subscription);

/* A blob with readers. It stands in the api's bucket for its id, and is freed when the last reader
 * has left. */
struct subscribed {
	struct api *api;
	char id[TOKEN_LEN + 1];
	struct reader_list readers;
	bool asked;  /* an answer of the store is due: whether the blob has ended */
	bool ending; /* its readers are being told that it has */
	struct event timer;
	LIST_ENTRY(subscribed) link;
};

static struct subscribed_list *bucket_of(struct api *a, const char *id)
{
	unsigned h = 0;

	for (; *id != '\0'; id++)
		h = h * 31 + (unsigned char)*id;
	return &a->subscribed[h % API_SUBSCRIPTION_BUCKETS];
}

static void subscribed_free(struct subscribed *w)
{
	event_del(&w->timer);
	if (w->asked)
		store_forget(w->api->store, w);
	LIST_REMOVE(w, link);
	free(w);
}

/* A reader's on_end may make others leave, so the list is not walked: its first one is taken. */
static void end_all(struct subscribed *w)
{
	struct subscription *r;

	w->ending = true;
	while ((r = TAILQ_FIRST(&w->readers)) != NULL) {
		TAILQ_REMOVE(&w->readers, r, link);
		r->of = NULL;
		r->on_end(r->ctx);
	}
	subscribed_free(w);
}

static void on_look(void *ctx, int err, const struct store_blob *b)
{
	struct subscribed *w = ctx;

	w->asked = false;
	if (err != 0 || b->state == STORE_GONE)
		end_all(w);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct subscribed *w = ctx;

	(void)fd, (void)what;
	if (w->asked)
		return;
	w->asked = store_blob_reading(w->api->store, w->id, on_look, w) == 0;
	if (!w->asked)
		end_all(w);
}

static struct subscribed *subscribed_of(struct api *a, const char *id)
{
	struct subscribed_list *bucket = bucket_of(a, id);
	struct subscribed *w;

	LIST_FOREACH (w, bucket, link)
		if (!w->ending && strcmp(w->id, id) == 0)
			return w;
	if ((w = calloc(1, sizeof *w)) == NULL)
		return NULL;
	w->api = a;
	text_copy(w->id, sizeof w->id, id);
	TAILQ_INIT(&w->readers);
	event_assign(&w->timer, loop_base(a->loop), -1, EV_PERSIST, on_timer, w);
	event_add(&w->timer, loop_timeout(a->loop, WATCH_S));
	LIST_INSERT_HEAD(bucket, w, link);
	return w;
}

int subscription_join(
	struct api *a, struct subscription *r, const char *id, void (*on_end)(void *ctx), void *ctx)
{
	struct subscribed *w = subscribed_of(a, id);

	if (w == NULL)
		return TG_ENOMEM;
	*r = (struct subscription){.of = w, .on_end = on_end, .ctx = ctx};
	TAILQ_INSERT_TAIL(&w->readers, r, link);
	return 0;
}

void subscription_leave(struct subscription *r)
{
	struct subscribed *w = r->of;

	if (w == NULL)
		return;
	r->of = NULL;
	TAILQ_REMOVE(&w->readers, r, link);
	if (TAILQ_EMPTY(&w->readers) && !w->ending)
		subscribed_free(w);
}
