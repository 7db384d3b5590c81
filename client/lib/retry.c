/*
 * retry.c: the pauses between tries: 100 ms, doubling up to 2 s, each shortened by a random part so
 * that many clients do not come back at once. It sends nothing. Runs in the library.
 */
#include <sodium.h>
#include <time.h>
#include "lib/clock.h"
#include "lib/retry.h"

#define FIRST_WAIT_MS 100
#define LONGEST_WAIT_MS 2000
#define RETRY_AFTER_MAX_S 60

static void sleep_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&ts, &ts) != 0)
		; /* a signal came; ts is the rest */
}

/* Refusals that pass by themselves. Every other refusal is an answer. */
static bool is_temporary(int err)
{
	return err == TG_EINFLIGHT || err == TG_ESTORE || err == TG_ECOMPARE || err == TG_EDRAIN;
}

void retry_progressed(struct retry *r)
{
	r->wait_ms = FIRST_WAIT_MS;
}

/* The server's advice, if there is any that is not too long; otherwise our own pause. */
static long choose_wait_ms(const struct retry *r, const tg_problem *p)
{
	if (p->status != 0 && p->retry_after_s > 0 && p->retry_after_s <= RETRY_AFTER_MAX_S)
		return p->retry_after_s * 1000;
	return r->wait_ms - (long)randombytes_uniform((uint32_t)r->wait_ms / 2);
}

bool retry_wait(const struct tg_client *c, struct retry *r, int err)
{
	int64_t now = clock_mono_ms();
	long wait_ms;

	if (err != TG_ENET && (r->tries == 0 || !is_temporary(err)))
		return false;
	if (r->only_if_sent && r->tries == 0 && !c->http.request_sent)
		return false;
	if (r->tries++ == 0) {
		r->wait_ms = FIRST_WAIT_MS;
		if (r->until_mono_ms == 0)
			r->until_mono_ms = now + RETRY_MS;
	}
	wait_ms = choose_wait_ms(r, &c->problem);
	if (now + wait_ms > r->until_mono_ms ||
		(r->call_ends_mono_ms != 0 && now + wait_ms > r->call_ends_mono_ms))
		return false;
	sleep_ms(wait_ms);
	r->wait_ms = r->wait_ms * 2 > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : r->wait_ms * 2;
	return true;
}
