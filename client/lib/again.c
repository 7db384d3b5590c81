/*
 * again.c: back-off between tries: 100 ms, doubling to 2 s, a random part less, so that many
 * clients do not come back at once. It sends nothing itself; who uses it sees to it that the
 * request may be sent twice (an Idempotency-Key, or a read). Runs in whatever process uses the
 * library.
 */
#include <sodium.h>
#include <time.h>
#include "lib/again.h"

#define FIRST_WAIT_MS 100
#define LONGEST_WAIT_MS 2000
#define RETRY_AFTER_MAX_S 60

static void sleep_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&ts, &ts) != 0)
		; /* interrupted: the rest of it */
}

/* Refusals that pass by themselves; all others are an answer. */
static bool passes(int err)
{
	return err == TG_EINFLIGHT || err == TG_ESTORE || err == TG_ECOMPARE || err == TG_EDRAIN;
}

void again_moved(struct again *a)
{
	a->wait_ms = FIRST_WAIT_MS;
}

bool again(const struct tg_client *c, struct again *a, int err)
{
	const tg_problem *p = &c->problem;
	int64_t now = http_mono_ms();
	long wait;

	if (err != TG_ENET && (a->tries == 0 || !passes(err)))
		return false;
	if (a->must_begin && a->tries == 0 && !c->begun)
		return false;
	if (a->tries++ == 0) {
		again_moved(a);
		if (a->until_ms == 0)
			a->until_ms = now + AGAIN_MS;
	}
	wait = a->wait_ms - (long)randombytes_uniform((uint32_t)a->wait_ms / 2);
	if (p->status != 0 && p->retry_after_s > 0 && p->retry_after_s <= RETRY_AFTER_MAX_S)
		wait = p->retry_after_s * 1000;
	if (now + wait > a->until_ms || (a->deadline_ms != 0 && now + wait > a->deadline_ms))
		return false;
	sleep_ms(wait);
	a->wait_ms = a->wait_ms * 2 > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : a->wait_ms * 2;
	return true;
}
