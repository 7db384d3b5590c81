/*
 * recorder.c: the process that drains the outbox streams into the evidence file (ledger.c) and
 * trims what is recorded: its key, its beats, its end. Who records is lease.c's concern, where it
 * begins reconcile.c's, and how it goes on rounds.c's.
 *
 * What the other processes must know (how far the evidence is, the last signed head) it leaves on
 * the scoreboard. One store connection. docs/evidence.md.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <sodium.h>
#include <timeglas/errors.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "recorder/recorder.h"
#include "recorder/recorder_int.h"

#define TICK_MS 250u
#define RENEW_US 1000000u
/* to a distant store it takes a while; whoever waits for us at the start is not to be told that it
 * cannot be used */
#define CONNECT_US 3000000u
#define RETRY_US 240000u /* when there is nothing to renew: at every tick */
#define CHECKPOINT_US 1000000u
#define STOP_US 1500000u /* for the last round; the master waits 2 s */
/* who waits for an answer comes first; beside one busy process a quarter of a processor is left to
 * us */
#define NICE 5

void recorder_state(struct recorder *x, enum evidence e, int error)
{
	char text[256];

	scoreboard_set_evidence(e, error);
	if (x->state == e)
		return;
	x->state = e;
	scoreboard_evidence_text(text, sizeof text);
	if (e == EVIDENCE_RECORDING || e == EVIDENCE_ELSEWHERE)
		log_info("evidence", "%s", text);
	else
		log_error("evidence", "%s (audit_log %s, audit_key %s)", text,
			x->env->conf->audit_log,
			x->env->conf->audit_key != NULL ? x->env->conf->audit_key : "beside it");
}

void recorder_head(const struct recorder *x)
{
	uint8_t hash[CHAIN_HASH];
	uint64_t n = ledger_head(x->ledger, hash);

	if (n > 0)
		scoreboard_set_head(n, hash);
}

/* The file ----------------------------------------------------------------- */

void recorder_file_failed(struct recorder *x, int err)
{
	int error = err == TG_EIO ? errno : err == TG_ENOMEM ? ENOMEM : 0;

	if (x->failed_us == 0)
		x->failed_us = clock_mono_us();
	recorder_state(x, err == TG_EINVAL ? EVIDENCE_DAMAGED : EVIDENCE_NO_FILE, error);
}

bool recorder_checkpoint(struct recorder *x, const char *reason)
{
	int err = ledger_checkpoint(x->ledger, reason);

	x->signed_us = clock_mono_us();
	if (err != 0) {
		recorder_file_failed(x, err);
		return false;
	}
	recorder_head(x);
	return true;
}

void recorder_sign(struct recorder *x)
{
	if (x->batch == 0 && ledger_is_open(x->ledger) &&
		clock_mono_us() - x->signed_us >= CHECKPOINT_US)
		recorder_checkpoint(x, "time");
}

void recorder_unsettle(struct recorder *x)
{
	x->settled = x->declared = false;
	x->asked_any = x->answered_any = false;
	x->reconcile.looking = x->reconcile.trimming = false;
	end_again_free(x->reconcile.end_again);
	x->reconcile.end_again = NULL;
	store_forget(x->store, x);
	x->batch = 0;
	if (x->has_key)
		ledger_drop(x->ledger);
}

static bool open_key(struct recorder *x)
{
	const struct conf *c = x->env->conf;
	char path[PATH_MAX];
	int err;

	if (x->has_key)
		return true;
	errno = 0;
	err = signing_key_path(c->audit_key, c->audit_log, path, sizeof path);
	if (err == 0)
		err = signing_key_open(&x->key, path);
	if (err != 0) {
		recorder_state(x,
			err == TG_ECLAIMED           ? EVIDENCE_IN_USE :
				err == TG_ESIGNATURE ? EVIDENCE_LOST_KEY :
						       EVIDENCE_NO_KEY,
			err == TG_EIO ? errno : 0);
		return false;
	}
	const struct ledger_opts o = {
		.path = c->audit_log,
		.secret = x->key.secret,
		.rotate_bytes = c->audit_rotate_bytes,
		.rotate_s = c->audit_rotate_s,
		.keep_days = c->audit_keep_days,
	};
	x->ledger = ledger_new(&o);
	if (x->ledger == NULL) {
		signing_key_close(&x->key);
		return false;
	}
	x->has_key = true;
	lease_token(x, c->audit_log);
	log_info("audit-key", "evidence is signed by %s", x->key.public_text);
	return true;
}

/* The process -------------------------------------------------------------- */

void recorder_end(struct recorder *x)
{
	if (x->has_key && ledger_is_open(x->ledger))
		recorder_checkpoint(x, "exit");
	recorder_unsettle(x);
	x->lease_until_us = 0;
	x->released = true;
	x->asking = false;
	if (!store_up(x->store) || !x->has_key)
		loop_stop(x->loop);
	else
		lease_ask(x); /* gives it back */
}

static void beat(struct recorder *x, uint64_t now)
{
	if (!store_up(x->store)) {
		recorder_unsettle(x);
		if (x->state != EVIDENCE_NO_FILE && x->state != EVIDENCE_DAMAGED &&
			(x->state != EVIDENCE_STARTING || now - x->began_us > CONNECT_US))
			recorder_state(x, EVIDENCE_NO_STORE, 0);
		return;
	}
	if (!ledger_is_open(x->ledger))
		recorder_unsettle(x);
	if (now < x->rest_us)
		return;
	if (now - x->asked_us >= RENEW_US || (!x->settled && now - x->asked_us >= RETRY_US))
		lease_ask(x);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct recorder *x = ctx;
	uint64_t now = clock_mono_us();

	(void)fd, (void)what;
	if (x->stopping && now >= x->stop_us) {
		loop_stop(x->loop);
		return;
	}
	if (!open_key(x) || x->released)
		return;
	beat(x, now);
	recorder_sign(x);
	rounds_read(x);
	/* nothing can be read any more: no store, no lease or no file */
	if (x->stopping && !x->reading && x->batch == 0)
		recorder_end(x);
}

static void on_up(struct store *s, void *ctx)
{
	struct recorder *x = ctx;

	(void)s;
	x->asking = x->reading = false;
	/* it may be another store: nothing is read before its epoch is known */
	x->lease_until_us = 0;
	recorder_unsettle(x);
	if (open_key(x))
		lease_ask(x);
}

static void on_term(evutil_socket_t fd, short what, void *ctx)
{
	struct recorder *x = ctx;

	(void)fd, (void)what;
	if (x->stopping)
		return;
	x->stopping = true;
	x->stop_us = clock_mono_us() + STOP_US;
	rounds_read(x); /* if a round is under way, it ends soon, and the last one follows */
	if (!x->reading && x->batch == 0)
		recorder_end(x);
}

static void recorder_free(struct recorder *x)
{
	struct event *ev[] = {x->tick, x->round, x->term};
	size_t i;

	end_again_free(x->reconcile.end_again);
	outbox_free(x->outbox);
	store_free(x->store);
	for (i = 0; i < sizeof ev / sizeof *ev; i++)
		if (ev[i] != NULL)
			event_free(ev[i]);
	loop_free(x->loop);
	ledger_free(x->ledger);
	if (x->has_key)
		signing_key_close(&x->key);
	free(x);
}

static struct recorder *recorder_new(const struct child_env *env, char *err, size_t cap)
{
	static const struct store_calls calls = {.on_up = on_up};
	static const struct outbox_calls outbox_calls = {
		rounds_on_events, lease_on_answer, reconcile_on_look, reconcile_on_trimmed};
	static const struct timeval every = {0, TICK_MS * 1000};
	struct recorder *x = calloc(1, sizeof *x);

	if (x == NULL)
		return NULL;
	x->env = env;
	x->began_us = clock_mono_us();
	x->loop = loop_new();
	if (x->loop == NULL) {
		free(x);
		return NULL;
	}
	x->tick = event_new(loop_base(x->loop), -1, EV_PERSIST, on_tick, x);
	x->round = event_new(loop_base(x->loop), -1, 0, rounds_on_timer, x);
	x->term = evsignal_new(loop_base(x->loop), SIGTERM, on_term, x);
	if (x->tick != NULL && x->round != NULL && x->term != NULL &&
		event_add(x->term, NULL) == 0 && event_add(x->tick, &every) == 0)
		x->store = store_new(x->loop, env->store_url, &calls, x, err, cap);
	if (x->store != NULL)
		x->outbox = outbox_new(x->store, &outbox_calls, x);
	if (x->outbox == NULL) {
		recorder_free(x);
		return NULL;
	}
	return x;
}

int recorder_main(const struct child_env *env)
{
	char err[256] = "out of memory";
	struct recorder *x;
	int rc;

	setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICE);
	signal(SIGHUP, SIG_IGN); /* what is configured here needs a restart */
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error of write() */
	if (sodium_init() < 0 || (x = recorder_new(env, err, sizeof err)) == NULL) {
		log_error("recorder", "cannot start: %s", err);
		return EXIT_FAILURE;
	}
	rc = loop_run(x->loop);
	recorder_free(x);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
