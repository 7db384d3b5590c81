/*
 * rounds.c: what is recorded, in rounds: read, write, sync, and only then trim. Runs in the recorder. docs/evidence.md.
 */
#include <timeglas/errors.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "recorder/recorder_int.h"

#define READ_COUNT 256u        /* events of a shard in one round */
#define READ_BLOCK_MS 200u     /* one wait for events */
#define ROUND_US 20000u        /* rounds do not follow each other faster: one sync serves many events */

static int add(struct recorder *x, const struct outbox_event *e)
{
	int err;

	entry_fill(&x->entry, e);
	err = ledger_add(x->ledger, &x->entry.record);
	if (err != TG_EINVAL)
		return err;
	entry_unreadable(&x->entry, e);
	return ledger_add(x->ledger, &x->entry.record);
}

/* Returns how many events are recorded now, or an error; then none of them is. */
static int record(struct recorder *x, struct outbox_batch *b)
{
	struct outbox_event e;
	uint64_t touched = 0;
	int n = 0, err = 0;
	unsigned i;

	ledger_drop(x->ledger);
	while (err == 0 && outbox_next(b, &e)) {
		err = add(x, &e);
		touched |= UINT64_C(1) << e.shard;
		n++;
	}
	if (err == 0)
		err = ledger_commit(x->ledger);
	else
		ledger_drop(x->ledger);
	if (err != 0)
		return err;
	for (i = 0; i < TOKEN_SHARDS; i++)
		if ((touched >> i & 1) != 0)
			outbox_trim(x->outbox, i, &ledger_mark(x->ledger)->pos[i]);
	metrics_count(M_RECORDED, (uint64_t)n);
	return n;
}

static void next_round(struct recorder *x, bool at_once)
{
	uint64_t now = clock_mono_us(), at = x->read_us + ROUND_US;
	struct timeval wait = { 0, 0 };

	if (!at_once && at > now)
		wait.tv_usec = (suseconds_t)(at - now);
	event_add(x->round, &wait);
}

void rounds_on_events(void *ctx, int err, struct outbox_batch *b)
{
	struct recorder *x = ctx;
	int n;

	x->reading = false;
	if (err != 0) { /* the next tick goes on */
		if (err != TG_ESTORE)
			log_error("outbox", "%s", tg_strerror(err));
		return;
	}
	if (!lease_is_ours(x) || !ledger_is_open(x->ledger))
		return;
	n = record(x, b);
	if (n < 0) {
		recorder_file_failed(x, n);
		return;
	}
	if (!outbox_full(b)) {
		x->caught_up_us = x->read_us;
		board_set_caught_up(x->read_us);
	}
	recorder_state(x, EVIDENCE_RECORDING, 0); /* now, and not when the file was opened: whoever is told may count on it */
	if (x->stopping && n == 0)
		recorder_end(x);
	else
		next_round(x, outbox_full(b) || x->stopping);
}

void rounds_read(struct recorder *x)
{
	bool wait = !x->stopping && x->state == EVIDENCE_RECORDING;

	if (x->reading || x->released || !store_up(x->store) || !lease_is_ours(x) || !ledger_is_open(x->ledger))
		return;
	x->read_us = clock_mono_us();
	x->reading = outbox_read(x->outbox, ledger_mark(x->ledger)->pos, READ_COUNT, wait ? READ_BLOCK_MS : 0) == 0;
}

void rounds_on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	rounds_read(ctx);
}
