/*
 * end_again.c: see end_again.h. The store knows blobs by ids, the evidence by tags. So the events
 * that the store has forgotten are read from the files, newest first, and compared with what stands
 * in the deadline index of their shards:
 *
 *   gone                → the blob ends again, as it had ended
 *   taking, and no end  → its reader has had bytes: consumed
 *   claimed, and no end → it had its one reader, whose claim the store has forgotten: store-lost
 *   session-end         → the session ends again, once its blobs have
 *   subject-frozen      → the subject is frozen again, unless it was released since
 *   subject-erased      → uploads of it that began before are refused again
 *
 * It is bounded: SHARDS_MAX shards are asked at a time (or SUBJECTS_MAX calls made on subjects),
 * each for COUNT entries of its index; a shard is asked for more when all that these calls found
 * has ended.
 */
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include <timeglas/retention.h>

#include "base/text.h"
#include "recorder/evidence_search.h"
#include "recorder/end_again.h"
#include "store/store.h"
#include "store/store_reconcile.h"

#define SHARDS_MAX 8u
#define SUBJECTS_MAX 64u
#define COUNT 256u /* about a millisecond of Redis's time */
#define MARGIN_MS \
	60000 /* times of records are by the store's clock, those of checkpoints by ours */

/* What a record says of a blob, a session or a subject. Of several records of one the first in this
 * order counts; of a subject the latest. */
enum said { SAID_GONE, SAID_TAKING, SAID_CLAIMED, SAID_SESSION_END, SAID_SUBJECT };

struct ended {
	char tag[33]; /* of the blob, or of the session; of a subject its hash */
	unsigned shard;
	enum said said;
	int64_t time_ms, frozen_until_ms; /* of a subject; -1: it was erased */
	char cause[STORE_CAUSE_MAX + 1], by[CONF_NAME_MAX + 1], outcome[24];
};

struct shard_scan {
	enum {
		SCAN_NOT,   /* nothing was forgotten there */
		SCAN_DUE,   /* there is more of its index to ask for */
		SCAN_ASKED, /* that call is under way */
		SCAN_OVER   /* all of it was seen */
	} state;
	char cursor[STORE_CURSOR_MAX + 1];
	unsigned ends; /* calls that end something, under way */
};

/* A session that is in the store, and ends again when all blobs have. */
struct standing_session {
	unsigned shard;
	char id[TOKEN_LEN + 1];
	const struct ended *as;
};

struct end_again {
	struct store *store;
	end_again_cb *cb;
	void *ctx;
	struct ended *list; /* sorted by shard, kind and tag */
	size_t n, cap;
	int read_err; /* while the files are read: 0 or TG_ENOMEM */
	enum { SCANNING, ENDING_SESSIONS, REMEMBERING } phase;
	size_t subject; /* the next of the list to remember: subjects are its end */
	struct shard_scan shard[TOKEN_SHARDS];
	unsigned busy; /* shards with a call under way */
	struct standing_session *sessions;
	size_t n_sessions, cap_sessions;
	size_t ended; /* how many did end again */
};

/* What the files say -------------------------------------------------------- */

static bool is_session(const struct ended *e)
{
	return e->said == SAID_SESSION_END;
}

static void copy(char *out, size_t cap, struct chain_text t)
{
	size_t n = t.p == NULL ? 0 : t.n < cap ? t.n : cap - 1;

	if (n > 0)
		memcpy(out, t.p, n);
	out[n] = '\0';
}

static bool is_subject(const struct ended *e)
{
	return e->said == SAID_SUBJECT;
}

/* The same for what was done with all of a subject. */
static bool read_subject(const struct chain_record *r, struct ended *e)
{
	e->said = SAID_SUBJECT;
	e->time_ms = r->time_ms;
	if (chain_is(r->event, "subject-erased"))
		e->frozen_until_ms = -1;
	else if (chain_is(r->event, "subject-frozen") && r->deadline_ms > 0)
		e->frozen_until_ms = r->deadline_ms;
	else if (!chain_is(r->event, "subject-released"))
		return false;
	copy(e->tag, sizeof e->tag, r->subject);
	return strlen(e->tag) == STORE_SUBJECT_LEN;
}

/* Fills in e from a record, but for the shard. Returns false when the record says no end. */
static bool read_end(const struct chain_record *r, struct ended *e)
{
	static const struct chain_text consumed = {"consumed", 8}, lost = {"store-lost", 10};
	struct chain_text cause = r->cause;

	if (chain_is(r->event, "gone")) {
		e->said = SAID_GONE;
	} else if (chain_is(r->event, "taking")) {
		e->said = SAID_TAKING;
		cause = consumed;
	} else if (chain_is(r->event, "claimed")) {
		e->said = SAID_CLAIMED;
		cause = lost;
	} else if (chain_is(r->event, "session-end")) {
		e->said = SAID_SESSION_END;
	} else {
		return read_subject(r, e);
	}
	copy(e->cause, sizeof e->cause, cause);
	copy(e->by, sizeof e->by, r->by);
	copy(e->outcome, sizeof e->outcome, r->outcome);
	copy(e->tag, sizeof e->tag, is_session(e) ? r->session : r->tag);
	return e->tag[0] != '\0';
}

static void on_record(void *ctx, const struct chain_record *r, unsigned shard)
{
	struct end_again *x = ctx;
	struct ended e = {.shard = shard};
	struct ended *grown;

	if (!read_end(r, &e) || x->read_err != 0)
		return;
	if (x->n == x->cap) {
		grown = realloc(x->list, (x->cap > 0 ? 2 * x->cap : 64) * sizeof *grown);
		if (grown == NULL) {
			x->read_err = TG_ENOMEM;
			return;
		}
		x->list = grown;
		x->cap = x->cap > 0 ? 2 * x->cap : 64;
	}
	x->list[x->n++] = e;
	if (!is_subject(&e))
		x->shard[shard] = (struct shard_scan){.state = SCAN_DUE, .cursor = "0"};
}

/* Subjects last; by shard, then blobs before sessions, then by tag; of a subject erasures before
 * the rest. */
static int by_name(const void *a, const void *b)
{
	const struct ended *x = a, *y = b;

	if (is_subject(x) != is_subject(y))
		return is_subject(x) ? 1 : -1;
	if (is_subject(x)) {
		const int c = strcmp(x->tag, y->tag);
		return c != 0 ? c : (y->frozen_until_ms < 0) - (x->frozen_until_ms < 0);
	}
	if (x->shard != y->shard)
		return x->shard < y->shard ? -1 : 1;
	if (is_session(x) != is_session(y))
		return is_session(x) ? 1 : -1;
	return strcmp(x->tag, y->tag);
}

static int by_name_and_said(const void *a, const void *b)
{
	const struct ended *x = a, *y = b;
	int c = by_name(a, b);

	if (c == 0 && is_subject(x))
		return (x->time_ms < y->time_ms) - (x->time_ms > y->time_ms);
	return c != 0 ? c : (int)x->said - (int)y->said;
}

/* Sorts the list, and keeps of each blob, session and subject the record that counts. */
static void put_in_order(struct end_again *x)
{
	size_t n = 0;

	qsort(x->list, x->n, sizeof *x->list, by_name_and_said);
	for (size_t i = 0; i < x->n; i++)
		if (n == 0 || by_name(&x->list[n - 1], &x->list[i]) != 0)
			x->list[n++] = x->list[i];
	x->n = n;
	while (x->subject < n && !is_subject(&x->list[x->subject]))
		x->subject++;
}

static const struct ended *find(
	const struct end_again *x, unsigned shard, const struct store_standing *s)
{
	struct ended key = {.shard = shard, .said = s->session ? SAID_SESSION_END : SAID_GONE};

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
	x->busy--;
	go_on(x);
}

static int end_one(struct end_again *x, unsigned shard, const char *id, const struct ended *as)
{
	const struct store_end_again e = {.session = is_session(as),
		.id = id,
		.tag = as->tag,
		.cause = as->cause,
		.by = as->by,
		.outcome = as->outcome};
	int rc = store_reconcile_end(x->store, shard, &e, on_ended, x);

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

		if (as == NULL)
			continue; /* it is not known to have ended */
		if ((as->said == SAID_TAKING || as->said == SAID_CLAIMED) && !list[i].live)
			continue; /* the store knows its reader */
		err = is_session(as) ? keep_session(x, shard, list[i].id, as) :
				       end_one(x, shard, list[i].id, as);
	}
	if (err != 0) {
		finish(x, err);
		return;
	}
	text_copy(s->cursor, sizeof s->cursor, cursor);
	s->state = strcmp(cursor, "0") == 0 ? SCAN_OVER : SCAN_DUE;
	if (s->ends > 0)
		return;
	x->busy--;
	go_on(x);
}

/* Sessions come last: a blob that is bound to one has got its own end by then. */
static int end_sessions(struct end_again *x)
{
	x->phase = ENDING_SESSIONS;
	for (size_t i = 0; i < x->n_sessions; i++) {
		const struct standing_session *s = &x->sessions[i];
		int rc;

		x->busy += x->shard[s->shard].ends == 0;
		if ((rc = end_one(x, s->shard, s->id, s->as)) != 0)
			return rc;
	}
	return 0;
}

static void on_remembered(void *ctx, int err, unsigned shard)
{
	struct end_again *x = ctx;

	(void)shard;
	x->busy--;
	if (err != 0)
		finish(x, err);
	else
		go_on(x);
}

/* What readers and uploads of subjects are refused for. */
static int remember_next(struct end_again *x)
{
	int rc = 0;

	x->phase = REMEMBERING;
	while (x->busy < SUBJECTS_MAX && x->subject < x->n && rc == 0) {
		const struct ended *e = &x->list[x->subject++];
		const bool erased = e->frozen_until_ms < 0;

		if (e->frozen_until_ms == 0)
			continue; /* it was released */
		rc = store_reconcile_subject(x->store, e->tag, erased ? e->time_ms : 0,
			erased ? 0 : e->frozen_until_ms, on_remembered, x);
		x->busy += rc == 0;
	}
	return rc;
}

static int ask_shards(struct end_again *x)
{
	int rc = 0;

	for (unsigned i = 0; i < TOKEN_SHARDS && x->busy < SHARDS_MAX && rc == 0; i++) {
		struct shard_scan *s = &x->shard[i];

		if (s->state != SCAN_DUE || s->ends > 0)
			continue;
		rc = store_reconcile_standing(x->store, i, s->cursor, COUNT, on_standing, x);
		s->state = SCAN_ASKED;
		x->busy++;
	}
	if (rc == 0 && x->busy == 0 && x->phase == SCANNING)
		rc = end_sessions(x);
	if (rc == 0 && (x->busy == 0 || x->phase == REMEMBERING))
		rc = remember_next(x);
	return rc;
}

static void go_on(struct end_again *x)
{
	int rc = ask_shards(x);

	if (rc != 0 || x->busy == 0)
		finish(x, rc);
}

struct end_again *end_again_new(
	const struct end_again_opts *o, end_again_cb *cb, void *ctx, int *rc)
{
	struct end_again *x = calloc(1, sizeof *x);
	/* what was stored before that has reached its deadline by now in any case */
	const int64_t since_ms = o->now_ms - TG_TTL_MAX_S * INT64_C(1000) - MARGIN_MS;

	*rc = TG_ENOMEM;
	if (x == NULL)
		return NULL;
	x->store = o->store;
	x->cb = cb;
	x->ctx = ctx;
	*rc = evidence_search_behind(o->path, o->here, o->epoch, o->from, since_ms, on_record, x);
	if (*rc == 0)
		*rc = x->read_err;
	if (*rc == 0 && x->n > 0) {
		put_in_order(x);
		*rc = ask_shards(x);
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
