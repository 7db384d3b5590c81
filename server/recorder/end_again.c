/*
 * end_again.c: ends again what the evidence says has ended, in a store that was failed over to a
 * replica that was behind. The store knows blobs by ids, the evidence by tags: so what was
 * forgotten is read from the files, newest first, and what stands in the deadline index of those
 * shards is compared with it.
 *
 *   gone            → ends again, as it had ended
 *   taking, and no end  → its reader has had bytes: consumed
 *   claimed, and no end → it had its one reader, whose claim the store has forgotten: store-lost
 *   session-end     → the session, once its blobs have
 *
 * Bounded: so many shards are asked at a time, so many entries by each call; a call of a shard
 * waits for the ends of the one before. Runs in the recorder.
 */
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include <timeglas/retention.h>

#include "base/text.h"
#include "recorder/evidence_search.h"
#include "recorder/end_again.h"

#define SHARDS_MAX 8u   /* asked at a time */
#define COUNT 256u      /* entries: about a millisecond of Redis's time */
#define MARGIN_MS 60000 /* times of records are the store's, those of checkpoints ours */

enum weight { GONE, TAKING, CLAIMED }; /* of what is told of one blob, the first counts */

struct ended {
	char tag[33];
	bool session;
	unsigned shard;
	enum weight weight;
	char cause[STORE_CAUSE_MAX + 1], by[CONF_NAME_MAX + 1], outcome[24];
};

enum scan { SCAN_NOT, SCAN_DUE, SCAN_ASKED, SCAN_OVER };

struct shard_scan {
	enum scan state;
	char cursor[STORE_CURSOR_MAX + 1];
	unsigned ends; /* not answered yet */
};

struct standing_session {
	unsigned shard;
	char id[TOKEN_LEN + 1];
	const struct ended *as;
};

struct end_again {
	struct store *store;
	end_again_cb *cb;
	void *ctx;
	struct ended *list; /* sorted */
	size_t n, cap;
	bool no_memory;
	struct shard_scan shard[TOKEN_SHARDS];
	unsigned asked; /* shards whose call, or whose ends, are under way */
	struct standing_session *sessions;
	size_t n_sessions, cap_sessions;
	bool ending_sessions;
	size_t ended;
};

/* What was forgotten ------------------------------------------------------- */

static void copy(char *out, size_t cap, struct chain_text t)
{
	size_t n = t.p == NULL ? 0 : t.n < cap ? t.n : cap - 1;

	if (n > 0)
		memcpy(out, t.p, n);
	out[n] = '\0';
}

static bool what(const struct chain_record *r, struct ended *e)
{
	static const struct chain_text consumed = {"consumed", 8}, lost = {"store-lost", 10};
	struct chain_text cause = r->cause;

	if (chain_is(r->event, "gone"))
		e->weight = GONE;
	else if (chain_is(r->event, "taking"))
		e->weight = TAKING, cause = consumed;
	else if (chain_is(r->event, "claimed"))
		e->weight = CLAIMED, cause = lost;
	else if (chain_is(r->event, "session-end"))
		e->session = true;
	else
		return false;
	copy(e->cause, sizeof e->cause, cause);
	copy(e->by, sizeof e->by, r->by);
	copy(e->outcome, sizeof e->outcome, r->outcome);
	copy(e->tag, sizeof e->tag, e->session ? r->session : r->tag);
	return e->tag[0] != '\0';
}

static void on_record(void *ctx, const struct chain_record *r, unsigned shard)
{
	struct end_again *x = ctx;
	struct ended e = {.shard = shard};
	struct ended *grown;

	if (!what(r, &e) || x->no_memory)
		return;
	if (x->n == x->cap) {
		grown = realloc(x->list, (x->cap > 0 ? 2 * x->cap : 64) * sizeof *grown);
		x->no_memory = grown == NULL;
		if (grown == NULL)
			return;
		x->list = grown;
		x->cap = x->cap > 0 ? 2 * x->cap : 64;
	}
	x->list[x->n++] = e;
	x->shard[shard] = (struct shard_scan){.state = SCAN_DUE, .cursor = "0"};
}

static int by_name(const void *a, const void *b)
{
	const struct ended *x = a, *y = b;

	if (x->shard != y->shard)
		return x->shard < y->shard ? -1 : 1;
	if (x->session != y->session)
		return x->session ? 1 : -1;
	return strcmp(x->tag, y->tag);
}

static int by_name_and_weight(const void *a, const void *b)
{
	int c = by_name(a, b);

	return c != 0 ?
		c :
		(int)((const struct ended *)a)->weight - (int)((const struct ended *)b)->weight;
}

/* Sorted, and one of each. */
static void put_in_order(struct end_again *x)
{
	size_t n = 0;

	qsort(x->list, x->n, sizeof *x->list, by_name_and_weight);
	for (size_t i = 0; i < x->n; i++)
		if (n == 0 || by_name(&x->list[n - 1], &x->list[i]) != 0)
			x->list[n++] = x->list[i];
	x->n = n;
}

static const struct ended *find(
	const struct end_again *x, unsigned shard, const struct store_standing *s)
{
	struct ended key = {.shard = shard, .session = s->session};

	text_copy(key.tag, sizeof key.tag, s->tag);
	return bsearch(&key, x->list, x->n, sizeof *x->list, by_name);
}

/* Ending it again ---------------------------------------------------------- */

static void go_on(struct end_again *x);

static void finish(struct end_again *x, int err)
{
	store_forget(x->store, x);
	x->cb(x->ctx, err, x->ended);
	end_again_free(x);
}

static void on_ended(void *ctx, int err, unsigned shard)
{
	struct end_again *x = ctx;

	if (err != 0 && err != TG_ENOENT) {
		finish(x, err);
		return;
	}
	x->ended += err == 0;
	if (--x->shard[shard].ends > 0)
		return;
	x->asked--;
	go_on(x);
}

static int end(struct end_again *x, unsigned shard, const char *id, const struct ended *as)
{
	const struct store_end_again e = {.session = as->session,
		.id = id,
		.tag = as->tag,
		.cause = as->cause,
		.by = as->by,
		.outcome = as->outcome};
	int rc = store_end_again(x->store, shard, &e, on_ended, x);

	x->shard[shard].ends += rc == 0;
	return rc;
}

static int keep_session(struct end_again *x, unsigned shard, const char *id, const struct ended *as)
{
	struct standing_session *grown;

	if (x->n_sessions == x->cap_sessions) {
		grown = realloc(x->sessions, (x->cap_sessions + 16) * 2 * sizeof *grown);
		if (grown == NULL)
			return TG_ENOMEM;
		x->sessions = grown;
		x->cap_sessions = (x->cap_sessions + 16) * 2;
	}
	x->sessions[x->n_sessions] = (struct standing_session){.shard = shard, .as = as};
	text_copy(x->sessions[x->n_sessions++].id, TOKEN_LEN + 1, id);
	return 0;
}

static void on_standing(void *ctx, int err, unsigned shard, const char *cursor,
	const struct store_standing *list, size_t n)
{
	struct end_again *x = ctx;
	struct shard_scan *s = &x->shard[shard];

	for (size_t i = 0; err == 0 && i < n; i++) {
		const struct ended *as = find(x, shard, &list[i]);

		if (as == NULL || (!as->session && as->weight != GONE && !list[i].live))
			/* it is not known to have ended; or the store does know its reader */
			continue;
		err = as->session ? keep_session(x, shard, list[i].id, as) :
				    end(x, shard, list[i].id, as);
	}
	if (err != 0) {
		finish(x, err);
		return;
	}
	text_copy(s->cursor, sizeof s->cursor, cursor);
	s->state = strcmp(cursor, "0") == 0 ? SCAN_OVER : SCAN_DUE;
	if (s->ends > 0)
		return;
	x->asked--;
	go_on(x);
}

/* Once everything else has: what is bound to it has its own end by then. */
static int end_sessions(struct end_again *x)
{
	x->ending_sessions = true;
	for (size_t i = 0; i < x->n_sessions; i++) {
		const struct standing_session *s = &x->sessions[i];
		int rc;

		x->asked += x->shard[s->shard].ends == 0;
		if ((rc = end(x, s->shard, s->id, s->as)) != 0)
			return rc;
	}
	return 0;
}

static int ask(struct end_again *x)
{
	int rc = 0;

	for (unsigned i = 0; i < TOKEN_SHARDS && x->asked < SHARDS_MAX && rc == 0; i++) {
		struct shard_scan *s = &x->shard[i];

		if (s->state != SCAN_DUE || s->ends > 0)
			continue;
		rc = store_standing(x->store, i, s->cursor, COUNT, on_standing, x);
		s->state = SCAN_ASKED;
		x->asked++;
	}
	if (rc == 0 && x->asked == 0 && !x->ending_sessions)
		rc = end_sessions(x);
	return rc;
}

static void go_on(struct end_again *x)
{
	int rc = ask(x);

	if (rc != 0 || x->asked == 0)
		finish(x, rc);
}

struct end_again *end_again_new(
	const struct end_again_opts *o, end_again_cb *cb, void *ctx, int *rc)
{
	struct end_again *x = calloc(1, sizeof *x);
	/* what ended before would be dead by now */
	const int64_t since_ms = o->now_ms - TG_TTL_MAX_S * INT64_C(1000) - MARGIN_MS;

	*rc = TG_ENOMEM;
	if (x == NULL)
		return NULL;
	x->store = o->store;
	x->cb = cb;
	x->ctx = ctx;
	*rc = evidence_search_behind(o->path, o->here, o->epoch, o->from, since_ms, on_record, x);
	if (*rc == 0 && x->no_memory)
		*rc = TG_ENOMEM;
	if (*rc == 0 && x->n > 0) {
		put_in_order(x);
		*rc = ask(x);
		if (*rc == 0)
			return x;
	}
	end_again_free(x);
	return NULL;
}

void end_again_free(struct end_again *x)
{
	if (x == NULL)
		return;
	store_forget(x->store, x);
	free(x->sessions);
	free(x->list);
	free(x);
}
