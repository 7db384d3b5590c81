/* tally.c: see tally.h. It has no timer of its own. Runs in every process. */
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/tally.h"

#define EVERY_US UINT64_C(1000000)

void tally_flush(struct tally *t)
{
	uint64_t now = clock_mono_us();

	if (t->held == 0 || (t->said_us != 0 && now - t->said_us < EVERY_US))
		return;
	if (t->held == 1)
		log_warn(t->event, "%s", t->last);
	else
		log_warn(
			t->event, "%u of them since the last line; the last: %s", t->held, t->last);
	t->held = 0;
	t->said_us = now;
}

void tally_note(struct tally *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->last, sizeof t->last, fmt, ap);
	va_end(ap);
	t->held++;
	tally_flush(t);
}
