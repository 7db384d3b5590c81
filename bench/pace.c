/* pace.c: see pace.h. */
#include <math.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "bench.h"
#include "pace.h"

#define SECOND_NS INT64_C(1000000000)
#define STEP_NS 200000.0

void pace_open(struct pace *p, double rate)
{
	*p = (struct pace){.rate = rate};
	p->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (p->fd < 0)
		bench_die("cannot make a timer");
}

void pace_close(struct pace *p)
{
	close(p->fd);
	p->fd = -1;
}

int64_t pace_due(const struct pace *p, uint64_t i)
{
	return p->start_mono_ns + (int64_t)(ceil((double)i * 1e9 / p->rate / STEP_NS) * STEP_NS);
}

uint64_t pace_count(const struct pace *p, int64_t now_mono_ns)
{
	int64_t end = now_mono_ns < p->until_mono_ns ? now_mono_ns : p->until_mono_ns;

	if (end <= p->start_mono_ns)
		return 0;
	return (uint64_t)(floor((double)(end - p->start_mono_ns) / STEP_NS) * STEP_NS * p->rate /
		1e9);
}

void pace_wake(struct pace *p, int64_t at_mono_ns)
{
	const struct itimerspec at = {
		.it_value = {.tv_sec = at_mono_ns / SECOND_NS, .tv_nsec = at_mono_ns % SECOND_NS}};

	if (at_mono_ns == p->alarm_mono_ns)
		return;
	p->alarm_mono_ns = at_mono_ns;
	timerfd_settime(p->fd, TFD_TIMER_ABSTIME, &at, NULL);
}
