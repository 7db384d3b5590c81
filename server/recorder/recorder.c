/*
 * recorder.c: drains the outbox streams into the evidence file (ledger.c) and trims what is recorded: read, write, sync, and only then forget. So an event that is
 * not in the file is still in the store, whoever dies in between; and one that is in the file is behind the position from which the next read starts.
 *
 * One recorder writes for one store: it holds a lease there, and renews it every second. What the other processes must know (how far the evidence is, the last
 * signed head) it leaves in shared memory. The recorder process; one store connection. DESIGN: Evidence.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sodium.h>
#include <timeglas/errors.h>

#include "base/board.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "conf/conf.h"
#include "core/num.h"
#include "net/loop.h"
#include "recorder/akey.h"
#include "recorder/entry.h"
#include "recorder/ledger.h"
#include "recorder/recorder.h"
#include "store/outbox.h"

#define READ_COUNT 256u        /* events of a shard in one round */
#define READ_BLOCK_MS 200u     /* one wait for events */
#define ROUND_US 20000u        /* rounds do not follow each other faster: one sync serves many events */
#define TICK_MS 250u
#define RENEW_US 1000000u
#define LEASE_MS 10000u        /* in the store */
#define LEASE_TRUST_US 8000000u /* we count on it that long, from before it was asked for: our clock and the store's may run apart a little */
#define CHECKPOINT_US 1000000u
#define STOP_US 1500000u       /* for the last round; the master waits 2 s */

struct recorder {
	const struct child_env *env;
	struct loop *loop;
	struct store *store;
	struct outbox *outbox;
	struct event *tick, *round, *term;
	struct akey key;
	bool has_key;
	struct ledger *ledger;
	char token[OUTBOX_TOKEN + 1];
	enum evidence state;
	bool reading, asking, stopping, released;
	uint64_t lease_until_us;       /* 0: not ours */
	uint64_t asked_us, read_us;    /* when the call under way was sent */
	uint64_t signed_us;            /* the last checkpoint */
	uint64_t stop_us;
	int64_t store_ms;              /* the store's time, as of store_us; for the servers that wait */
	uint64_t store_us, caught_up_us;
	struct entry entry;
};

static void begin_read(struct recorder *x);
static void ask_lease(struct recorder *x);

static void set_state(struct recorder *x, enum evidence e, int error)
{
	char text[256];

	board_set_evidence(e, error);
	if (x->state == e)
		return;
	x->state = e;
	board_evidence_text(text, sizeof text);
	if (e == EVIDENCE_RECORDING || e == EVIDENCE_ELSEWHERE)
		log_info("evidence", "%s", text);
	else
		log_error("evidence", "%s", text);
}

static bool leads(const struct recorder *x)
{
	return clock_mono_us() < x->lease_until_us;
}

static void publish_head(const struct recorder *x)
{
	uint8_t hash[CHAIN_HASH];
	uint64_t n = ledger_head(x->ledger, hash);

	if (n > 0)
		board_set_head(n, hash);
}

/* The file ------------------------------------------------------------------------------------------------------------ */

static void ledger_failed(struct recorder *x, int err)
{
	int error = err == TG_EIO ? errno : err == TG_ENOMEM ? ENOMEM : 0;

	set_state(x, err == TG_EINVAL ? EVIDENCE_DAMAGED : EVIDENCE_NO_FILE, error);
}

static bool checkpoint(struct recorder *x, const char *reason)
{
	int err = ledger_checkpoint(x->ledger, reason);

	x->signed_us = clock_mono_us();
	if (err != 0) {
		ledger_failed(x, err);
		return false;
	}
	publish_head(x);
	return true;
}

/* Whoever holds the lease may be this one, restarted: the same key at the same place on the same machine. */
static void make_token(struct recorder *x, const char *path)
{
	char host[HOST_NAME_MAX + 1] = "";
	uint8_t hash[OUTBOX_TOKEN / 2];
	crypto_generichash_state h;

	gethostname(host, sizeof host - 1);
	crypto_generichash_init(&h, NULL, 0, sizeof hash);
	crypto_generichash_update(&h, (const unsigned char *)x->key.public_text, sizeof x->key.public_text);
	crypto_generichash_update(&h, (const unsigned char *)host, strlen(host) + 1);
	crypto_generichash_update(&h, (const unsigned char *)path, strlen(path));
	crypto_generichash_final(&h, hash, sizeof hash);
	tg_hex_encode(hash, sizeof hash, x->token);
}

static bool open_key(struct recorder *x)
{
	const struct conf *c = x->env->conf;
	char path[PATH_MAX];
	int err;

	if (x->has_key)
		return true;
	errno = 0;
	err = akey_path(c->audit_key, c->audit_log, path, sizeof path);
	if (err == 0)
		err = akey_open(&x->key, path);
	if (err != 0) {
		set_state(x, err == TG_ECLAIMED ? EVIDENCE_IN_USE : EVIDENCE_NO_KEY, err == TG_EIO ? errno : 0);
		return false;
	}
	const struct ledger_opts o = {
		.path = c->audit_log, .secret = x->key.secret, .rotate_bytes = c->audit_rotate_bytes, .rotate_s = c->audit_rotate_s,
		.keep_days = c->audit_keep_days,
	};
	x->ledger = ledger_new(&o);
	if (x->ledger == NULL) {
		akey_close(&x->key);
		return false;
	}
	x->has_key = true;
	make_token(x, c->audit_log);
	log_info("audit-key", "evidence is signed by %s", x->key.public_text);
	return true;
}

/* The store is another one than that of which the file tells: whatever was live there has ended. */
static int store_lost(struct recorder *x, const struct outbox_lease *l, const char *was)
{
	struct chain_buf more = { .p = x->entry.more, .cap = sizeof x->entry.more };
	struct chain_record r = { .time_ms = l->now_ms, .dk = -1, .size_bytes = -1, .deadline_ms = -1, .lease_ms = -1, .late_us = -1 };
	int err;

	chain_put_member(&more, (struct chain_text){ "epoch", 5 }, (struct chain_text){ l->epoch, CHAIN_EPOCH });
	chain_put_member(&more, (struct chain_text){ "was", 3 }, (struct chain_text){ was, strlen(was) });
	r.event = (struct chain_text){ LEDGER_STORE_LOST, strlen(LEDGER_STORE_LOST) };
	r.more = (struct chain_text){ x->entry.more, more.n };
	err = ledger_add(x->ledger, &r);
	if (err == 0)
		log_error("store-lost", "the store came back empty: what was live in it is recorded as lost");
	return err;
}

static bool open_ledger(struct recorder *x, const struct outbox_lease *l)
{
	bool was_open = ledger_is_open(x->ledger);
	int err = ledger_open(x->ledger);
	char was[CHAIN_EPOCH + 1];

	if (err != 0) {
		ledger_failed(x, err);
		return false;
	}
	if (!was_open)
		x->signed_us = clock_mono_us();
	memcpy(was, ledger_mark(x->ledger)->epoch, sizeof was);
	if (strcmp(was, l->epoch) != 0) {
		ledger_drop(x->ledger);
		if (was[0] != '\0' && (err = store_lost(x, l, was)) != 0) {
			ledger_failed(x, err);
			return false;
		}
		ledger_set_epoch(x->ledger, l->epoch);
		if ((err = ledger_commit(x->ledger)) != 0) {
			ledger_failed(x, err);
			return false;
		}
		if (!checkpoint(x, "epoch"))
			return false;
	}
	publish_head(x);
	return true;
}

/* Rounds -------------------------------------------------------------------------------------------------------------- */

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

static void end(struct recorder *x)
{
	if (x->has_key && ledger_is_open(x->ledger))
		checkpoint(x, "exit");
	x->lease_until_us = 0;
	x->released = true;
	x->asking = false;
	if (!store_up(x->store) || !x->has_key)
		loop_stop(x->loop);
	else
		ask_lease(x); /* gives it back */
}

static void next_round(struct recorder *x, bool at_once)
{
	uint64_t now = clock_mono_us(), at = x->read_us + ROUND_US;
	struct timeval wait = { 0, 0 };

	if (!at_once && at > now)
		wait.tv_usec = (suseconds_t)(at - now);
	event_add(x->round, &wait);
}

static void on_events(void *ctx, int err, struct outbox_batch *b)
{
	struct recorder *x = ctx;
	int n;

	x->reading = false;
	if (err != 0) { /* the next tick goes on */
		if (err != TG_ESTORE)
			log_error("outbox", "%s", tg_strerror(err));
		return;
	}
	if (!leads(x) || !ledger_is_open(x->ledger))
		return;
	n = record(x, b);
	if (n < 0) {
		ledger_failed(x, n);
		return;
	}
	if (!outbox_full(b)) {
		x->caught_up_us = x->read_us;
		board_set_caught_up(x->read_us);
	}
	set_state(x, EVIDENCE_RECORDING, 0); /* now, and not when the file was opened: whoever is told may count on it */
	if (x->stopping && n == 0)
		end(x);
	else
		next_round(x, outbox_full(b) || x->stopping);
}

static void begin_read(struct recorder *x)
{
	bool wait = !x->stopping && x->state == EVIDENCE_RECORDING;

	if (x->reading || x->released || !store_up(x->store) || !leads(x) || !ledger_is_open(x->ledger))
		return;
	x->read_us = clock_mono_us();
	x->reading = outbox_read(x->outbox, ledger_mark(x->ledger)->pos, READ_COUNT, wait ? READ_BLOCK_MS : 0) == 0;
}

static void on_round(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	begin_read(ctx);
}

/* The lease ----------------------------------------------------------------------------------------------------------- */

/* Another server records: what it has left in the store is what ours goes by. */
static void wait_for_other(struct recorder *x, const struct outbox_lease *l)
{
	int64_t age_ms = l->now_ms - l->caught_up_ms;

	x->lease_until_us = 0;
	if (l->caught_up_ms > 0) /* else it has only just begun */
		set_state(x, EVIDENCE_ELSEWHERE, 0);
	if (l->head_n > 0)
		board_set_head(l->head_n, l->head);
	if (age_ms >= 0 && l->caught_up_ms > 0 && (uint64_t)age_ms * 1000 < x->asked_us)
		board_set_caught_up(x->asked_us - (uint64_t)age_ms * 1000);
}

static void on_lease(void *ctx, int err, const struct outbox_lease *l)
{
	struct recorder *x = ctx;

	x->asking = false;
	if (x->released) {
		loop_stop(x->loop);
		return;
	}
	if (err != 0) {
		if (err != TG_ESTORE)
			log_error("lease", "%s", tg_strerror(err));
		return;
	}
	if (!l->mine) {
		wait_for_other(x, l);
		return;
	}
	x->lease_until_us = x->asked_us + LEASE_TRUST_US;
	x->store_ms = l->now_ms;
	x->store_us = clock_mono_us();
	if (open_ledger(x, l))
		begin_read(x);
}

static void ask_lease(struct recorder *x)
{
	struct outbox_ask a = { .token = x->token, .lease_ms = x->released ? 0 : LEASE_MS };

	if (x->asking || !store_up(x->store))
		return;
	a.head_n = ledger_head(x->ledger, a.head);
	if (x->caught_up_us >= x->store_us && x->store_us > 0)
		a.caught_up_ms = x->store_ms + (int64_t)(x->caught_up_us - x->store_us) / 1000;
	else if (x->store_us > 0)
		a.caught_up_ms = x->store_ms - (int64_t)(x->store_us - x->caught_up_us) / 1000;
	x->asked_us = clock_mono_us();
	x->asking = outbox_ask_lease(x->outbox, &a) == 0;
}

/* The process --------------------------------------------------------------------------------------------------------- */

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
	if (!store_up(x->store)) {
		if (x->state != EVIDENCE_NO_FILE && x->state != EVIDENCE_DAMAGED)
			set_state(x, EVIDENCE_NO_STORE, 0);
	} else if (now - x->asked_us >= RENEW_US || !leads(x) || !ledger_is_open(x->ledger)) {
		ask_lease(x);
	}
	if (ledger_is_open(x->ledger) && now - x->signed_us >= CHECKPOINT_US)
		checkpoint(x, "time");
	begin_read(x);
	if (x->stopping && !x->reading) /* nothing can be read any more: no store, no lease or no file */
		end(x);
}

static void on_up(struct store *s, void *ctx)
{
	struct recorder *x = ctx;

	(void)s;
	x->asking = x->reading = false;
	x->lease_until_us = 0; /* it may be another store: nothing is read before its epoch is known */
	if (open_key(x))
		ask_lease(x);
}

static void on_term(evutil_socket_t fd, short what, void *ctx)
{
	struct recorder *x = ctx;

	(void)fd, (void)what;
	if (x->stopping)
		return;
	x->stopping = true;
	x->stop_us = clock_mono_us() + STOP_US;
	begin_read(x); /* if a read is under way, it ends soon, and the last one follows */
	if (!x->reading)
		end(x);
}

static void recorder_free(struct recorder *x)
{
	struct event *ev[] = { x->tick, x->round, x->term };
	size_t i;

	outbox_free(x->outbox);
	store_free(x->store);
	for (i = 0; i < sizeof ev / sizeof *ev; i++)
		if (ev[i] != NULL)
			event_free(ev[i]);
	loop_free(x->loop);
	ledger_free(x->ledger);
	if (x->has_key)
		akey_close(&x->key);
	free(x);
}

static struct recorder *recorder_new(const struct child_env *env, char *err, size_t cap)
{
	static const struct store_calls calls = { .on_up = on_up };
	static const struct outbox_calls outbox_calls = { on_events, on_lease };
	static const struct timeval every = { 0, TICK_MS * 1000 };
	struct recorder *x = calloc(1, sizeof *x);

	if (x == NULL)
		return NULL;
	x->env = env;
	x->loop = loop_new();
	if (x->loop == NULL) {
		free(x);
		return NULL;
	}
	x->tick = event_new(loop_base(x->loop), -1, EV_PERSIST, on_tick, x);
	x->round = event_new(loop_base(x->loop), -1, 0, on_round, x);
	x->term = evsignal_new(loop_base(x->loop), SIGTERM, on_term, x);
	if (x->tick != NULL && x->round != NULL && x->term != NULL && event_add(x->term, NULL) == 0 && event_add(x->tick, &every) == 0)
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
