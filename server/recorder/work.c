/*
 * work.c: see work.h. The modules that do the work know neither each other's events nor the
 * machine's: this file puts the ones into the others. It knows no state. docs/evidence.md.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <timeglas/errors.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/scoreboard.h"
#include "recorder/own_record.h"
#include "recorder/work.h"
#include "store/store.h"
#include "store/store_reconcile.h"

void work_init(struct work *w, const struct work_opts *o)
{
	*w = (struct work){.opts = *o};
	announce_init(&w->announce, o->conf);
}

void work_end(struct work *w)
{
	reconcile_free(w->reconcile);
	rounds_free(w->rounds);
	lease_free(w->lease);
	if (w->ledger != NULL)
		signing_key_close(&w->key);
	ledger_free(w->ledger);
}

void work_set_store(struct work *w, struct store *s)
{
	w->store = s;
}

static void report(struct work *w, enum recorder_event e)
{
	w->opts.cb(w->opts.ctx, e);
}

void work_announce_refused(struct work *w)
{
	if (store_up(w->store))
		announce_evidence(&w->announce, EVIDENCE_NO_STORE, 0);
}

static void announce_caught_up(struct work *w)
{
	const uint64_t complete_us = rounds_complete_us(w->rounds);

	if (complete_us != 0) {
		w->caught_up_us = complete_us;
		scoreboard_set_caught_up(complete_us);
	}
	/* now, and not when the file was opened: whoever is told may count on it */
	announce_evidence(&w->announce, EVIDENCE_RECORDING, 0);
}

/* Key and file ------------------------------------------------------------- */

static bool open_modules(struct work *w)
{
	const struct conf *c = w->opts.conf;
	const struct ledger_opts ledger = {
		.path = c->audit_log,
		.secret = w->key.secret,
		.origin = c->audit_origin,
		.rotate_bytes = c->audit_rotate_bytes,
		.rotate_s = c->audit_rotate_s,
		.keep_days = c->audit_keep_days,
	};
	const struct lease_opts lease = {.store = w->store,
		.public_text = w->key.public_text,
		.path = c->audit_log,
		.cb = w->opts.on_lease,
		.ctx = w->opts.ctx};

	w->ledger = ledger_new(&ledger);
	w->lease = lease_new(&lease);
	if (w->ledger != NULL && w->lease != NULL)
		return true;
	ledger_free(w->ledger);
	lease_free(w->lease);
	w->ledger = NULL;
	w->lease = NULL;
	return false;
}

enum recorder_event work_open_key(struct work *w)
{
	const struct conf *c = w->opts.conf;
	char path[PATH_MAX];
	int err;

	errno = 0;
	err = signing_key_path(c->audit_key, c->audit_log, path, sizeof path);
	if (err == 0)
		err = signing_key_open(&w->key, path);
	if (err != 0) {
		announce_key_failed(&w->announce, err);
		return RECORDER_EV_NONE;
	}
	if (!open_modules(w)) {
		signing_key_close(&w->key);
		return RECORDER_EV_NONE;
	}
	log_info("audit-key", "evidence is signed by %s", w->key.public_text);
	return RECORDER_EV_KEY_OPENED;
}

static enum recorder_event checkpoint(struct work *w, const char *reason)
{
	int err = ledger_checkpoint(w->ledger, reason);

	if (err != 0) {
		announce_file_failed(&w->announce, err);
		return RECORDER_EV_FILE_FAILED;
	}
	announce_head(w->ledger);
	return RECORDER_EV_NONE;
}

enum recorder_event work_checkpoint_when_due(struct work *w)
{
	return ledger_is_open(w->ledger) && ledger_checkpoint_is_due(w->ledger) ?
		checkpoint(w, "time") :
		RECORDER_EV_NONE;
}

void work_record_stop(struct work *w, bool all_read)
{
	struct own_record own;
	uint64_t live;
	char count[24];
	bool all;

	if (!scoreboard_stopped(&live, &all) || !ledger_is_open(w->ledger))
		return;
	snprintf(count, sizeof count, "%llu", (unsigned long long)live);
	own_record_begin(&own);
	own_record_member(&own, "was", ledger_mark(w->ledger)->epoch);
	own_record_member(&own, all && all_read ? "count" : "at_least", count);
	own_record_member(&own, "reason", "stop");
	if (own_record_add(&own, w->ledger, CHAIN_STORE_LOST, clock_wall_ms()) != 0)
		log_error("audit-log",
			"it cannot be recorded that live blobs end with the embedded Redis");
}

void work_checkpoint_at_exit(struct work *w)
{
	if (w->ledger != NULL && ledger_is_open(w->ledger))
		(void)checkpoint(w, "exit");
}

/* The lease ---------------------------------------------------------------- */

enum recorder_event work_take_lease(struct work *w)
{
	return lease_take(w->lease, w->caught_up_us) == 0 ? RECORDER_EV_NONE :
							    RECORDER_EV_LEASE_LOST;
}

enum recorder_event work_declare(struct work *w)
{
	return lease_declare(w->lease, w->caught_up_us, w->ledger) == 0 ? RECORDER_EV_NONE :
									  RECORDER_EV_LEASE_LOST;
}

int work_give_lease_up(struct work *w)
{
	return lease_give_up(w->lease, w->caught_up_us);
}

/* Comparing ---------------------------------------------------------------- */

static enum recorder_event of_reconcile(struct work *w, enum reconcile_event e, int err)
{
	switch (e) {
	case RECONCILE_SETTLED:
		return RECORDER_EV_SETTLED;
	case RECONCILE_AGAIN:
		return RECORDER_EV_COMPARE_AGAIN;
	case RECONCILE_FILE_FAILED:
		announce_file_failed(&w->announce, err);
		return RECORDER_EV_FILE_FAILED;
	case RECONCILE_REFUSED:
		work_announce_refused(w);
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
	report(ctx, of_reconcile(ctx, e, err));
}

/* Returns whether we told this store of more lines than our file has. */
static bool file_is_older(const struct work *w, const struct outbox_lease *answer)
{
	const struct evidence_mark *m = ledger_mark(w->ledger);

	if (strcmp(answer->by, lease_token(w->lease)) != 0 ||
		strcmp(answer->epoch, m->epoch) != 0 || answer->head_n <= m->n)
		return false;
	log_error("audit-log",
		"the evidence file ends with line %llu, but line %llu of it was signed for what "
		"this store holds: an older copy was put in its place; bring the newest one back",
		(unsigned long long)m->n, (unsigned long long)answer->head_n);
	return true;
}

enum recorder_event work_compare(struct work *w, const struct outbox_lease *answer)
{
	const struct reconcile_opts o = {.store = w->store,
		.ledger = w->ledger,
		.lease = w->lease,
		.path = w->opts.conf->audit_log,
		.answer = answer,
		.replaced = identity_replaced(&w->identity),
		.cb = on_reconcile,
		.ctx = w};
	enum reconcile_event e;
	const bool was_open = ledger_is_open(w->ledger);
	int err = ledger_open(w->ledger);

	if (err == 0 && file_is_older(w, answer))
		err = TG_EINVAL;
	if (err != 0)
		return of_reconcile(w, RECONCILE_FILE_FAILED, err);
	if (!was_open)
		announce_log(&w->announce, w->ledger, w->key.secret);
	w->reconcile = reconcile_new(&o);
	if (w->reconcile == NULL)
		return RECORDER_EV_COMPARE_FAILED;
	e = reconcile_begin(w->reconcile, &err);
	return of_reconcile(w, e, err);
}

void work_cancel_comparison(struct work *w)
{
	reconcile_free(w->reconcile);
	w->reconcile = NULL;
}

/* Rounds ------------------------------------------------------------------- */

static void on_compared(void *ctx, int err, unsigned shard)
{
	(void)shard;
	if (err == 0)
		scoreboard_set_compared(true);
	else /* it is another Redis, or another life of it, than the one that was compared */
		report(ctx, RECORDER_EV_COMPARE_FAILED);
}

static bool may_go_on(const struct work *w)
{
	return store_up(w->store) && lease_is_held(w->lease) && ledger_is_open(w->ledger);
}

enum recorder_event work_round_if_possible(const struct work *w)
{
	return may_go_on(w) ? RECORDER_EV_ROUND_DUE : RECORDER_EV_NONE;
}

enum recorder_event work_read(struct work *w, enum rounds_mode mode)
{
	return may_go_on(w) && rounds_read(w->rounds, mode) == 0 ? RECORDER_EV_NONE :
								   RECORDER_EV_ROUND_DROPPED;
}

static void on_rounds(void *ctx, enum rounds_event e, int err)
{
	struct work *w = ctx;

	switch (e) {
	case ROUNDS_DUE:
		report(w, work_round_if_possible(w));
		break;
	case ROUNDS_EVENTS:
		report(w, may_go_on(w) ? RECORDER_EV_ROUND_EVENTS : RECORDER_EV_ROUND_DROPPED);
		break;
	case ROUNDS_EMPTY:
		if (!may_go_on(w)) {
			report(w, RECORDER_EV_ROUND_DROPPED);
			break;
		}
		announce_caught_up(w);
		report(w, RECORDER_EV_ROUND_EMPTY);
		break;
	case ROUNDS_READ_FAILED:
		report(w, RECORDER_EV_ROUND_FAILED);
		break;
	case ROUNDS_FILE_FAILED:
		announce_file_failed(&w->announce, err);
		report(w, RECORDER_EV_FILE_FAILED);
		break;
	case ROUNDS_TRIM_FAILED:
		/* What cannot be trimmed would pile up: it counts as not recorded, and uploads
		 * stop. */
		work_announce_refused(w);
		report(w, RECORDER_EV_TRIM_FAILED);
		break;
	}
}

enum recorder_event work_write(struct work *w)
{
	int err = rounds_write(w->rounds);

	if (err != 0) {
		announce_file_failed(&w->announce, err);
		return RECORDER_EV_FILE_FAILED;
	}
	announce_caught_up(w);
	if (work_checkpoint_when_due(w) != RECORDER_EV_NONE)
		return RECORDER_EV_FILE_FAILED;
	return RECORDER_EV_WRITTEN;
}

/* From here on the store names us, and lets itself be read. */
enum recorder_event work_settle(struct work *w)
{
	const struct reconcile_result r = reconcile_result(w->reconcile);
	const struct rounds_opts o = {.loop = w->opts.loop,
		.store = w->store,
		.ledger = w->ledger,
		.cb = on_rounds,
		.ctx = w};
	enum recorder_event e;
	int rc;

	announce_head(w->ledger);
	identity_recorded(&w->identity);
	lease_settle(w->lease, r.epoch, r.declared);
	rc = store_reconcile_done(w->store, r.life, on_compared, w);
	work_cancel_comparison(w);
	w->rounds = rounds_new(&o);
	if (rc != 0 || w->rounds == NULL)
		return RECORDER_EV_COMPARE_FAILED;
	e = work_declare(w);
	return e == RECORDER_EV_NONE ? work_round_if_possible(w) : e;
}

void work_unsettle(struct work *w)
{
	if (w->ledger == NULL)
		return;
	rounds_free(w->rounds);
	w->rounds = NULL;
	store_forget(w->store, w); /* store_reconcile_done() */
	lease_unsettle(w->lease);
	ledger_drop(w->ledger);
}
