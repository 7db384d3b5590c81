/*
 * lease.c: see lease.h. One call is under way at a time. When its purpose is gone it is cancelled;
 * then the outbox drops its answer.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sodium.h>
#include <timeglas/errors.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/bug.h"
#include "core/hex.h"
#include "recorder/lease.h"

#define LEASE_MS 10000u /* in the store */
/* We rely on the lease for that long, from when the call was sent. The difference allows for clocks
 * that run at different speeds. */
#define TRUST_US 8000000u

enum call {
	CALL_NONE,    /* nothing is under way */
	CALL_TAKE,    /* takes or renews, and declares nothing */
	CALL_DECLARE, /* renews, and declares asked[] */
	CALL_GIVE_UP
};

/* What the store has been told since lease_settle(). */
enum standing {
	UNSETTLED,  /* nothing: lease_settle() has not been called */
	UNDECLARED, /* settled; no declaration was answered yet */
	DECLARED    /* the last one that was answered is answered[] */
};

struct lease {
	struct lease_opts opts;
	struct outbox *outbox;
	char token[OUTBOX_TOKEN + 1];
	enum call call;
	enum standing standing;
	uint64_t asked_us;     /* when the last call was sent */
	uint64_t until_us;     /* 0: not ours */
	uint64_t elsewhere_us; /* since when another recorder has it; 0: none has */
	/* the store's time at store_us of our clock; store_us 0: not known */
	int64_t store_ms;
	uint64_t store_us;
	char epoch[CHAIN_EPOCH + 1]; /* of the store, once settled */
	/* up to where events may stand in our file, by all declarations; by the call under way; by
	 * the last declaration that was answered */
	struct chain_pos declared[TOKEN_SHARDS], asked[TOKEN_SHARDS], answered[TOKEN_SHARDS];
};

/* A chain is known by its key. If the key was copied to another machine, host and path tell the two
 * recorders apart. */
static void set_token(struct lease *l, const char *public_text, const char *path)
{
	char host[HOST_NAME_MAX + 1] = "";
	uint8_t hash[CHAIN_HASH / 2];
	crypto_generichash_state h;

	gethostname(host, sizeof host - 1);
	crypto_generichash_init(&h, NULL, 0, sizeof hash);
	crypto_generichash_update(&h, (const unsigned char *)host, strlen(host) + 1);
	crypto_generichash_update(&h, (const unsigned char *)path, strlen(path));
	crypto_generichash_final(&h, hash, sizeof hash);
	memcpy(l->token, public_text + sizeof CHAIN_PUBLIC - 1, (size_t)2 * CHAIN_KEY);
	l->token[2 * CHAIN_KEY] = '-';
	tg_hex_encode(hash, sizeof hash, l->token + 2 * CHAIN_KEY + 1);
}

/* Answers ------------------------------------------------------------------ */

/* Returns whether the store still has what we told it last. */
static bool still_says(const struct lease *l, enum call call, const struct outbox_lease *a)
{
	if (l->standing == UNSETTLED)
		return true;
	if (strcmp(a->epoch, l->epoch) != 0)
		return false;
	/* A declaration was sent after store_reconcile_done(), so the store had that first. */
	if (call == CALL_DECLARE && !a->compared)
		return false;
	return l->standing == UNDECLARED ||
		(strcmp(a->by, l->token) == 0 && memcmp(a->pos, l->answered, sizeof a->pos) == 0);
}

static enum lease_event on_ours(struct lease *l, enum call call, const struct outbox_lease *a)
{
	l->elsewhere_us = 0;
	l->until_us = l->asked_us + TRUST_US;
	l->store_ms = a->now_ms;
	l->store_us = clock_mono_us();
	if (!lease_is_held(l))
		return LEASE_LATE;
	if (!still_says(l, call, a))
		return LEASE_FORGOTTEN;
	if (call == CALL_DECLARE) {
		memcpy(l->answered, l->asked, sizeof l->answered);
		l->standing = DECLARED;
	}
	return LEASE_OURS;
}

static void on_answer(void *ctx, int err, const struct outbox_lease *a)
{
	struct lease *l = ctx;
	const enum call call = l->call;
	enum lease_event e;

	l->call = CALL_NONE;
	if (err != 0) {
		if (err != TG_ESTORE)
			log_error("lease", "the store did not grant the right to record: %s",
				tg_strerror(err));
		e = LEASE_FAILED;
	} else if (call == CALL_GIVE_UP) {
		e = LEASE_GIVEN_UP;
	} else if (a->mine) {
		e = on_ours(l, call, a);
	} else {
		l->until_us = 0;
		if (l->elsewhere_us == 0)
			l->elsewhere_us = l->asked_us;
		e = LEASE_ELSEWHERE;
	}
	l->opts.cb(l->opts.ctx, e, a);
}

/* Calls -------------------------------------------------------------------- */

static void cancel(struct lease *l)
{
	outbox_cancel(l->outbox);
	l->call = CALL_NONE;
}

/* Returns the store's time at a moment of our clock; 0: not known. */
static int64_t store_time_ms(const struct lease *l, uint64_t mono_us)
{
	if (l->store_us == 0 || mono_us == 0)
		return 0;
	if (mono_us >= l->store_us)
		return l->store_ms + (int64_t)(mono_us - l->store_us) / 1000;
	return l->store_ms - (int64_t)(l->store_us - mono_us) / 1000;
}

static int send_call(struct lease *l, enum call call, struct outbox_ask *a, uint64_t caught_up_us)
{
	int rc;

	a->token = l->token;
	a->caught_up_ms = store_time_ms(l, caught_up_us);
	l->asked_us = clock_mono_us();
	rc = outbox_ask_lease(l->outbox, a);
	l->call = rc == 0 ? call : CALL_NONE;
	return rc;
}

int lease_take(struct lease *l, uint64_t caught_up_us)
{
	struct outbox_ask a = {.lease_ms = LEASE_MS};

	return l->call == CALL_NONE ? send_call(l, CALL_TAKE, &a, caught_up_us) : 0;
}

int lease_declare(struct lease *l, uint64_t caught_up_us, const struct ledger *ledger)
{
	const struct evidence_mark *m = ledger_next(ledger);
	struct outbox_ask a = {
		.lease_ms = LEASE_MS, .pos = l->declared, .begins = l->standing == UNDECLARED};

	if (l->standing == UNSETTLED)
		tg_bug("lease", "lease_declare() was called before lease_settle()");
	if (l->call != CALL_NONE)
		return 0;
	for (unsigned i = 0; i < TOKEN_SHARDS; i++)
		if (chain_pos_cmp(&m->pos[i], &l->declared[i]) > 0)
			l->declared[i] = m->pos[i];
	memcpy(l->asked, l->declared, sizeof l->asked);
	a.head_n = ledger_head(ledger, a.head);
	return send_call(l, CALL_DECLARE, &a, caught_up_us);
}

bool lease_covers(const struct lease *l, const struct ledger *ledger)
{
	const struct evidence_mark *m = ledger_next(ledger);

	if (l->standing != DECLARED)
		return false;
	for (unsigned i = 0; i < TOKEN_SHARDS; i++)
		if (chain_pos_cmp(&m->pos[i], &l->answered[i]) > 0)
			return false;
	return true;
}

int lease_give_up(struct lease *l, uint64_t caught_up_us)
{
	struct outbox_ask a = {.lease_ms = 0};

	cancel(l);
	l->until_us = 0;
	return send_call(l, CALL_GIVE_UP, &a, caught_up_us);
}

void lease_forget(struct lease *l)
{
	cancel(l);
	l->until_us = 0;
}

void lease_settle(struct lease *l, const char *epoch, const struct chain_pos *declared)
{
	snprintf(l->epoch, sizeof l->epoch, "%s", epoch);
	memcpy(l->declared, declared, sizeof l->declared);
	l->standing = UNDECLARED;
}

void lease_unsettle(struct lease *l)
{
	if (l->standing == UNSETTLED)
		return;
	l->standing = UNSETTLED;
	cancel(l);
}

/* What is known of it ------------------------------------------------------ */

bool lease_is_held(const struct lease *l)
{
	return clock_mono_us() < l->until_us;
}

uint64_t lease_asked_us(const struct lease *l)
{
	return l->asked_us;
}

uint64_t lease_waited_us(const struct lease *l)
{
	return l->elsewhere_us != 0 ? l->asked_us - l->elsewhere_us : 0;
}

const char *lease_token(const struct lease *l)
{
	return l->token;
}

struct lease *lease_new(const struct lease_opts *o)
{
	static const struct outbox_calls calls = {.on_lease = on_answer};
	struct lease *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->opts = *o;
	set_token(l, o->public_text, o->path);
	l->outbox = outbox_new(o->store, &calls, l);
	if (l->outbox == NULL) {
		free(l);
		return NULL;
	}
	return l;
}

void lease_free(struct lease *l)
{
	if (l == NULL)
		return;
	outbox_free(l->outbox);
	free(l);
}
