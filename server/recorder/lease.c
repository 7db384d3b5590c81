/*
 * lease.c: makes this recorder the only one of its store, or one that waits; and declares in the
 * store, before anything is written, up to where the file may go. Runs in the recorder.
 * docs/evidence.md, docs/store.md (tg1_recorder).
 */
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include <sodium.h>
#include <timeglas/errors.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/hex.h"
#include "recorder/recorder_int.h"

#define LEASE_MS 10000u /* in the store */
/* we count on it that long, from before it was asked for: our clock and the store's may run apart a
 * little */
#define LEASE_TRUST_US 8000000u
/* a file that cannot be written for so long: perhaps another server's can */
#define YIELD_US 3000000u
#define REST_US 1000000u /* the others ask four times a second */
/* so long another's recorder may take to begin before we say that it is the one */
#define BEGIN_US 2000000u

bool lease_is_ours(const struct recorder *x)
{
	return clock_mono_us() < x->lease_until_us;
}

/* Who we are, for the store: the key, by which our chain is known; and which of the recorders with
 * that key, if somebody has copied it. */
void lease_token(struct recorder *x, const char *path)
{
	char host[HOST_NAME_MAX + 1] = "";
	uint8_t hash[CHAIN_HASH / 2];
	crypto_generichash_state h;

	gethostname(host, sizeof host - 1);
	crypto_generichash_init(&h, NULL, 0, sizeof hash);
	crypto_generichash_update(&h, (const unsigned char *)host, strlen(host) + 1);
	crypto_generichash_update(&h, (const unsigned char *)path, strlen(path));
	crypto_generichash_final(&h, hash, sizeof hash);
	memcpy(x->token, x->key.public_text + sizeof CHAIN_PUBLIC - 1, (size_t)2 * CHAIN_KEY);
	x->token[2 * CHAIN_KEY] = '-';
	tg_hex_encode(hash, sizeof hash, x->token + 2 * CHAIN_KEY + 1);
}

/* The lease ---------------------------------------------------------------- */

/* Another server records: what it has left in the store is what ours goes by. */
static void wait_for_other(struct recorder *x, const struct outbox_lease *l)
{
	int64_t age_ms = l->now_ms - l->caught_up_ms;

	x->lease_until_us = 0;
	recorder_unsettle(x);
	if (x->waits_us == 0)
		x->waits_us = x->asked_us;
	/* else it has only just begun */
	if (l->caught_up_ms > 0 || x->asked_us - x->waits_us > BEGIN_US)
		recorder_state(x, EVIDENCE_ELSEWHERE, 0);
	if (l->head_n > 0)
		scoreboard_set_head(l->head_n, l->head);
	if (age_ms >= 0 && l->caught_up_ms > 0 && (uint64_t)age_ms * 1000 < x->asked_us)
		scoreboard_set_caught_up(x->asked_us - (uint64_t)age_ms * 1000);
}

/* Does the store still say what we said last? Else it was flushed, or replaced by another, without
 * the connection being broken. */
static bool still_says(const struct recorder *x, const struct outbox_lease *l)
{
	if (strcmp(l->epoch, ledger_mark(x->ledger)->epoch) != 0)
		return false;
	return !x->answered_any ||
		(strcmp(l->by, x->token) == 0 && memcmp(l->pos, x->answered, sizeof l->pos) == 0);
}

static void is_ours(struct recorder *x, const struct outbox_lease *l)
{
	x->waits_us = 0;
	x->lease_until_us = x->asked_us + LEASE_TRUST_US;
	x->store_ms = l->now_ms;
	x->store_us = clock_mono_us();
	if (!lease_is_ours(x)) {
		/* the answer was a long time on its way, or we were stopped: somebody else may have
		 * it again */
		recorder_unsettle(x);
		return;
	}
	if (x->settled && (!still_says(x, l) || (!l->compared && x->asked_us >= x->compared_us)))
		recorder_unsettle(x);
	if (x->asked_any)
		memcpy(x->answered, x->asked, sizeof x->answered);
	x->answered_any |= x->asked_any;
	if (!x->settled) {
		if (!x->reconcile.looking && !x->reconcile.trimming &&
			x->reconcile.end_again == NULL)
			reconcile_begin(x, l);
	} else if (x->batch == 0) {
		rounds_read(x);
	} else if (x->declared) {
		rounds_commit(x);
	} else {
		lease_ask(x);
	}
}

void lease_on_answer(void *ctx, int err, const struct outbox_lease *l)
{
	struct recorder *x = ctx;

	x->asking = false;
	if (x->released) {
		loop_stop(x->loop);
		return;
	}
	if (err != 0) {
		if (err != TG_ESTORE)
			log_error("lease", "the store did not grant the right to record: %s",
				tg_strerror(err));
		if (store_up(x->store)) /* it refuses us: that is not the disk's doing */
			recorder_state(x, EVIDENCE_NO_STORE, 0);
		recorder_unsettle(x);
		return;
	}
	if (l->compared)
		scoreboard_set_compared(true);
	if (x->yielding) {
		recorder_unsettle(x);
		x->lease_until_us = x->failed_us = 0;
		x->rest_us = clock_mono_us() + REST_US;
	} else if (l->mine) {
		is_ours(x, l);
	} else {
		wait_for_other(x, l);
	}
}

/* The store's time up to which everything is recorded. */
static int64_t caught_up_ms(const struct recorder *x)
{
	if (x->store_us == 0 || x->caught_up_us == 0)
		return 0;
	if (x->caught_up_us >= x->store_us)
		return x->store_ms + (int64_t)(x->caught_up_us - x->store_us) / 1000;
	return x->store_ms - (int64_t)(x->store_us - x->caught_up_us) / 1000;
}

static void declare(struct recorder *x)
{
	const struct ledger_mark *m = ledger_next(x->ledger);

	for (unsigned i = 0; i < TOKEN_SHARDS; i++)
		if (chain_pos_cmp(&m->pos[i], &x->told[i]) > 0)
			x->told[i] = m->pos[i];
}

void lease_ask(struct recorder *x)
{
	struct outbox_ask a = {
		.token = x->token, .lease_ms = LEASE_MS, .caught_up_ms = caught_up_ms(x)};

	if (x->asking || !store_up(x->store))
		return;
	x->yielding = x->failed_us != 0 && lease_is_ours(x) && !x->reconcile.looking &&
		!x->reconcile.trimming && x->reconcile.end_again == NULL &&
		clock_mono_us() - x->failed_us > YIELD_US;
	if (x->released || x->yielding)
		a.lease_ms = 0;
	if (x->settled && ledger_is_open(x->ledger)) {
		declare(x);
		a.pos = x->told;
		a.begins = !x->answered_any;
		a.head_n = ledger_head(x->ledger, a.head);
	}
	x->asked_any = a.pos != NULL;
	memcpy(x->asked, x->told, sizeof x->asked);
	x->declared = a.pos != NULL && x->batch > 0;
	x->asked_us = clock_mono_us();
	x->asking = outbox_ask_lease(x->outbox, &a) == 0;
	if (!x->asking)
		recorder_unsettle(x);
}
