/*
 * machine.c: see machine.h. It decides, by state and event, which work is due; work.c does it. The
 * modules below work.c do not know the machine and report events to it: the lease (lease.h), the
 * comparison with the store (reconcile.h), the rounds (rounds.h), the file (ledger.h), the key
 * (signing_key.h).
 *
 * A state owns what is under way in it. A transition cancels what the next state does not own, so
 * that no answer can come too late: nothing waits for it any more. docs/evidence.md.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/scoreboard.h"
#include "recorder/machine.h"
#include "recorder/prover.h"
#include "recorder/work.h"
#include "store/store.h"

#define RENEW_US 1000000u
#define RETRY_US 240000u  /* between two calls for the lease: each poll sends one */
#define YIELD_US 3000000u /* so long unable to write: another server's recorder may be able */
#define PAUSE_US 1000000u /* long enough, as other recorders ask four times a second */
#define STOP_US 1500000u  /* for the last rounds; the master waits 2 s before it kills */

struct machine {
	struct loop *loop;
	struct work work;
	enum recorder_state state;
	const struct outbox_lease *answer; /* while an event of the lease is handled */
	/* all by clock_mono_us() */
	uint64_t failed_us; /* since when our file cannot be written; 0: it can */
	uint64_t pause_us;  /* in PAUSED: until when */
	uint64_t stop_us;   /* after SIGTERM: until when the last rounds may go on; 0: go on */
};

static bool yield_is_due(const struct machine *m, uint64_t now)
{
	return m->failed_us != 0 && now - m->failed_us > YIELD_US && lease_is_held(m->work.lease);
}

/* The machine -------------------------------------------------------------- */

/* Cancels what the new state does not own: no answer to it can come any more. */
static void leave(struct machine *m, enum recorder_state to)
{
	if (to != RECORDER_COMPARING && to != RECORDER_READY) /* work_settle() ends it otherwise */
		work_cancel_comparison(&m->work);
	if (!recorder_state_is_settled(to))
		work_unsettle(&m->work);
}

static enum recorder_event enter_ready(struct machine *m, enum recorder_event e)
{
	if (e == RECORDER_EV_SETTLED) {
		m->failed_us = 0;
		return work_settle(&m->work);
	}
	if (e == RECORDER_EV_ROUND_DROPPED)
		rounds_drop(m->work.rounds); /* the next poll begins again */
	else
		rounds_schedule(m->work.rounds);
	/* While rounds follow each other, a poll rarely comes between two of them. */
	return e == RECORDER_EV_WRITTEN ? work_checkpoint_when_due(&m->work) : RECORDER_EV_NONE;
}

static enum recorder_event enter_last_reading(struct machine *m, enum recorder_state from)
{
	if (from != RECORDER_READING)
		return work_read(&m->work, ROUNDS_URGENT);
	rounds_hurry(m->work.rounds); /* it ends soon, and another one follows */
	return RECORDER_EV_NONE;
}

/* An embedded Redis that has died can be recorded without its answer: nobody else has it. Only
 * behind an empty round the evidence has all that the store told. */
static void write_last_lines(struct machine *m, enum recorder_state from, enum recorder_event e)
{
	if (recorder_state_is_settled(from) || from == RECORDER_DISCONNECTED)
		work_record_stop(&m->work, e == RECORDER_EV_ROUND_EMPTY);
	work_checkpoint_at_exit(&m->work);
}

static enum recorder_event release(
	struct machine *m, enum recorder_state from, enum recorder_event e)
{
	write_last_lines(m, from, e);
	return work_give_lease_up(&m->work) == 0 ? RECORDER_EV_NONE : RECORDER_EV_LEASE_RELEASED;
}

static enum recorder_event stop(struct machine *m, enum recorder_state from, enum recorder_event e)
{
	uint64_t live;
	bool all;

	if (from != RECORDER_RELEASING &&
		(e != RECORDER_EV_STOP_DEADLINE || scoreboard_stopped(&live, &all)))
		write_last_lines(m, from, e);
	loop_stop(m->loop);
	return RECORDER_EV_NONE;
}

/* Begins the work of the new state. Returns the event that follows at once. */
static enum recorder_event enter(struct machine *m, enum recorder_state from, enum recorder_event e)
{
	switch (m->state) {
	case RECORDER_DISCONNECTED:
		lease_forget(m->work.lease);
		return e == RECORDER_EV_KEY_OPENED && store_up(m->work.store) ?
			RECORDER_EV_STORE_UP :
			RECORDER_EV_NONE;
	case RECORDER_SEEKING: /* behind a failure, the next poll asks */
		return e == RECORDER_EV_STORE_UP || e == RECORDER_EV_PAUSE_OVER ||
				e == RECORDER_EV_COMPARE_AGAIN ?
			work_take_lease(&m->work) :
			RECORDER_EV_NONE;
	case RECORDER_YIELDING:
		return work_give_lease_up(&m->work) == 0 ? RECORDER_EV_NONE :
							   RECORDER_EV_LEASE_LOST;
	case RECORDER_PAUSED:
		m->failed_us = 0;
		m->pause_us = clock_mono_us() + PAUSE_US;
		return RECORDER_EV_NONE;
	case RECORDER_COMPARING:
		return work_compare(&m->work, m->answer);
	case RECORDER_READY:
		return enter_ready(m, e);
	case RECORDER_READING:
		/* waits for events once it is known that there are none left */
		return work_read(&m->work,
			m->work.announce.last == EVIDENCE_RECORDING ? ROUNDS_WAIT : ROUNDS_NO_WAIT);
	case RECORDER_LAST_READING:
		return enter_last_reading(m, from);
	case RECORDER_WRITING:
		return work_declare(&m->work);
	case RECORDER_LAST_WRITING: /* from WRITING, the declaration is under way */
		return from == RECORDER_WRITING ? RECORDER_EV_NONE : work_declare(&m->work);
	case RECORDER_RELEASING:
		return release(m, from, e);
	case RECORDER_ENDED:
		return stop(m, from, e);
	case RECORDER_KEYLESS: /* nothing leads there */
	case RECORDER_STATE_COUNT:
		break;
	}
	return RECORDER_EV_NONE;
}

/* Asks for the lease, or renews it, when it is time. */
static enum recorder_event renew(struct machine *m, uint64_t now)
{
	const uint64_t since_us = now - lease_asked_us(m->work.lease);

	if (recorder_state_is_settled(m->state))
		return since_us >= RENEW_US ? work_declare(&m->work) : RECORDER_EV_NONE;
	if (since_us < RETRY_US)
		return RECORDER_EV_NONE;
	if (m->state == RECORDER_SEEKING && yield_is_due(m, now))
		return RECORDER_EV_YIELD_DUE;
	return work_take_lease(&m->work);
}

static enum recorder_event on_poll(struct machine *m)
{
	const uint64_t now = clock_mono_us();
	enum recorder_event e = RECORDER_EV_NONE;

	if (m->stop_us != 0 && now >= m->stop_us)
		return RECORDER_EV_STOP_DEADLINE;
	switch (m->state) {
	case RECORDER_KEYLESS:
		return work_open_key(&m->work);
	case RECORDER_DISCONNECTED:
		announce_disconnected(&m->work.announce);
		break;
	case RECORDER_PAUSED:
		e = now >= m->pause_us ? RECORDER_EV_PAUSE_OVER : RECORDER_EV_NONE;
		break;
	case RECORDER_WRITING:
	case RECORDER_LAST_WRITING:
		return renew(m, now);
	case RECORDER_YIELDING:
	case RECORDER_RELEASING:
		return RECORDER_EV_NONE;
	default:
		e = renew(m, now);
		break;
	}
	if (e == RECORDER_EV_NONE)
		e = work_checkpoint_when_due(&m->work);
	return e == RECORDER_EV_NONE && m->state == RECORDER_READY ?
		work_round_if_possible(&m->work) :
		e;
}

/* Does what an event asks for that did not change the state. Returns the event that follows at
 * once. */
static enum recorder_event stay(struct machine *m, enum recorder_event e)
{
	const enum recorder_state s = m->state;

	if (e == RECORDER_EV_POLL)
		return on_poll(m);
	if (e == RECORDER_EV_STORE_UP) /* in KEYLESS: do not wait for the next poll */
		return work_open_key(&m->work);
	if (e == RECORDER_EV_BATCH_DECLARED)
		return work_write(&m->work);
	if (e == RECORDER_EV_LEASE_OURS && s == RECORDER_READY)
		return work_round_if_possible(&m->work);
	if (e == RECORDER_EV_LEASE_OURS && (s == RECORDER_WRITING || s == RECORDER_LAST_WRITING))
		return work_declare(&m->work); /* that call was sent before the round was read */
	return RECORDER_EV_NONE;
}

void machine_step(struct machine *m, enum recorder_event e)
{
	while (e != RECORDER_EV_NONE && m->state != RECORDER_ENDED) {
		const enum recorder_state from = m->state, to = recorder_state_next(from, e);

		if (e == RECORDER_EV_FILE_FAILED && m->failed_us == 0)
			m->failed_us = clock_mono_us();
		if (e == RECORDER_EV_STOP && m->stop_us == 0)
			m->stop_us = clock_mono_us() + STOP_US;
		if (to != from)
			leave(m, to);
		m->state = to;
		e = to != from ? enter(m, from, e) : stay(m, e);
	}
}

/* Callbacks: each becomes an event ----------------------------------------- */

static enum recorder_event of_lease(struct machine *m, enum lease_event e)
{
	const bool writing = m->state == RECORDER_WRITING || m->state == RECORDER_LAST_WRITING;

	switch (e) {
	case LEASE_OURS:
		return writing && lease_covers(m->work.lease, m->work.ledger) ?
			RECORDER_EV_BATCH_DECLARED :
			RECORDER_EV_LEASE_OURS;
	case LEASE_ELSEWHERE:
		announce_elsewhere(&m->work.announce, m->answer, lease_asked_us(m->work.lease),
			lease_waited_us(m->work.lease));
		return RECORDER_EV_LEASE_ELSEWHERE;
	case LEASE_FORGOTTEN:
		return RECORDER_EV_STORE_CHANGED;
	case LEASE_GIVEN_UP:
		return m->state == RECORDER_YIELDING ? RECORDER_EV_LEASE_YIELDED :
						       RECORDER_EV_LEASE_RELEASED;
	case LEASE_FAILED:
		if (m->state == RECORDER_RELEASING)
			return RECORDER_EV_LEASE_RELEASED; /* it runs out by itself */
		work_announce_refused(&m->work);
		return RECORDER_EV_LEASE_LOST;
	case LEASE_LATE:
		break;
	}
	return RECORDER_EV_LEASE_LOST;
}

static void on_lease(void *ctx, enum lease_event e, const struct outbox_lease *a)
{
	struct machine *m = ctx;

	if (a != NULL)
		identity_saw(&m->work.identity, a->epoch);
	if (a != NULL && a->compared)
		scoreboard_set_compared(true);
	m->answer = a;
	machine_step(m, of_lease(m, e));
	m->answer = NULL;
}

static void on_work(void *ctx, enum recorder_event e)
{
	machine_step(ctx, e);
}

struct machine *machine_new(const struct conf *conf, struct loop *loop)
{
	struct machine *m = calloc(1, sizeof *m);
	const struct work_opts o = {
		.conf = conf, .loop = loop, .cb = on_work, .on_lease = on_lease, .ctx = m};

	if (m == NULL)
		return NULL;
	m->loop = loop;
	m->state = RECORDER_KEYLESS;
	work_init(&m->work, &o);
	return m;
}

void machine_set_store(struct machine *m, struct store *s)
{
	work_set_store(&m->work, s);
}

void machine_connected(struct machine *m, struct store *s)
{
	identity_connected(&m->work.identity, s);
}

void machine_view(const struct machine *m, struct prover_view *out)
{
	out->recording = recorder_state_is_settled(m->state);
	out->caught_up_us = m->work.caught_up_us;
	out->public_key =
		m->work.key.secret != NULL ? m->work.key.secret + CHAIN_SECRET - CHAIN_KEY : NULL;
}

void machine_free(struct machine *m)
{
	if (m == NULL)
		return;
	work_end(&m->work);
	free(m);
}
