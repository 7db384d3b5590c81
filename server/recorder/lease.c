/*
 * lease.c: makes this recorder the only one of its store, or one that waits; and what is settled once it is the one: is the store the one of which the file
 * tells? Runs in the recorder. docs/evidence.md, docs/store.md (tg1_recorder).
 */
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include <sodium.h>
#include <timeglas/errors.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/num.h"
#include "recorder/recorder_int.h"

#define LEASE_MS 10000u        /* in the store */
#define LEASE_TRUST_US 8000000u /* we count on it that long, from before it was asked for: our clock and the store's may run apart a little */

bool lease_is_ours(const struct recorder *x)
{
	return clock_mono_us() < x->lease_until_us;
}

/* Whoever holds the lease may be this one, restarted: the same key at the same place on the same machine. */
void lease_token(struct recorder *x, const char *path)
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

/* Taking up ----------------------------------------------------------------------------------------------------------- */

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
		recorder_file_failed(x, err);
		return false;
	}
	if (!was_open)
		x->signed_us = clock_mono_us();
	memcpy(was, ledger_mark(x->ledger)->epoch, sizeof was);
	if (strcmp(was, l->epoch) != 0) {
		ledger_drop(x->ledger);
		if (was[0] != '\0' && (err = store_lost(x, l, was)) != 0) {
			recorder_file_failed(x, err);
			return false;
		}
		ledger_set_epoch(x->ledger, l->epoch);
		if ((err = ledger_commit(x->ledger)) != 0) {
			recorder_file_failed(x, err);
			return false;
		}
		if (!recorder_checkpoint(x, "epoch"))
			return false;
	}
	recorder_head(x);
	return true;
}

/* The lease ----------------------------------------------------------------------------------------------------------- */

/* Another server records: what it has left in the store is what ours goes by. */
static void wait_for_other(struct recorder *x, const struct outbox_lease *l)
{
	int64_t age_ms = l->now_ms - l->caught_up_ms;

	x->lease_until_us = 0;
	if (l->caught_up_ms > 0) /* else it has only just begun */
		recorder_state(x, EVIDENCE_ELSEWHERE, 0);
	if (l->head_n > 0)
		board_set_head(l->head_n, l->head);
	if (age_ms >= 0 && l->caught_up_ms > 0 && (uint64_t)age_ms * 1000 < x->asked_us)
		board_set_caught_up(x->asked_us - (uint64_t)age_ms * 1000);
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
		rounds_read(x);
}

void lease_ask(struct recorder *x)
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
