/*
 * refusal.c: one timer for a refusal. It is a timerfd, because the loop's own timers are rounded to
 * a millisecond counted from when the store's answer came, which would tell that moment. Runs in
 * workers.
 */
#include <stdlib.h>
#include <unistd.h>
#include <sys/timerfd.h>
#include <event2/event.h>
#include "base/clock.h"
#include "store/refusal.h"

/* Longer than the largest string takes to read. */
#define STEP_US UINT64_C(10000)

struct refusal {
	struct event *event;
	int fd; /* -1: there is none to be had, and the loop's timer has to do */
	refusal_cb *cb;
	void *ctx;
};

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct refusal *r = arg;

	(void)fd;
	(void)what;
	r->cb(r->ctx);
}

struct refusal *refusal_new(struct loop *l, uint64_t asked_us, refusal_cb *cb, void *ctx)
{
	struct refusal *r = calloc(1, sizeof *r);
	struct itimerspec when = {.it_value = {0, 0}};
	struct timeval rough = {0, 0};
	bool exact;

	if (r == NULL)
		return NULL;
	r->cb = cb;
	r->ctx = ctx;
	rough.tv_usec = (long)(STEP_US - (clock_mono_us() - asked_us) % STEP_US);
	when.it_value.tv_nsec = rough.tv_usec * 1000;
	r->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	exact = r->fd >= 0 && timerfd_settime(r->fd, 0, &when, NULL) == 0;
	r->event = event_new(loop_base(l), exact ? r->fd : -1, exact ? EV_READ : 0, on_time, r);
	if (r->event == NULL || event_add(r->event, exact ? NULL : &rough) != 0) {
		refusal_free(r);
		return NULL;
	}
	return r;
}

void refusal_free(struct refusal *r)
{
	if (r == NULL)
		return;
	if (r->event != NULL)
		event_free(r->event);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}
