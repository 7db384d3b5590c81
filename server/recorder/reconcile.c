/*
 * reconcile.c: see reconcile.h. It opens no file and asks for no lease. Each step returns the event
 * that came of it. reconcile_free() cancels what is under way, so no step has to ask whether its
 * result is still wanted.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>

#include "base/log.h"
#include "core/hex.h"
#include "recorder/end_again.h"
#include "recorder/evidence_search.h"
#include "recorder/identity.h"
#include "recorder/own_record.h"
#include "recorder/reconcile.h"

/* What was seen of a shard's outbox, up to our last position in it. */
struct seen {
	enum {
		NOT_ASKED, /* we have no position there */
		SEEN_ALL,
		SEEN_PART /* there may be more entries than one look gives */
	} how;
	struct chain_pos last; /* the last id that the outbox ever gave */
	struct chain_pos
		known; /* the last of its first entries that stand in our file; 0-0: none */
	struct chain_pos fresh; /* the first entry that does not; 0-0: none */
};

struct reconcile {
	struct reconcile_opts opts;
	struct outbox *outbox;
	struct end_again *end_again; /* under way; NULL: not */
	struct outbox_lease answer;  /* to the lease's call */
	struct seen shard[TOKEN_SHARDS];
	struct chain_pos declared[TOKEN_SHARDS];
	int err; /* of RECONCILE_FILE_FAILED */
	union {  /* large; one at a time */
		struct entry entry;
		struct own_record own;
	};
};

static bool same_store(const struct reconcile *r)
{
	return strcmp(ledger_mark(r->opts.ledger)->epoch, r->answer.epoch) == 0;
}

static bool declared_by_us(const struct reconcile *r)
{
	return strcmp(r->answer.by, lease_token(r->opts.lease)) == 0;
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

/* Returns up to where an outbox may hold events that stand in our files. In a store to which the
 * file does not belong, that is what we declared there when we last recorded it. */
static struct chain_pos last_of_ours(const struct reconcile *r, unsigned shard)
{
	static const struct chain_pos none;

	if (same_store(r))
		return ledger_mark(r->opts.ledger)->pos[shard];
	return declared_by_us(r) ? r->answer.pos[shard] : none;
}

static enum reconcile_event file_failed(struct reconcile *r, int err)
{
	r->err = err;
	return RECONCILE_FILE_FAILED;
}

/* Reports the event of an asynchronous step, if there is one. The callee may free r. */
static void report(struct reconcile *r, enum reconcile_event e)
{
	if (e != RECONCILE_UNDER_WAY)
		r->opts.cb(r->opts.ctx, e, e == RECONCILE_FILE_FAILED ? r->err : 0);
}

/* What the store has forgotten --------------------------------------------- */

/*
 * Returns whether the store went back to an earlier state in that shard, as after a failover to a
 * replica that lacked the last moments. That is so when it does not have an id or a declaration
 * that it had given or taken before, or when it holds an event up to our position that is not
 * recorded. Then *from is set: the store has forgotten what was recorded after it, and is read from
 * there on.
 */
static bool reverted(const struct reconcile *r, unsigned shard, struct chain_pos *from)
{
	const struct chain_pos p = ledger_mark(r->opts.ledger)->pos[shard],
			       *declared = &r->answer.pos[shard];
	const struct seen *s = &r->shard[shard];
	bool declared_less = r->answer.by[0] != '\0' && chain_pos_cmp(declared, &p) < 0;

	if (s->how == NOT_ASKED || !same_store(r) ||
		(!declared_less && !is_set(&s->fresh) && chain_pos_cmp(&s->last, &p) >= 0))
		return false;
	*from = p;
	if (declared_less)
		*from = later(*declared, s->known);
	else if (!is_set(&s->fresh))
		*from = s->last;
	if (is_set(&s->fresh) && chain_pos_cmp(from, &s->fresh) >= 0)
		*from = before(s->fresh);
	return true;
}

/* Sets, by shard, the position after which the store has forgotten what our files say. Returns
 * false when it has forgotten nothing. That is asked also for a store that we recorded before the
 * one to which the file belongs now. */
static bool forgotten(const struct reconcile *r, struct chain_pos from[TOKEN_SHARDS])
{
	const bool same = same_store(r);
	bool any = !same && r->answer.by[0] != '\0';

	for (unsigned i = 0; i < TOKEN_SHARDS; i++) {
		from[i] = (struct chain_pos){UINT64_MAX, UINT64_MAX};
		if (!same)
			from[i] = later(r->answer.pos[i], r->shard[i].known);
		else
			any |= reverted(r, i, &from[i]);
	}
	return any;
}

/* What is recorded of it --------------------------------------------------- */

/* Returns whether a store of another epoch holds what we declared in that of our file: then it is
 * the same data. */
static bool same_data(const struct reconcile *r)
{
	const struct evidence_mark *mark = ledger_mark(r->opts.ledger);

	if (!declared_by_us(r))
		return false;
	for (unsigned i = 0; i < TOKEN_SHARDS; i++)
		if (is_set(&mark->pos[i]) && chain_pos_cmp(&mark->pos[i], &r->answer.pos[i]) == 0)
			return true;
	return false;
}

/* Another epoch where there must be the same one: an incident. */
static int add_replaced(struct reconcile *r, const char *was)
{
	const bool data = same_data(r);

	if (!r->opts.replaced && !data)
		return 0;
	if (!r->opts.replaced)
		identity_announce();
	own_record_begin(&r->own);
	own_record_member(&r->own, "epoch", r->answer.epoch);
	own_record_member(&r->own, "was", was);
	own_record_member(&r->own, "reason", data ? "same-data" : "same-process");
	return own_record_add(&r->own, r->opts.ledger, CHAIN_STORE_REPLACED, r->answer.now_ms);
}

/* If the store is not the one to which the file belongs, whatever was live in that one has ended.
 */
static int add_lost(struct reconcile *r)
{
	struct ledger *ledger = r->opts.ledger;
	const char *was = ledger_mark(ledger)->epoch, *epoch = r->answer.epoch;
	int err;

	if (same_store(r))
		return 0;
	if (was[0] != '\0') {
		err = add_replaced(r, was);
		if (err != 0)
			return err;
		own_record_begin(&r->own);
		own_record_member(&r->own, "epoch", epoch);
		own_record_member(&r->own, "was", was);
		err = own_record_add(&r->own, ledger, CHAIN_STORE_LOST, r->answer.now_ms);
		if (err != 0)
			return err;
		log_error("store-lost",
			"the store is another one: what was live in the one before, if anything, "
			"is recorded as lost");
	}
	ledger_set_epoch(ledger, epoch);
	for (unsigned i = 0; i < TOKEN_SHARDS; i++)
		if (is_set(&r->shard[i].known)) /* we have been at this store before */
			ledger_set_pos(ledger, i, &r->shard[i].known);
	return 0;
}

/*
 * Another recorder recorded this store before us, in a chain of its own. That chain may also have
 * some of the events that follow in ours: those that its recorder declared and did not trim. If our
 * file was begun anew under the same key, the earlier file is such another chain, too.
 */
static int add_taken_over(struct reconcile *r)
{
	const struct outbox_lease *a = &r->answer;
	char text[2 * CHAIN_HASH + 1], hash[2 * CHAIN_HASH + 1];

	if (a->by[0] == '\0' ||
		(declared_by_us(r) && ledger_mark(r->opts.ledger)->epoch[0] != '\0'))
		return 0;
	own_record_begin(&r->own);
	snprintf(text, sizeof text, "%.*s", (int)(2 * CHAIN_KEY), a->by);
	own_record_member(&r->own, "key", text);
	if (a->head_n > 0) {
		snprintf(text, sizeof text, "%" PRIu64, a->head_n);
		own_record_member(&r->own, "n", text);
		own_record_member(&r->own, "hash", tg_hex_encode(a->head, CHAIN_HASH, hash));
	}
	for (unsigned i = 0; i < TOKEN_SHARDS; i++)
		if (is_set(&a->pos[i]))
			own_record_position(&r->own, i, &a->pos[i]);
	log_warn("evidence-taken-over",
		"another recorder wrote the evidence of this store before: its chain and this one "
		"belong together");
	return own_record_add(&r->own, r->opts.ledger, CHAIN_TAKEN_OVER, a->now_ms);
}

static int add_reverted(struct reconcile *r)
{
	struct chain_pos from;
	unsigned n = 0;

	own_record_begin(&r->own);
	for (unsigned i = 0; i < TOKEN_SHARDS; i++) {
		if (!reverted(r, i, &from))
			continue;
		own_record_position(&r->own, i, &from);
		ledger_set_pos(r->opts.ledger, i, &from);
		r->declared[i] = from;
		n++;
	}
	if (n == 0)
		return 0;
	log_error("store-reverted",
		"the store went back to an earlier state in %u shards, as after a failover to a "
		"replica that lacked the last events",
		n);
	return own_record_add(&r->own, r->opts.ledger, CHAIN_STORE_REVERTED, r->answer.now_ms);
}

/* Written with one commit: the file never has one of them without the others. */
static int add_records(struct reconcile *r)
{
	struct ledger *ledger = r->opts.ledger;
	const bool same = same_store(r);
	int err;

	ledger_drop(ledger);
	memcpy(r->declared, r->answer.pos, sizeof r->declared);
	if ((err = add_lost(r)) != 0 || (err = add_taken_over(r)) != 0 ||
		(err = add_reverted(r)) != 0 || (err = ledger_commit(ledger)) != 0)
		return err;
	return same ? 0 : ledger_checkpoint(ledger, "epoch");
}

/* The steps: each calls the one above it --------------------------------- */

static bool is_part(const struct seen *s)
{
	return s->how == SEEN_PART && is_set(&s->known) && !is_set(&s->fresh);
}

static bool more_to_see(const struct reconcile *r)
{
	for (unsigned i = 0; i < TOKEN_SHARDS; i++)
		if (is_part(&r->shard[i]))
			return true;
	return false;
}

static void on_trimmed(void *ctx, int err)
{
	struct reconcile *r = ctx;

	if (err != 0)
		report(r, RECONCILE_REFUSED);
	else if (more_to_see(r))
		report(r, RECONCILE_AGAIN);
	else
		report(r, lease_is_held(r->opts.lease) ? RECONCILE_SETTLED : RECONCILE_FAILED);
}

/* Trims what is recorded and still in the outboxes. */
static enum reconcile_event trim(struct reconcile *r)
{
	unsigned sent = 0;

	for (unsigned i = 0; i < TOKEN_SHARDS; i++) {
		if (!is_set(&r->shard[i].known))
			continue;
		if (outbox_trim(r->outbox, i, &r->shard[i].known) != 0)
			return RECONCILE_FAILED;
		sent++;
	}
	return sent > 0 ? RECONCILE_UNDER_WAY : RECONCILE_SETTLED;
}

static enum reconcile_event record(struct reconcile *r)
{
	int err = add_records(r);

	return err != 0 ? file_failed(r, err) : trim(r);
}

static void on_ended_again(void *ctx, int err, size_t ended)
{
	struct reconcile *r = ctx;

	r->end_again = NULL;
	if (err != 0 || !lease_is_held(r->opts.lease)) {
		report(r, RECONCILE_REFUSED);
		return;
	}
	log_warn("store-reconciled",
		"%zu blobs and sessions that had ended were in the store again, and were ended "
		"again",
		ended);
	report(r, record(r));
}

/* Comes before the record that the store went back: a recorder that is killed meanwhile will find
 * the same again. */
static enum reconcile_event end_again(struct reconcile *r)
{
	struct chain_pos from[TOKEN_SHARDS];
	const struct end_again_opts o = {.store = r->opts.store,
		.path = r->opts.path,
		.here = ledger_mark(r->opts.ledger)->epoch,
		.epoch = r->answer.epoch,
		.from = from,
		.now_ms = r->answer.now_ms};
	int rc = 0;

	if (forgotten(r, from))
		r->end_again = end_again_new(&o, on_ended_again, r, &rc);
	if (rc != 0)
		return rc == TG_ESTORE ? RECONCILE_FAILED : file_failed(r, rc);
	return r->end_again != NULL ? RECONCILE_UNDER_WAY : record(r);
}

static enum reconcile_event compare(struct reconcile *r)
{
	return more_to_see(r) ? trim(r) : end_again(r);
}

/* Finds out which entries that an outbox holds up to our position stand in the files. */
static int look_up(struct reconcile *r, const struct outbox_look *k, struct seen *s)
{
	static struct evidence_search_event list[OUTBOX_LOOK]; /* large */
	size_t n = 0, i;
	int err;

	while (n < OUTBOX_LOOK && outbox_next(k->b, &list[n].event))
		n++;
	err = evidence_search_events(r->opts.path, ledger_mark(r->opts.ledger)->epoch,
		r->answer.epoch, list, n, &r->entry);
	for (i = 0; err == 0 && i < n && list[i].known; i++)
		s->known = list[i].event.pos;
	if (err == 0 && i < n)
		s->fresh = list[i].event.pos;
	s->how = outbox_full(k->b) ? SEEN_PART : SEEN_ALL;
	s->last = k->last;
	return err;
}

static void on_look(void *ctx, int err, const struct outbox_look *k)
{
	struct reconcile *r = ctx;

	if (err != 0 && err != TG_ESTORE)
		log_error("outbox", "the store could not be compared with the evidence: %s",
			tg_strerror(err));
	if (err != 0 || !lease_is_held(r->opts.lease))
		report(r, RECONCILE_FAILED);
	else if ((err = look_up(r, k, &r->shard[k->shard])) != 0)
		report(r, file_failed(r, err));
	else if (k->left == 0)
		report(r, compare(r));
}

enum reconcile_event reconcile_begin(struct reconcile *r, int *err)
{
	struct chain_pos pos[TOKEN_SHARDS];
	enum reconcile_event e = RECONCILE_UNDER_WAY;
	int asked;

	for (unsigned i = 0; i < TOKEN_SHARDS; i++)
		pos[i] = last_of_ours(r, i);
	asked = outbox_look(r->outbox, pos);
	if (asked < 0)
		e = RECONCILE_FAILED;
	else if (asked == 0)
		e = compare(r);
	*err = e == RECONCILE_FILE_FAILED ? r->err : 0;
	return e;
}

struct reconcile_result reconcile_result(const struct reconcile *r)
{
	return (struct reconcile_result){
		.epoch = r->answer.epoch, .life = r->answer.life, .declared = r->declared};
}

struct reconcile *reconcile_new(const struct reconcile_opts *o)
{
	static const struct outbox_calls calls = {.on_look = on_look, .on_trimmed = on_trimmed};
	struct reconcile *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->opts = *o;
	r->answer = *o->answer;
	r->outbox = outbox_new(o->store, &calls, r);
	if (r->outbox == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

void reconcile_free(struct reconcile *r)
{
	if (r == NULL)
		return;
	end_again_free(r->end_again);
	outbox_free(r->outbox);
	free(r);
}
