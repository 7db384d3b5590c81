/* unacked.c: see unacked.h. Runs in workers. */
#include <stddef.h>

#include "base/clock.h"
#include "http/unacked.h"

void unacked_init(struct unacked *u)
{
	*u = (struct unacked){0};
	TAILQ_INIT(&u->all);
}

void unacked_add(struct unacked *u, struct unacked_entry *e, uint64_t upto, unacked_cb *cb)
{
	e->upto = upto;
	e->cb = cb;
	if (u->n == 0)
		u->grown_us = clock_mono_us();
	TAILQ_INSERT_TAIL(&u->all, e, link);
	u->n++;
}

static void end_first(struct unacked *u, bool acked)
{
	struct unacked_entry *e = TAILQ_FIRST(&u->all);

	TAILQ_REMOVE(&u->all, e, link);
	u->n--;
	e->cb(e, acked);
}

void unacked_advance(struct unacked *u, uint64_t acked)
{
	if (acked != u->acked) {
		u->acked = acked;
		u->grown_us = clock_mono_us();
	}
	while (!TAILQ_EMPTY(&u->all) && TAILQ_FIRST(&u->all)->upto <= acked)
		end_first(u, true);
}

bool unacked_stalled(const struct unacked *u, uint64_t us)
{
	return u->n > 0 && clock_mono_us() - u->grown_us > us;
}

void unacked_drop(struct unacked *u)
{
	while (!TAILQ_EMPTY(&u->all))
		end_first(u, false);
}
