/*
 * refused_reads.c: see refused_reads.h. It keeps nothing for the worker that comes after this one:
 * what a worker that is killed had counted since it told of it last is lost. Runs in workers.
 */
#include <stdlib.h>
#include <string.h>

#include <timeglas/errors.h>

#include "api/attempts.h"
#include "api/refused_reads.h"
#include "base/allowance.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/text.h"
#include "store/store.h"
#include "store/store_refused.h"

#define RETRY_S 1
#define TELLING_MAX 64u /* under way at a time */

struct telling { /* of one row; the store has not answered yet */
	LIST_ENTRY(telling) link;
	struct refused_reads *refused;
	struct attempt attempt;
};

struct refused_reads {
	struct api *api;
	struct attempts *attempts;
	LIST_HEAD(telling_list, telling) telling;
	unsigned n_telling;
	struct event *timer;
	bool soon;       /* the timer is set for REFUSED_READS_MS */
	uint64_t end_us; /* when refused_reads_end() gives up; 0: it was not called */
};

/* Telling ------------------------------------------------------------------ */

static void telling_end(struct telling *t)
{
	LIST_REMOVE(t, link);
	t->refused->n_telling--;
	free(t);
}

/* When the connection breaks, it is not known whether the store was told: it is told again, for
 * attempts that are counted twice do less harm than some that are not counted. */
static void on_told(void *ctx, int err)
{
	struct telling *t = ctx;
	struct attempt *x = &t->attempt;

	if (err != 0)
		allowance_give(x->peer, x->paid_bytes);
	if (err == TG_ENOENT)
		x->why = REFUSED_UNKNOWN;
	if (err != 0)
		(void)attempts_add(t->refused->attempts, x);
	telling_end(t);
}

/* Both times with one difference of the clocks: two that are taken one after the other can differ
 * by a millisecond, and the last would then be before the first. */
static int tell(struct refused_reads *r, const struct attempt *x)
{
	const int64_t to_store = store_now_ms(r->api->store) - (int64_t)(clock_mono_us() / 1000);
	const struct store_refused o = {.id = x->id,
		.peer = x->peer,
		.why = x->why,
		.first_ms = to_store + (int64_t)x->first_ms,
		.last_ms = to_store + (int64_t)x->last_ms,
		.count = x->count};
	struct telling *t = malloc(sizeof *t);
	int err;

	if (t == NULL)
		return TG_ENOMEM;
	t->refused = r;
	t->attempt = *x;
	LIST_INSERT_HEAD(&r->telling, t, link);
	r->n_telling++;
	err = store_refused_tell(r->api->store, &o, on_told, t);
	if (err != 0)
		telling_end(t);
	return err;
}

static void tell_what_is_due(struct refused_reads *r)
{
	const uint64_t now_s = clock_mono_us() / 1000000;
	struct attempt x;

	attempts_tick(r->attempts, now_s);
	if (!store_up(r->api->store))
		return;
	while (r->n_telling < TELLING_MAX && attempts_next(r->attempts, now_s, &x))
		if (tell(r, &x) != 0) {
			allowance_give(x.peer, x.paid_bytes);
			(void)attempts_add(r->attempts, &x);
			return;
		}
}

/* No write follows an answer at once, so the next answer does not wait for it. */
static void set_timer(struct refused_reads *r, bool soon)
{
	static const struct timeval soon_after = {0, REFUSED_READS_MS * 1000};

	if (r->soon)
		return;
	r->soon = soon;
	event_add(r->timer, soon ? &soon_after : loop_timeout(r->api->loop, RETRY_S));
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct refused_reads *r = ctx;

	(void)fd, (void)what;
	r->soon = false;
	tell_what_is_due(r);
	if (attempts_any(r->attempts))
		set_timer(r, false);
}

/* Noting ------------------------------------------------------------------- */

void refused_reads_note(struct refused_reads *r, const char *id, const char *peer, enum refused why)
{
	const uint64_t now_ms = clock_mono_us() / 1000;
	struct attempt x = {.why = why, .first_ms = now_ms, .last_ms = now_ms, .count = 1};

	if (why == REFUSED_NONE)
		return;
	metrics_count((enum metric_counter)(M_REFUSED_NOT_ADDRESSED + why - 1), 1);
	text_copy(x.id, sizeof x.id, id);
	text_copy(x.peer, sizeof x.peer, peer);
	set_timer(r, attempts_add(r->attempts, &x));
}

void refused_reads_of(struct call *c, int err, const struct store_blob *b)
{
	if (err != 0 && b != NULL)
		refused_reads_note(c->api->refused, c->id, c->peer, b->refused);
}

/* Beginning and end -------------------------------------------------------- */

struct refused_reads *refused_reads_new(struct api *a)
{
	struct refused_reads *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->api = a;
	LIST_INIT(&r->telling);
	r->attempts = attempts_new(a->conf->workers);
	r->timer = evtimer_new(loop_base(a->loop), on_timer, r);
	if (r->attempts == NULL || r->timer == NULL) {
		refused_reads_free(r);
		return NULL;
	}
	return r;
}

void refused_reads_free(struct refused_reads *r)
{
	if (r == NULL)
		return;
	while (!LIST_EMPTY(&r->telling))
		telling_end(LIST_FIRST(&r->telling));
	if (r->timer != NULL)
		event_free(r->timer);
	attempts_free(r->attempts);
	free(r);
}

bool refused_reads_end(struct refused_reads *r)
{
	const uint64_t now_us = clock_mono_us();

	if (r->end_us == 0) {
		r->end_us = now_us + REFUSED_READS_END_MS * 1000;
		attempts_end(r->attempts);
	}
	tell_what_is_due(r);
	return r->n_telling == 0 || !store_up(r->api->store) || now_us >= r->end_us;
}
