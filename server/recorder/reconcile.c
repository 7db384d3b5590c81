/*
 * reconcile.c: what is settled when this recorder has taken the lease, or taken it up again behind
 * a broken connection, before anything is read: is it the store of which the file tells, and does
 * it still know all that it told us? If not, what had ended ends again (end_again.c). Who wrote
 * before? What was recorded and is not trimmed? Only then may reads begin. Runs in the recorder.
 * docs/evidence.md, "Who records".
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <timeglas/errors.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "core/hex.h"
#include "recorder/evidence_search.h"
#include "recorder/recorder_int.h"

static bool same_store(const struct recorder *x)
{
	return strcmp(ledger_mark(x->ledger)->epoch, x->reconcile.lease.epoch) == 0;
}

static bool is_set(const struct chain_pos *p)
{
	return p->ms != 0 || p->seq != 0;
}

static struct chain_pos later(struct chain_pos a, struct chain_pos b)
{
	return chain_pos_cmp(&a, &b) >= 0 ? a : b;
}

static struct chain_pos before(struct chain_pos p)
{
	return p.seq > 0 ? (struct chain_pos){p.ms, p.seq - 1} :
			   (struct chain_pos){p.ms - 1, UINT64_MAX};
}

/* Up to where an outbox may hold events that stand in our files. In a store that is not the file's,
 * that is what we declared when it was. */
static struct chain_pos ours(const struct recorder *x, unsigned shard)
{
	static const struct chain_pos none;

	if (same_store(x))
		return ledger_mark(x->ledger)->pos[shard];
	return strcmp(x->reconcile.lease.by, x->token) == 0 ? x->reconcile.lease.pos[shard] : none;
}

/* Records of our own ------------------------------------------------------- */

struct own {
	struct recorder *x;
	struct chain_buf more;
};

static struct own own_begin(struct recorder *x)
{
	return (struct own){x, {.p = x->entry.more, .cap = sizeof x->entry.more}};
}

static void own_member(struct own *o, const char *name, const char *value)
{
	chain_put_member(&o->more, (struct chain_text){name, strlen(name)},
		(struct chain_text){value, strlen(value)});
}

static void own_position(struct own *o, unsigned shard, const struct chain_pos *p)
{
	char name[4], value[48];

	snprintf(name, sizeof name, "%02x", shard);
	snprintf(value, sizeof value, "%" PRIu64 "-%" PRIu64, p->ms, p->seq);
	own_member(o, name, value);
}

static int own_add(struct own *o, const char *event)
{
	struct chain_record r = {.time_ms = o->x->reconcile.lease.now_ms,
		.event = {event, strlen(event)},
		.dk = -1,
		.size_bytes = -1,
		.deadline_ms = -1,
		.lease_ms = -1,
		.late_us = -1,
		.more = {o->x->entry.more, o->more.n}};

	return ledger_add(o->x->ledger, &r);
}

/* The store is another one than that of which the file tells: whatever was live there has ended. */
static int add_lost(struct recorder *x)
{
	const char *was = ledger_mark(x->ledger)->epoch, *epoch = x->reconcile.lease.epoch;
	struct own o = own_begin(x);
	int err;

	if (same_store(x))
		return 0;
	if (was[0] != '\0') {
		own_member(&o, "epoch", epoch);
		own_member(&o, "was", was);
		if ((err = own_add(&o, CHAIN_STORE_LOST)) != 0)
			return err;
		log_error("store-lost",
			"the store came back empty: what was live in it is recorded as lost");
	}
	ledger_set_epoch(x->ledger, epoch);
	for (unsigned i = 0; i < TOKEN_SHARDS; i++)
		if (is_set(&x->reconcile.shard[i].known)) /* we have been at this store before */
			ledger_set_pos(x->ledger, i, &x->reconcile.shard[i].known);
	return 0;
}

/*
 * Another chain tells of this store up to now, and perhaps also of some events that follow here:
 * what its recorder declared and did not trim. Ours, if it was begun anew under the same key, is
 * another, too.
 */
static int add_taken_over(struct recorder *x)
{
	const struct outbox_lease *l = &x->reconcile.lease;
	struct own o = own_begin(x);
	char text[2 * CHAIN_HASH + 1], hash[2 * CHAIN_HASH + 1];

	if (l->by[0] == '\0' ||
		(strcmp(l->by, x->token) == 0 && ledger_mark(x->ledger)->epoch[0] != '\0'))
		return 0;
	snprintf(text, sizeof text, "%.*s", (int)(2 * CHAIN_KEY), l->by);
	own_member(&o, "key", text);
	if (l->head_n > 0) {
		snprintf(text, sizeof text, "%" PRIu64, l->head_n);
		own_member(&o, "n", text);
		own_member(&o, "hash", tg_hex_encode(l->head, CHAIN_HASH, hash));
	}
	for (unsigned i = 0; i < TOKEN_SHARDS; i++)
		if (is_set(&l->pos[i]))
			own_position(&o, i, &l->pos[i]);
	log_warn("evidence-taken-over",
		"another recorder wrote the evidence of this store before: its chain and this one "
		"belong together");
	return own_add(&o, CHAIN_TAKEN_OVER);
}

/*
 * A store that came back as it had been before: it was failed over to a replica that lacked the
 * last moments. It does not know an id, or a declaration, that we know from it; or it holds events
 * that are new and should be old. What was recorded behind the position that is returned, it has
 * forgotten; from there on we read.
 */
static bool reverted(const struct recorder *x, unsigned shard, struct chain_pos *from)
{
	const struct chain_pos p = ledger_mark(x->ledger)->pos[shard],
			       *told = &x->reconcile.lease.pos[shard];
	const struct seen *s = &x->reconcile.shard[shard];
	bool declared_less = x->reconcile.lease.by[0] != '\0' && chain_pos_cmp(told, &p) < 0;

	if (!s->asked || !same_store(x) ||
		(!declared_less && !is_set(&s->fresh) && chain_pos_cmp(&s->last, &p) >= 0))
		return false;
	*from = p;
	if (declared_less)
		*from = later(*told, s->known);
	else if (!is_set(&s->fresh))
		*from = s->last;
	if (is_set(&s->fresh) && chain_pos_cmp(from, &s->fresh) >= 0)
		*from = before(s->fresh);
	return true;
}

static int add_reverted(struct recorder *x)
{
	struct own o = own_begin(x);
	struct chain_pos from;
	unsigned n = 0;

	for (unsigned i = 0; i < TOKEN_SHARDS; i++) {
		if (!reverted(x, i, &from))
			continue;
		own_position(&o, i, &from);
		ledger_set_pos(x->ledger, i, &from);
		x->told[i] = from;
		n++;
	}
	if (n == 0)
		return 0;
	log_error("store-reverted",
		"the store came back without the last that it had told us of, in %u shards: it was "
		"failed over",
		n);
	return own_add(&o, CHAIN_STORE_REVERTED);
}

/* Settling ----------------------------------------------------------------- */

static void on_compared(void *ctx, int err, unsigned shard)
{
	struct recorder *x = ctx;

	(void)shard;
	if (err == 0)
		scoreboard_set_compared(true);
	else /* it is another Redis, or another life of it, than the one that we have looked at */
		recorder_unsettle(x);
}

static void settled(struct recorder *x)
{
	x->settled = true;
	x->failed_us = 0;
	recorder_head(x);
	x->compared_us = clock_mono_us();
	if (store_compared(x->store, x->reconcile.lease.life, on_compared, x) != 0) {
		recorder_unsettle(x);
		return;
	}
	lease_ask(x); /* from here on the store names us */
	rounds_read(x);
}

/* What was recorded and is still there goes now; of a shard that holds more than was shown, what
 * was shown. */
static int trim(struct recorder *x)
{
	for (unsigned i = 0; i < TOKEN_SHARDS; i++) {
		const struct seen *s = &x->reconcile.shard[i];

		if (!is_set(&s->known))
			continue;
		if (outbox_trim(x->outbox, i, &s->known) != 0)
			return TG_ESTORE;
		x->reconcile.trimming = true;
	}
	return 0;
}

static int add_records(struct recorder *x)
{
	int err;

	ledger_drop(x->ledger);
	memcpy(x->told, x->reconcile.lease.pos, sizeof x->told);
	if ((err = add_lost(x)) != 0 || (err = add_taken_over(x)) != 0 ||
		(err = add_reverted(x)) != 0)
		return err;
	return ledger_commit(x->ledger);
}

static bool more_to_see(const struct recorder *x)
{
	for (unsigned i = 0; i < TOKEN_SHARDS; i++)
		if (x->reconcile.shard[i].full && !is_set(&x->reconcile.shard[i].fresh))
			return true;
	return false;
}

static void tell(struct recorder *x)
{
	bool same = same_store(x);
	int err = add_records(x);

	if (err != 0) {
		recorder_file_failed(x, err);
		return;
	}
	if (!same && !recorder_checkpoint(x, "epoch"))
		return;
	if (trim(x) == 0 && !x->reconcile.trimming)
		settled(x);
}

static void on_reconciled(void *ctx, int err, size_t ended)
{
	struct recorder *x = ctx;

	x->reconcile.end_again = NULL;
	if (err == 0 && (!lease_is_ours(x) || !ledger_is_open(x->ledger)))
		err = TG_ESTORE;
	if (err != 0) {
		if (store_up(x->store))
			recorder_state(x, EVIDENCE_NO_STORE, 0);
		recorder_unsettle(x);
		return;
	}
	log_warn("store-reconciled",
		"%zu blobs and sessions had ended and were back in the store; they were ended "
		"again",
		ended);
	tell(x);
}

/* What of our files the store has forgotten, by shard; false: nothing. Also a store at which we
 * have been before the one of which the file tells. */
static bool forgotten(const struct recorder *x, struct chain_pos from[TOKEN_SHARDS])
{
	bool any = !same_store(x) && x->reconcile.lease.by[0] != '\0';

	for (unsigned i = 0; i < TOKEN_SHARDS; i++) {
		from[i] = (struct chain_pos){UINT64_MAX, UINT64_MAX};
		if (!same_store(x))
			from[i] = later(x->reconcile.lease.pos[i], x->reconcile.shard[i].known);
		else
			any |= reverted(x, i, &from[i]);
	}
	return any;
}

/* Before it is recorded that the store went back: whoever is killed meanwhile finds it so again. */
static int reconcile(struct recorder *x)
{
	struct chain_pos from[TOKEN_SHARDS];
	const struct end_again_opts o = {.store = x->store,
		.path = x->env->conf->audit_log,
		.here = ledger_mark(x->ledger)->epoch,
		.epoch = x->reconcile.lease.epoch,
		.from = from,
		.now_ms = x->reconcile.lease.now_ms};
	int rc = 0;

	if (forgotten(x, from))
		x->reconcile.end_again = end_again_new(&o, on_reconciled, x, &rc);
	return rc;
}

static void compare(struct recorder *x)
{
	int rc;

	if (more_to_see(x)) {
		if (trim(x) == 0 && !x->reconcile.trimming)
			settled(x);
		return;
	}
	rc = reconcile(x);
	if (rc == TG_ESTORE)
		recorder_unsettle(x);
	else if (rc != 0)
		recorder_file_failed(x, rc);
	else if (x->reconcile.end_again == NULL)
		tell(x);
}

void reconcile_on_trimmed(void *ctx, int err)
{
	struct recorder *x = ctx;
	bool first = x->reconcile.trimming;

	x->reconcile.trimming = false;
	if (err != 0) {
		/* What cannot be trimmed would pile up: it counts as not recorded, and uploads
		 * stop. */
		if (store_up(x->store))
			recorder_state(x, EVIDENCE_NO_STORE, 0);
		recorder_unsettle(x);
	} else if (first && more_to_see(x)) {
		lease_ask(x); /* and look again */
	} else if (first && lease_is_ours(x) && ledger_is_open(x->ledger)) {
		settled(x);
	}
}

/* Looking ------------------------------------------------------------------ */

/* Of what an outbox holds up to our position: which entries stand in the file? */
static int look_up(struct recorder *x, const struct outbox_look *k, struct seen *s)
{
	static struct evidence_search_event list[OUTBOX_LOOK];
	size_t n = 0, i;
	int err;

	while (n < OUTBOX_LOOK && outbox_next(k->b, &list[n].event))
		n++;
	err = evidence_search_events(x->env->conf->audit_log, ledger_mark(x->ledger)->epoch,
		x->reconcile.lease.epoch, list, n, &x->entry);
	for (i = 0; err == 0 && i < n && list[i].known; i++)
		s->known = list[i].event.pos;
	if (err == 0 && i < n)
		s->fresh = list[i].event.pos;
	s->full = outbox_full(k->b);
	return err;
}

void reconcile_on_look(void *ctx, int err, const struct outbox_look *k)
{
	struct recorder *x = ctx;
	struct seen *s;

	if (!x->reconcile.looking)
		return; /* given up meanwhile */
	if (err == 0 && (!lease_is_ours(x) || !ledger_is_open(x->ledger)))
		err = TG_ESTORE;
	if (err == 0) {
		s = &x->reconcile.shard[k->shard];
		s->asked = true;
		s->last = k->last;
		if ((err = look_up(x, k, s)) != 0)
			recorder_file_failed(x, err);
	}
	if (err != 0) {
		if (err != TG_ESTORE && err != TG_EIO)
			log_error("outbox", "the store could not be compared with the evidence: %s",
				tg_strerror(err));
		recorder_unsettle(x);
	} else if (k->left == 0) {
		x->reconcile.looking = false;
		compare(x);
	}
}

void reconcile_begin(struct recorder *x, const struct outbox_lease *l)
{
	bool was_open = ledger_is_open(x->ledger);
	struct chain_pos pos[TOKEN_SHARDS];
	int rc = ledger_open(x->ledger);

	if (rc != 0) {
		recorder_file_failed(x, rc);
		return;
	}
	if (!was_open)
		x->signed_us = clock_mono_us();
	x->reconcile = (struct reconcile){.lease = *l};
	for (unsigned i = 0; i < TOKEN_SHARDS; i++)
		pos[i] = ours(x, i);
	rc = outbox_look(x->outbox, pos);
	x->reconcile.looking = rc > 0;
	if (rc == 0)
		compare(x);
}
