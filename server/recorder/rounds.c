/*
 * rounds.c: what is recorded, in rounds: read, declare, write, sync, and only then trim. An event
 * that is not in the file is still in the store; one that might be in it is declared there. Runs in
 * the recorder. docs/evidence.md.
 */
#include <sched.h>
#include <timeglas/errors.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "recorder/recorder_int.h"

/* events of a shard in one round: what Redis gathers for one answer, 4,096 at most, must not hold
 * up the reaper for long */
#define READ_COUNT 64u
/* the same for a recorder that is behind, so 16,384 at most: each round costs a sync and two
 * answers of the store, however many it has */
#define BEHIND_COUNT 256u
#define READ_BLOCK_MS 200u /* one wait for events */
/* rounds do not follow each other faster: one sync serves many events */
#define ROUND_US 20000u
/* the same behind one of few events: it has cost as much as many would */
#define QUIET_ROUND_US 50000u
#define FEW 100
/* a round's work is done in so many; between two of them others that wait for this processor may go
 * first */
#define SPELLS 16
#define SPELL_MIN 16 /* events */
/* they may take that long together; then the rest is done at a stretch */
#define SPELLS_US 10000u

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

/* Not when it is we who are waited for. */
static void let_others(const struct recorder *x, uint64_t until_us)
{
	if (!x->stopping && !x->batch_full && clock_mono_us() < until_us)
		(void)sched_yield();
}

/* Into the ledger's batch; an error: nothing of it. */
static int collect(struct recorder *x, struct outbox_batch *b)
{
	const int n = outbox_count(b), spell = n / SPELLS > SPELL_MIN ? n / SPELLS : SPELL_MIN;
	const uint64_t until_us = clock_mono_us() + SPELLS_US;
	struct outbox_event e;
	int err = 0;

	ledger_drop(x->ledger);
	x->batch = 0;
	x->batch_shards = 0;
	x->batch_full = outbox_full(b);
	while (err == 0 && outbox_next(b, &e)) {
		err = add(x, &e);
		x->batch_shards |= UINT64_C(1) << e.shard;
		if (++x->batch % spell == 0)
			let_others(x, until_us);
	}
	if (err != 0) {
		ledger_drop(x->ledger);
		x->batch = 0;
	}
	return err;
}

/* n: events of the last round. */
static void next_round(struct recorder *x, int n, bool at_once)
{
	uint64_t now = clock_mono_us(), at = x->read_us + (n < FEW ? QUIET_ROUND_US : ROUND_US);
	struct timeval wait = {0, 0};

	if (!at_once && at > now)
		wait.tv_usec = (suseconds_t)(at - now);
	event_add(x->round, &wait);
}

static void caught_up(struct recorder *x)
{
	if (!x->batch_full) {
		x->caught_up_us = x->read_us;
		scoreboard_set_caught_up(x->read_us);
	}
	/* now, and not when the file was opened: whoever is told may count on it */
	recorder_state(x, EVIDENCE_RECORDING, 0);
}

void rounds_on_events(void *ctx, int err, struct outbox_batch *b)
{
	struct recorder *x = ctx;

	x->reading = false;
	if (err != 0) { /* the next tick goes on */
		if (err != TG_ESTORE)
			log_error("outbox", "events could not be read from the store: %s",
				tg_strerror(err));
		recorder_unsettle(x);
		return;
	}
	if (!x->settled || !lease_is_ours(x) || !ledger_is_open(x->ledger))
		return;
	err = collect(x, b);
	if (err != 0) {
		recorder_file_failed(x, err);
	} else if (x->batch > 0) {
		lease_ask(x); /* the answer commits it; or the one before does, and asks again */
	} else {
		caught_up(x);
		if (x->stopping)
			recorder_end(x);
		else
			next_round(x, 0, false);
	}
}

void rounds_commit(struct recorder *x)
{
	const int n = x->batch;
	int err = ledger_commit(x->ledger);
	unsigned i;

	x->batch = 0;
	if (err != 0) {
		recorder_file_failed(x, err);
		recorder_unsettle(x);
		return;
	}
	metrics_count(M_RECORDED, (uint64_t)n);
	for (i = 0; i < TOKEN_SHARDS; i++)
		if ((x->batch_shards >> i & 1) != 0 &&
			outbox_trim(x->outbox, i, &ledger_mark(x->ledger)->pos[i]) != 0)
			/* the connection is gone; once there is another, what is recorded is
			 * trimmed first */
			break;
	caught_up(x);
	recorder_sign(x);
	next_round(x, n, x->batch_full || x->stopping);
}

void rounds_read(struct recorder *x)
{
	bool wait = !x->stopping && x->state == EVIDENCE_RECORDING;

	if (!x->settled || x->reading || x->batch > 0 || x->released || !store_up(x->store) ||
		!lease_is_ours(x) || !ledger_is_open(x->ledger))
		return;
	x->read_us = clock_mono_us();
	x->reading =
		outbox_read(x->outbox, ledger_mark(x->ledger)->pos,
			x->batch_full ? BEHIND_COUNT : READ_COUNT, wait ? READ_BLOCK_MS : 0) == 0;
}

void rounds_on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	rounds_read(ctx);
}
