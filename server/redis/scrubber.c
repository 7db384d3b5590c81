/*
 * scrubber.c: the timer of scrub.h. It runs only while there is something to overwrite. Runs in
 * every process that has a store.
 */
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>
#include "base/clock.h"
#include "redis/scrub.h"
#include "redis/scrubber.h"

struct scrubber {
	struct scrub scrub;
	struct event *timer;
	const struct scrubber_calls *calls;
	void *ctx;
};

static void wait_a_tick(struct scrubber *s)
{
	static const struct timeval tick = {0, SCRUB_TICK_MS * 1000};

	event_add(s->timer, &tick);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	static const char zero[SCRUB_BYTES];
	struct scrubber *s = arg;

	(void)fd;
	(void)what;
	if (scrub_due(&s->scrub, clock_mono_us(), s->calls->waiting(s->ctx)) &&
		s->calls->ping(s->ctx, zero, sizeof zero) != 0)
		scrub_bulk(&s->scrub, clock_mono_us());
	if (scrub_dirty(&s->scrub))
		wait_a_tick(s);
}

struct scrubber *scrubber_new(struct loop *l, const struct scrubber_calls *calls, void *ctx)
{
	struct scrubber *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->calls = calls;
	s->ctx = ctx;
	s->timer = event_new(loop_base(l), -1, 0, on_tick, s);
	if (s->timer == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void scrubber_free(struct scrubber *s)
{
	if (s == NULL)
		return;
	event_free(s->timer);
	free(s);
}

void scrubber_bulk(struct scrubber *s)
{
	if (!scrub_dirty(&s->scrub))
		wait_a_tick(s);
	scrub_bulk(&s->scrub, clock_mono_us());
}

void scrubber_reset(struct scrubber *s)
{
	memset(&s->scrub, 0, sizeof s->scrub);
	event_del(s->timer);
}
