/* attempts.c: see attempts.h. Runs in workers. */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "api/attempts.h"
#include "base/allowance.h"
#include "base/text.h"

#define MINUTE_S 60u
#define HOUR_S 3600u
/* Rows, and bytes of the allowance, that only the signs of an interception may use: a peer that is
 * refused often for other reasons does not hide them. */
#define ROWS_OF_SIGNS (ATTEMPTS_ROWS / 2)
#define BYTES_OF_SIGNS (ALLOWANCE_BYTES / 2)
/* What a record takes in the evidence at most, its hash in the tree included; and a checkpoint,
 * which the second in which it is written may need on its own. */
#define RECORD_BYTES 480u
#define CHECKPOINT_BYTES 2600u

struct row {
	char id[TOKEN_LEN + 1];
	enum refused why;
	bool due;
	uint64_t first_ms, last_ms;
	uint64_t count; /* 0: all was told; it stays until a minute has passed without any */
};

struct peer {
	TAILQ_ENTRY(peer) link;
	char name[CONF_NAME_MAX + 1];
	uint64_t told_s;  /* when its last row was taken out */
	uint64_t plain_s; /* when a row without an id was, that the allowance did not cover */
	bool in_use[REFUSED_N];
	struct row plain[REFUSED_N]; /* without an id; by reason */
	struct row *row;             /* with one; NULL: none */
	unsigned n, cap, n_signs;    /* how many, for how many there is room, and signs of them */
};

struct attempts {
	TAILQ_HEAD(peer_list, peer) peers; /* who was told of last is the last */
	unsigned n_peers, workers;
	uint64_t minute_s; /* when the minute is over; 0: none has begun */
	bool ending;
};

/* Signs of an interception. */
static bool is_sign(enum refused why)
{
	return why == REFUSED_SECOND_FETCH || why == REFUSED_CLAIMED_BY_OTHER ||
		why == REFUSED_WRONG_CLAIM;
}

struct attempts *attempts_new(unsigned workers)
{
	struct attempts *a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	TAILQ_INIT(&a->peers);
	a->workers = workers > 0 ? workers : 1;
	return a;
}

void attempts_free(struct attempts *a)
{
	struct peer *p;

	while (a != NULL && (p = TAILQ_FIRST(&a->peers)) != NULL) {
		TAILQ_REMOVE(&a->peers, p, link);
		free(p->row);
		free(p);
	}
	free(a);
}

/* Adding ------------------------------------------------------------------- */

static struct peer *peer_of(struct attempts *a, const char *name)
{
	struct peer *p;

	TAILQ_FOREACH (p, &a->peers, link)
		if (strcmp(p->name, name) == 0)
			return p;
	if (a->n_peers == ATTEMPTS_PEERS || (p = calloc(1, sizeof *p)) == NULL)
		return NULL;
	text_copy(p->name, sizeof p->name, name);
	TAILQ_INSERT_TAIL(&a->peers, p, link);
	a->n_peers++;
	return p;
}

static bool has_room(const struct peer *p, enum refused why)
{
	return is_sign(why) ? p->n < ATTEMPTS_ROWS :
			      p->n < ATTEMPTS_ROWS && p->n - p->n_signs < ROWS_OF_SIGNS;
}

/* A new row with that id; NULL: there is no room for it. */
static struct row *row_new(struct peer *p, const struct attempt *x)
{
	const unsigned cap = p->cap > 0 ? 2 * p->cap : 4;
	struct row *r;

	if (!has_room(p, x->why))
		return NULL;
	if (p->n == p->cap) {
		if ((r = realloc(p->row, cap * sizeof *r)) == NULL)
			return NULL;
		p->row = r;
		p->cap = cap;
	}
	r = &p->row[p->n++];
	*r = (struct row){.why = x->why, .due = true};
	memcpy(r->id, x->id, sizeof r->id);
	p->n_signs += is_sign(x->why);
	return r;
}

static struct row *plain_row(struct peer *p, enum refused why)
{
	struct row *r = &p->plain[why];

	if (!p->in_use[why])
		*r = (struct row){.why = why, .due = true};
	p->in_use[why] = true;
	return r;
}

static struct row *row_of(struct peer *p, const struct attempt *x)
{
	struct row *r;

	if (x->id[0] == '\0' || x->why == REFUSED_UNKNOWN)
		return plain_row(p, x->why);
	for (unsigned i = 0; i < p->n; i++)
		if (p->row[i].why == x->why && strcmp(p->row[i].id, x->id) == 0)
			return &p->row[i];
	r = row_new(p, x);
	return r != NULL ? r : plain_row(p, x->why);
}

static void merge(struct row *r, uint64_t first_ms, uint64_t last_ms, uint64_t count)
{
	if (r->count == 0 || first_ms < r->first_ms)
		r->first_ms = first_ms;
	if (r->count == 0 || last_ms > r->last_ms)
		r->last_ms = last_ms;
	r->count += count;
}

bool attempts_add(struct attempts *a, const struct attempt *x)
{
	struct peer *p = peer_of(a, x->peer);
	struct row *r = p != NULL ? row_of(p, x) : NULL;

	if (r == NULL)
		return false;
	merge(r, x->first_ms, x->last_ms, x->count);
	return r->due;
}

/* Each minute -------------------------------------------------------------- */

static void drop_row(struct peer *p, unsigned i)
{
	p->n_signs -= is_sign(p->row[i].why);
	p->row[i] = p->row[--p->n];
	if (p->n > 0)
		return;
	free(p->row);
	p->row = NULL;
	p->cap = 0;
}

static void peer_minute(struct peer *p)
{
	for (unsigned i = p->n; i-- > 0;)
		if (p->row[i].count == 0)
			drop_row(p, i);
		else
			p->row[i].due = true;
	for (unsigned why = 0; why < REFUSED_N; why++) {
		p->in_use[why] = p->in_use[why] && p->plain[why].count > 0;
		p->plain[why].due = true;
	}
}

void attempts_tick(struct attempts *a, uint64_t now_s)
{
	struct peer *p;

	if (a->minute_s != 0 && now_s < a->minute_s)
		return;
	if (a->minute_s != 0)
		TAILQ_FOREACH (p, &a->peers, link)
			peer_minute(p);
	a->minute_s = now_s + MINUTE_S;
}

void attempts_end(struct attempts *a)
{
	a->ending = true;
}

/* Taking out --------------------------------------------------------------- */

/* Returns what a row takes of the allowance, or 0: there is not so much. */
static unsigned pay(struct peer *p, enum refused why, uint64_t now_s)
{
	const unsigned bytes = RECORD_BYTES + (p->told_s != now_s ? CHECKPOINT_BYTES : 0);

	return allowance_take(p->name, now_s, bytes, is_sign(why) ? 0 : BYTES_OF_SIGNS) ? bytes : 0;
}

static void take_out(struct attempts *a, struct peer *p, struct row *r, uint64_t now_s,
	unsigned paid_bytes, struct attempt *out)
{
	*out = (struct attempt){.why = r->why,
		.first_ms = r->first_ms,
		.last_ms = r->last_ms,
		.count = r->count,
		.paid_bytes = paid_bytes};
	memcpy(out->id, r->id, sizeof out->id);
	memcpy(out->peer, p->name, sizeof out->peer);
	r->count = 0;
	r->due = false;
	p->told_s = now_s;
	TAILQ_REMOVE(&a->peers, p, link);
	TAILQ_INSERT_TAIL(&a->peers, p, link);
}

static bool is_due(const struct attempts *a, const struct row *r)
{
	return r->count > 0 && (r->due || a->ending);
}

/* A row with an id. signs: of these reasons, or of the others. At the worker's end a row that the
 * allowance does not cover is counted without its id. */
static bool next_row(
	struct attempts *a, struct peer *p, bool signs, uint64_t now_s, struct attempt *out)
{
	for (unsigned i = 0; i < p->n; i++) {
		struct row *r = &p->row[i];
		unsigned paid_bytes;

		if (!is_due(a, r) || is_sign(r->why) != signs)
			continue;
		if ((paid_bytes = pay(p, r->why, now_s)) > 0) {
			take_out(a, p, r, now_s, paid_bytes, out);
			return true;
		}
		if (!a->ending)
			return false;
		merge(plain_row(p, r->why), r->first_ms, r->last_ms, r->count);
		r->count = 0;
	}
	return false;
}

/* A row without an id. Once an hour, and at the worker's end, the allowance is not asked: these are
 * few. */
static bool next_plain(struct attempts *a, struct peer *p, uint64_t now_s, struct attempt *out)
{
	const uint64_t hour_s = (uint64_t)HOUR_S * a->workers;

	for (unsigned why = 0; why < REFUSED_N; why++) {
		struct row *r = &p->plain[why];
		unsigned paid_bytes;

		if (!is_due(a, r))
			continue;
		paid_bytes = pay(p, REFUSED_NONE, now_s);
		if (paid_bytes == 0 && !a->ending && p->plain_s != now_s && p->plain_s != 0 &&
			now_s < p->plain_s + hour_s)
			return false;
		if (paid_bytes == 0)
			p->plain_s = now_s;
		take_out(a, p, r, now_s, paid_bytes, out);
		return true;
	}
	return false;
}

bool attempts_next(struct attempts *a, uint64_t now_s, struct attempt *out)
{
	struct peer *p;

	TAILQ_FOREACH (p, &a->peers, link)
		if (next_row(a, p, true, now_s, out) || next_row(a, p, false, now_s, out) ||
			next_plain(a, p, now_s, out))
			return true;
	return false;
}

bool attempts_any(const struct attempts *a)
{
	const struct peer *p;

	TAILQ_FOREACH (p, &a->peers, link) {
		if (p->n > 0)
			return true;
		for (unsigned why = 0; why < REFUSED_N; why++)
			if (p->in_use[why])
				return true;
	}
	return false;
}
