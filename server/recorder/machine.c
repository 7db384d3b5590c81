/*
 * machine.c: see machine.h. The work is done by modules that do not know the machine and report
 * events to it: the lease (lease.h), the comparison with the store (reconcile.h), the rounds
 * (rounds.h), the file (ledger.h), the key (signing_key.h).
 *
 * A state owns what is under way in it. A transition cancels what the next state does not own, so
 * that no answer can come too late: there is nobody whom it could reach. docs/evidence.md.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <timeglas/errors.h>

#include "base/scoreboard.h"
#include "base/clock.h"
#include "base/log.h"
#include "recorder/announce.h"
#include "recorder/lease.h"
#include "recorder/ledger.h"
#include "recorder/machine.h"
#include "recorder/reconcile.h"
#include "recorder/rounds.h"
#include "recorder/signing_key.h"
#include "store/store.h"
#include "store/store_reconcile.h"

#define RENEW_US 1000000u
#define RETRY_US 240000u  /* while nothing is settled: at every heartbeat */
#define YIELD_US 3000000u /* a file that cannot be written for so long: another server's may do */
#define PAUSE_US 1000000u /* the other recorders ask four times a second */
#define STOP_US 1500000u  /* for the last rounds: the master waits 2 s */

struct machine {
	const struct conf *conf;
	struct loop *loop;
	struct store *store;
	enum recorder_state state;
	struct announce announce;
	struct signing_key key; /* open in every state but KEYLESS, as are the next two */
	struct ledger *ledger;
	struct lease *lease;
	struct reconcile *reconcile;       /* in COMPARING; otherwise NULL */
	struct rounds *rounds;             /* in the settled states; otherwise NULL */
	const struct outbox_lease *answer; /* while an event of the lease is handled */
	uint64_t failed_us;                /* since when our file cannot be written; 0: it can */
	uint64_t pause_us;                 /* in PAUSED: until when */
	uint64_t stop_us;      /* after SIGTERM: until when the last rounds may go on; 0: go on */
	uint64_t caught_up_us; /* every event before that is recorded; 0: not known */
};

/* The store answers, and does not do what it should: that is not the disk's doing. */
static void announce_refused(struct machine *m)
{
	if (store_up(m->store))
		announce_evidence(&m->announce, EVIDENCE_NO_STORE, 0);
}

static void announce_caught_up(struct machine *m)
{
	const uint64_t complete_us = rounds_complete_us(m->rounds);

	if (complete_us != 0) {
		m->caught_up_us = complete_us;
		scoreboard_set_caught_up(complete_us);
	}
	/* now, and not when the file was opened: whoever is told may count on it */
	announce_evidence(&m->announce, EVIDENCE_RECORDING, 0);
}

/* Key and file ------------------------------------------------------------- */

static void on_lease(void *ctx, enum lease_event e, const struct outbox_lease *a);

static bool open_modules(struct machine *m)
{
	const struct conf *c = m->conf;
	const struct ledger_opts ledger = {
		.path = c->audit_log,
		.secret = m->key.secret,
		.rotate_bytes = c->audit_rotate_bytes,
		.rotate_s = c->audit_rotate_s,
		.keep_days = c->audit_keep_days,
	};
	const struct lease_opts lease = {.store = m->store,
		.public_text = m->key.public_text,
		.path = c->audit_log,
		.cb = on_lease,
		.ctx = m};

	m->ledger = ledger_new(&ledger);
	m->lease = lease_new(&lease);
	if (m->ledger != NULL && m->lease != NULL)
		return true;
	ledger_free(m->ledger);
	lease_free(m->lease);
	m->ledger = NULL;
	m->lease = NULL;
	return false;
}

static enum recorder_event open_key(struct machine *m)
{
	const struct conf *c = m->conf;
	char path[PATH_MAX];
	int err;

	errno = 0;
	err = signing_key_path(c->audit_key, c->audit_log, path, sizeof path);
	if (err == 0)
		err = signing_key_open(&m->key, path);
	if (err != 0) {
		announce_key_failed(&m->announce, err);
		return RECORDER_EV_NONE;
	}
	if (!open_modules(m)) {
		signing_key_close(&m->key);
		return RECORDER_EV_NONE;
	}
	log_info("audit-key", "evidence is signed by %s", m->key.public_text);
	return RECORDER_EV_KEY_OPENED;
}

/* Not while a batch waits: it would go into the file undeclared. */
static enum recorder_event checkpoint(struct machine *m, const char *reason)
{
	int err = ledger_checkpoint(m->ledger, reason);

	if (err != 0) {
		announce_file_failed(&m->announce, err);
		return RECORDER_EV_FILE_FAILED;
	}
	announce_head(m->ledger);
	return RECORDER_EV_NONE;
}

static enum recorder_event checkpoint_when_due(struct machine *m)
{
	return ledger_is_open(m->ledger) && ledger_checkpoint_is_due(m->ledger) ?
		checkpoint(m, "time") :
		RECORDER_EV_NONE;
}

/* Asking for the lease ----------------------------------------------------- */

static enum recorder_event take_lease(struct machine *m)
{
	return lease_take(m->lease, m->caught_up_us) == 0 ? RECORDER_EV_NONE :
							    RECORDER_EV_LEASE_LOST;
}

static enum recorder_event declare(struct machine *m)
{
	return lease_declare(m->lease, m->caught_up_us, m->ledger) == 0 ? RECORDER_EV_NONE :
									  RECORDER_EV_LEASE_LOST;
}

static enum recorder_event yield_lease(struct machine *m)
{
	return lease_give_up(m->lease, m->caught_up_us) == 0 ? RECORDER_EV_NONE :
							       RECORDER_EV_LEASE_LOST;
}

static bool yield_is_due(const struct machine *m, uint64_t now)
{
	return m->failed_us != 0 && now - m->failed_us > YIELD_US && lease_is_held(m->lease);
}

/* Comparing ---------------------------------------------------------------- */

static enum recorder_event of_reconcile(struct machine *m, enum reconcile_event e, int err)
{
	switch (e) {
	case RECONCILE_SETTLED:
		return RECORDER_EV_SETTLED;
	case RECONCILE_AGAIN:
		return RECORDER_EV_COMPARE_AGAIN;
	case RECONCILE_FILE_FAILED:
		announce_file_failed(&m->announce, err);
		return RECORDER_EV_FILE_FAILED;
	case RECONCILE_REFUSED:
		announce_refused(m);
		return RECORDER_EV_COMPARE_FAILED;
	case RECONCILE_FAILED:
		return RECORDER_EV_COMPARE_FAILED;
	case RECONCILE_UNDER_WAY:
		break;
	}
	return RECORDER_EV_NONE;
}

static void on_reconcile(void *ctx, enum reconcile_event e, int err)
{
	machine_step(ctx, of_reconcile(ctx, e, err));
}

static enum recorder_event compare(struct machine *m)
{
	const struct reconcile_opts o = {.store = m->store,
		.ledger = m->ledger,
		.lease = m->lease,
		.path = m->conf->audit_log,
		.answer = m->answer,
		.cb = on_reconcile,
		.ctx = m};
	enum reconcile_event e;
	int err = ledger_open(m->ledger);

	if (err != 0)
		return of_reconcile(m, RECONCILE_FILE_FAILED, err);
	m->reconcile = reconcile_new(&o);
	if (m->reconcile == NULL)
		return RECORDER_EV_COMPARE_FAILED;
	e = reconcile_begin(m->reconcile, &err);
	return of_reconcile(m, e, err);
}

static void on_compared(void *ctx, int err, unsigned shard)
{
	(void)shard;
	if (err == 0)
		scoreboard_set_compared(true);
	else /* it is another Redis, or another life of it, than the one that was compared */
		machine_step(ctx, RECORDER_EV_COMPARE_FAILED);
}

/* Rounds ------------------------------------------------------------------- */

static bool may_go_on(const struct machine *m)
{
	return store_up(m->store) && lease_is_held(m->lease) && ledger_is_open(m->ledger);
}

static enum recorder_event round_if_possible(const struct machine *m)
{
	return may_go_on(m) ? RECORDER_EV_ROUND_DUE : RECORDER_EV_NONE;
}

static enum recorder_event read_events(struct machine *m, enum rounds_mode mode)
{
	return may_go_on(m) && rounds_read(m->rounds, mode) == 0 ? RECORDER_EV_NONE :
								   RECORDER_EV_ROUND_DROPPED;
}

static void on_rounds(void *ctx, enum rounds_event e, int err)
{
	struct machine *m = ctx;

	switch (e) {
	case ROUNDS_DUE:
		machine_step(m, round_if_possible(m));
		break;
	case ROUNDS_EVENTS:
		machine_step(
			m, may_go_on(m) ? RECORDER_EV_ROUND_EVENTS : RECORDER_EV_ROUND_DROPPED);
		break;
	case ROUNDS_EMPTY:
		if (!may_go_on(m)) {
			machine_step(m, RECORDER_EV_ROUND_DROPPED);
			break;
		}
		announce_caught_up(m);
		machine_step(m, RECORDER_EV_ROUND_EMPTY);
		break;
	case ROUNDS_READ_FAILED:
		machine_step(m, RECORDER_EV_ROUND_FAILED);
		break;
	case ROUNDS_FILE_FAILED:
		announce_file_failed(&m->announce, err);
		machine_step(m, RECORDER_EV_FILE_FAILED);
		break;
	case ROUNDS_TRIM_FAILED:
		/* What cannot be trimmed would pile up: it counts as not recorded, and uploads
		 * stop. */
		announce_refused(m);
		machine_step(m, RECORDER_EV_TRIM_FAILED);
		break;
	}
}

static enum recorder_event write_events(struct machine *m)
{
	int err = rounds_write(m->rounds);

	if (err != 0) {
		announce_file_failed(&m->announce, err);
		return RECORDER_EV_FILE_FAILED;
	}
	announce_caught_up(m);
	if (checkpoint_when_due(m) != RECORDER_EV_NONE)
		return RECORDER_EV_FILE_FAILED;
	return RECORDER_EV_WRITTEN;
}

/* From here on the store names us, and lets itself be read. */
static enum recorder_event settle(struct machine *m)
{
	const struct reconcile_result r = reconcile_result(m->reconcile);
	const struct rounds_opts o = {
		.loop = m->loop, .store = m->store, .ledger = m->ledger, .cb = on_rounds, .ctx = m};
	enum recorder_event e;
	int rc;

	m->failed_us = 0;
	announce_head(m->ledger);
	lease_settle(m->lease, r.epoch, r.declared);
	rc = store_reconcile_done(m->store, r.life, on_compared, m);
	reconcile_free(m->reconcile);
	m->reconcile = NULL;
	m->rounds = rounds_new(&o);
	if (rc != 0 || m->rounds == NULL)
		return RECORDER_EV_COMPARE_FAILED;
	e = declare(m);
	return e == RECORDER_EV_NONE ? round_if_possible(m) : e;
}

/* The machine -------------------------------------------------------------- */

/* What the new state does not own is cancelled: no answer to it can come any more. */
static void leave(struct machine *m, enum recorder_state to)
{
	if (to != RECORDER_COMPARING && to != RECORDER_READY) { /* settle() ends it otherwise */
		reconcile_free(m->reconcile);
		m->reconcile = NULL;
	}
	if (recorder_state_is_settled(to) || m->ledger == NULL)
		return;
	rounds_free(m->rounds);
	m->rounds = NULL;
	store_forget(m->store, m); /* store_reconcile_done() */
	lease_unsettle(m->lease);
	ledger_drop(m->ledger);
}

static enum recorder_event enter_ready(struct machine *m, enum recorder_event e)
{
	if (e == RECORDER_EV_SETTLED)
		return settle(m);
	if (e == RECORDER_EV_ROUND_DROPPED)
		rounds_drop(m->rounds); /* the next heartbeat begins again */
	else
		rounds_schedule(m->rounds);
	return RECORDER_EV_NONE;
}

static enum recorder_event enter_last_reading(struct machine *m, enum recorder_state from)
{
	if (from != RECORDER_READING)
		return read_events(m, ROUNDS_URGENT);
	rounds_hurry(m->rounds); /* it ends soon, and another one follows */
	return RECORDER_EV_NONE;
}

static enum recorder_event release(struct machine *m)
{
	if (ledger_is_open(m->ledger))
		(void)checkpoint(m, "exit");
	return lease_give_up(m->lease, m->caught_up_us) == 0 ? RECORDER_EV_NONE :
							       RECORDER_EV_LEASE_RELEASED;
}

static enum recorder_event end(struct machine *m, enum recorder_state from, enum recorder_event e)
{
	if (from != RECORDER_RELEASING && e != RECORDER_EV_STOP_DEADLINE && m->ledger != NULL &&
		ledger_is_open(m->ledger))
		(void)checkpoint(m, "exit");
	loop_stop(m->loop);
	return RECORDER_EV_NONE;
}

/* The state has changed: begins its work. Returns the event that follows at once. */
static enum recorder_event enter(struct machine *m, enum recorder_state from, enum recorder_event e)
{
	switch (m->state) {
	case RECORDER_DISCONNECTED:
		lease_forget(m->lease);
		return e == RECORDER_EV_KEY_OPENED && store_up(m->store) ? RECORDER_EV_STORE_UP :
									   RECORDER_EV_NONE;
	case RECORDER_SEEKING: /* behind a failure, the next heartbeat asks */
		return e == RECORDER_EV_STORE_UP || e == RECORDER_EV_PAUSE_OVER ||
				e == RECORDER_EV_COMPARE_AGAIN ?
			take_lease(m) :
			RECORDER_EV_NONE;
	case RECORDER_YIELDING:
		return yield_lease(m);
	case RECORDER_PAUSED:
		m->failed_us = 0;
		m->pause_us = clock_mono_us() + PAUSE_US;
		return RECORDER_EV_NONE;
	case RECORDER_COMPARING:
		return compare(m);
	case RECORDER_READY:
		return enter_ready(m, e);
	case RECORDER_READING:
		/* waits for events once it is known that there are none left */
		return read_events(
			m, m->announce.last == EVIDENCE_RECORDING ? ROUNDS_WAIT : ROUNDS_NO_WAIT);
	case RECORDER_LAST_READING:
		return enter_last_reading(m, from);
	case RECORDER_WRITING:
		return declare(m);
	case RECORDER_LAST_WRITING: /* from WRITING, the declaration is under way */
		return from == RECORDER_WRITING ? RECORDER_EV_NONE : declare(m);
	case RECORDER_RELEASING:
		return release(m);
	case RECORDER_ENDED:
		return end(m, from, e);
	case RECORDER_KEYLESS: /* nothing leads there */
	case RECORDER_STATE_COUNT:
		break;
	}
	return RECORDER_EV_NONE;
}

/* Asks for the lease, or renews it, when it is time. */
static enum recorder_event renew(struct machine *m, uint64_t now)
{
	const uint64_t since_us = now - lease_asked_us(m->lease);

	if (recorder_state_is_settled(m->state))
		return since_us >= RENEW_US ? declare(m) : RECORDER_EV_NONE;
	if (since_us < RETRY_US)
		return RECORDER_EV_NONE;
	if (m->state == RECORDER_SEEKING && yield_is_due(m, now))
		return RECORDER_EV_YIELD_DUE;
	return take_lease(m);
}

static enum recorder_event on_heartbeat(struct machine *m)
{
	const uint64_t now = clock_mono_us();
	enum recorder_event e = RECORDER_EV_NONE;

	if (m->stop_us != 0 && now >= m->stop_us)
		return RECORDER_EV_STOP_DEADLINE;
	switch (m->state) {
	case RECORDER_KEYLESS:
		return open_key(m);
	case RECORDER_DISCONNECTED:
		announce_disconnected(&m->announce);
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
		e = checkpoint_when_due(m);
	return e == RECORDER_EV_NONE && m->state == RECORDER_READY ? round_if_possible(m) : e;
}

/* The event came and did not change the state. Returns the event that follows at once. */
static enum recorder_event stay(struct machine *m, enum recorder_event e)
{
	const enum recorder_state s = m->state;

	if (e == RECORDER_EV_HEARTBEAT)
		return on_heartbeat(m);
	if (e == RECORDER_EV_STORE_UP) /* in KEYLESS: do not wait for the next heartbeat */
		return open_key(m);
	if (e == RECORDER_EV_BATCH_DECLARED)
		return write_events(m);
	if (e == RECORDER_EV_LEASE_OURS && s == RECORDER_READY)
		return round_if_possible(m);
	if (e == RECORDER_EV_LEASE_OURS && (s == RECORDER_WRITING || s == RECORDER_LAST_WRITING))
		return declare(m); /* that call was sent before the round was read */
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
		return writing && lease_covers(m->lease, m->ledger) ? RECORDER_EV_BATCH_DECLARED :
								      RECORDER_EV_LEASE_OURS;
	case LEASE_ELSEWHERE:
		announce_elsewhere(&m->announce, m->answer, lease_asked_us(m->lease),
			lease_waited_us(m->lease));
		return RECORDER_EV_LEASE_ELSEWHERE;
	case LEASE_FORGOTTEN:
		return RECORDER_EV_STORE_CHANGED;
	case LEASE_GIVEN_UP:
		return m->state == RECORDER_YIELDING ? RECORDER_EV_LEASE_YIELDED :
						       RECORDER_EV_LEASE_RELEASED;
	case LEASE_FAILED:
		if (m->state == RECORDER_RELEASING)
			return RECORDER_EV_LEASE_RELEASED; /* it runs out by itself */
		announce_refused(m);
		return RECORDER_EV_LEASE_LOST;
	case LEASE_LATE:
		break;
	}
	return RECORDER_EV_LEASE_LOST;
}

static void on_lease(void *ctx, enum lease_event e, const struct outbox_lease *a)
{
	struct machine *m = ctx;

	if (a != NULL && a->compared)
		scoreboard_set_compared(true);
	m->answer = a;
	machine_step(m, of_lease(m, e));
	m->answer = NULL;
}

struct machine *machine_new(const struct conf *conf, struct loop *loop)
{
	struct machine *m = calloc(1, sizeof *m);

	if (m == NULL)
		return NULL;
	m->conf = conf;
	m->loop = loop;
	m->state = RECORDER_KEYLESS;
	announce_init(&m->announce, conf);
	return m;
}

void machine_set_store(struct machine *m, struct store *s)
{
	m->store = s;
}

void machine_free(struct machine *m)
{
	if (m == NULL)
		return;
	reconcile_free(m->reconcile);
	rounds_free(m->rounds);
	lease_free(m->lease);
	if (m->ledger != NULL)
		signing_key_close(&m->key);
	ledger_free(m->ledger);
	free(m);
}
