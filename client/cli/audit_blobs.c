/*
 * audit_blobs.c: follows each blob by its tag from "stored" to "gone". Blobs that have not ended
 * are in a hash table. Runs in the timeglas command.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <timeglas/retention.h>
#include "cli/audit_blobs.h"
#include "core/hex.h"
#include "core/time.h"

#define FIRST_SLOTS 4096u
/* the end of a blob that was due so shortly before the last line may stand in a line that is not
 * written yet */
#define GRACE_MS 1000
/* an erasure that is later than the rules allow by more than this is a finding; by less, it is only
 * counted */
#define LATE_MS 5000

/* Rows --------------------------------------------------------------------- */

static bool same(const char *name, struct chain_text t)
{
	size_t n = t.n < AUDIT_BLOBS_NAME - 1 ? t.n : AUDIT_BLOBS_NAME - 1;

	return strlen(name) == n && memcmp(name, t.p, n) == 0;
}

static void copy(char out[AUDIT_BLOBS_NAME], struct chain_text t)
{
	size_t n = t.n < AUDIT_BLOBS_NAME - 1 ? t.n : AUDIT_BLOBS_NAME - 1;

	memcpy(out, t.p, n);
	out[n] = '\0';
}

static uint16_t row_of(
	struct audit_blobs *l, struct chain_text kind, int dk, struct chain_text cause)
{
	struct audit_blobs_row *r;

	if (kind.p == NULL)
		kind = (struct chain_text){"?", 1};
	if (!chain_is(kind, "passport"))
		dk = -1;
	for (size_t i = 0; i < l->n_rows; i++)
		if (l->row[i].dk == dk && same(l->row[i].kind, kind) &&
			same(l->row[i].cause, cause))
			return (uint16_t)i;
	if (l->n_rows == AUDIT_BLOBS_ROWS)
		return AUDIT_BLOBS_ROWS - 1;
	r = &l->row[l->n_rows];
	r->dk = dk;
	copy(r->kind, kind);
	copy(r->cause, cause);
	if (l->n_rows == AUDIT_BLOBS_ROWS - 1)
		*r = (struct audit_blobs_row){.kind = "(others)", .cause = "(others)", .dk = -1};
	return (uint16_t)l->n_rows++;
}

/* The open ones ------------------------------------------------------------ */

static void tag_of(struct chain_text t, uint8_t out[16])
{
	if (t.n == 32 && tg_hex_decode(t.p, t.n, out, 16) == 0)
		return;
	crypto_generichash(out, 16, (const unsigned char *)(t.p != NULL ? t.p : ""), t.n, NULL, 0);
}

static size_t hash_of(const struct audit_blobs *l, const uint8_t tag[16])
{
	uint8_t h[crypto_shorthash_BYTES];
	size_t n;

	crypto_shorthash(h, tag, 16, l->seed);
	memcpy(&n, h, sizeof n);
	return n;
}

/* The slot of this tag, or the free one where it would be. */
static size_t place(const struct audit_blobs *l, const uint8_t tag[16])
{
	size_t i;

	for (i = hash_of(l, tag) & (l->cap - 1);
		l->slot[i].file != NULL && memcmp(l->slot[i].tag, tag, 16) != 0;
		i = (i + 1) & (l->cap - 1))
		;
	return i;
}

static bool grow(struct audit_blobs *l)
{
	struct audit_blobs old = *l;

	l->cap = old.cap > 0 ? old.cap * 2 : FIRST_SLOTS;
	if (old.cap == 0)
		randombytes_buf(l->seed, sizeof l->seed);
	l->slot = calloc(l->cap, sizeof *l->slot);
	if (l->slot == NULL) {
		*l = old;
		l->no_memory = true;
		return false;
	}
	for (size_t i = 0; i < old.cap; i++)
		if (old.slot[i].file != NULL)
			l->slot[place(l, old.slot[i].tag)] = old.slot[i];
	free(old.slot);
	return true;
}

/* Frees a slot, and moves up those behind it that are not where their hash puts them. */
static void take_out(struct audit_blobs *l, size_t at)
{
	size_t mask = l->cap - 1, hole = at;

	for (size_t i = (at + 1) & mask; l->slot[i].file != NULL; i = (i + 1) & mask) {
		if (((i - hash_of(l, l->slot[i].tag)) & mask) < ((i - hole) & mask))
			continue;
		l->slot[hole] = l->slot[i];
		hole = i;
	}
	l->slot[hole].file = NULL;
	l->n_open--;
}

/* Events ------------------------------------------------------------------- */

/* The longest time of a kind, which no configuration can extend: an hour for Danish passports, a
 * day for everything else. */
static int64_t limit_of(const struct chain_record *r)
{
	return chain_is(r->kind, "passport") && r->dk == 1 ? 3600 : TG_TTL_MAX_S;
}

static void check_limit(
	struct findings *f, const struct chain_record *r, const struct finding_place *at)
{
	int64_t limit_s = limit_of(r);

	if (r->deadline_ms < 0)
		findings_add(f, "limit", at, "a blob was stored without a deadline");
	else if (r->deadline_ms - r->time_ms > limit_s * 1000)
		findings_add(f, "limit", at,
			"a blob was given more time than the %" PRId64
			" s that its kind may be held",
			limit_s);
}

static void on_stored(struct audit_blobs *l, struct findings *f, const struct audit_event *e)
{
	const struct chain_text none = {"", 0};
	const struct chain_record *r = e->record;
	const struct finding_place *at = e->at;
	struct open_blob o = {.deadline_ms = r->deadline_ms,
		.limit_ms = r->time_ms + limit_of(r) * 1000,
		.line = at->line,
		.file = at->file,
		.pos = e->pos,
		.epoch = e->epoch,
		.shard = (uint8_t)e->shard};
	size_t i;

	if ((l->n_open + 1) * 2 > l->cap && !grow(l))
		return;
	tag_of(r->tag, o.tag);
	i = place(l, o.tag);
	if (l->slot[i].file != NULL) {
		findings_add(f, "twice", at, "this blob was stored already, on line %" PRIu64,
			l->slot[i].line);
		return;
	}
	o.row = row_of(l, r->kind, r->dk, none);
	l->row[o.row].n++;
	l->slot[i] = o;
	l->n_open++;
	l->stored++;
	check_limit(f, r, at);
}

/* Would the event that stored this blob be in the files that are given? */
static bool begins_here(const struct audit_blobs *l, const struct chain_record *r)
{
	return !l->gaps || (r->deadline_ms >= 0 && r->deadline_ms - limit_of(r) * 1000 > l->gap_ms);
}

static bool has_member(const struct chain_record *r, const char *wanted)
{
	struct chain_text rest = r->more, name, value;

	while (chain_next_member(&rest, &name, &value))
		if (chain_is(name, wanted))
			return true;
	return false;
}

static void second_reader(struct audit_blobs *l, struct findings *f, const struct chain_record *r,
	const struct finding_place *at, const struct open_blob *first)
{
	l->second_readers++;
	if (first != NULL)
		findings_add(f, "second-reader", at,
			"blob %.*s was read again, by %.*s: it had its one reader on line %" PRIu64,
			(int)r->tag.n, r->tag.p, (int)r->by.n, r->by.p, first->reader_line);
	else
		findings_add(f, "second-reader", at,
			"blob %.*s was read by %.*s after it had ended", (int)r->tag.n, r->tag.p,
			(int)r->by.n, r->by.p);
}

/* A blob ended that is not in the table. If the store went back, it may have held the blob once
 * more. The recorder that noticed that ended it again, and its record says so. */
static void on_gone_unknown(struct audit_blobs *l, struct findings *f, const struct chain_record *r,
	const struct finding_place *at)
{
	bool again = has_member(r, CHAIN_AGAIN),
	     back = l->reverted > 0 && r->deadline_ms >= 0 &&
		r->deadline_ms <= l->came_back_until_ms && begins_here(l, r);

	if (again || back)
		l->came_back++;
	else
		l->no_begin++;
	if (again)
		findings_add(f, "ended-again", at,
			"blob %.*s had ended; the store went back, had it again, and it was ended "
			"again before anybody could read it",
			(int)r->tag.n, r->tag.p);
	else if (back && chain_is(r->cause, "consumed"))
		second_reader(l, f, r, at, NULL);
	else if (back)
		findings_add(f, "ended-again", at,
			"blob %.*s had ended, and was in the store again until now: the store went "
			"back, and nobody ended it",
			(int)r->tag.n, r->tag.p);
	else if (begins_here(l, r))
		findings_add(f, "no-begin", at,
			"the end of a blob that was not there: it has ended before, or its "
			"beginning is missing");
}

static uint64_t reader_of(const struct audit_blobs *l, const struct chain_record *r)
{
	uint64_t h;

	crypto_shorthash((unsigned char *)&h, (const unsigned char *)r->by.p, r->by.n, l->seed);
	return h | 1;
}

/* Somebody begins to read the blob, and must be the only one who does. */
static void on_read(struct audit_blobs *l, struct findings *f, const struct chain_record *r,
	const struct finding_place *at)
{
	struct open_blob *o;
	uint8_t tag[16];

	if (r->tag.p == NULL || r->by.p == NULL)
		return;
	tag_of(r->tag, tag);
	o = l->cap > 0 ? &l->slot[place(l, tag)] : NULL;
	if (o == NULL || o->file == NULL) {
		if (l->reverted > 0 && begins_here(l, r))
			second_reader(l, f, r, at, NULL);
		return;
	}
	if (o->reader != 0)
		second_reader(l, f, r, at, o);
	o->reader = reader_of(l, r);
	o->reader_line = at->line;
}

static void on_gone(struct audit_blobs *l, struct findings *f, const struct chain_record *r,
	const struct finding_place *at)
{
	static const struct chain_text unknown = {"?", 1};
	int64_t late = r->late_us;
	struct audit_blobs_row *row;
	uint8_t tag[16];
	size_t i;

	tag_of(r->tag, tag);
	i = l->cap > 0 ? place(l, tag) : 0;
	if (l->cap == 0 || l->slot[i].file == NULL) {
		on_gone_unknown(l, f, r, at);
		return;
	}
	if (r->time_ms > l->slot[i].limit_ms + LATE_MS)
		findings_add(f, "limit", at,
			"a blob was held %" PRId64
			" s longer than its kind may be: it was stored on line %" PRIu64 " of %s",
			(r->time_ms - l->slot[i].limit_ms) / 1000, l->slot[i].line,
			l->slot[i].file);
	if (chain_is(r->cause, "consumed") && r->by.p != NULL && l->slot[i].reader != 0 &&
		l->slot[i].reader != reader_of(l, r))
		second_reader(l, f, r, at, &l->slot[i]);
	take_out(l, i);
	row = &l->row[row_of(l, r->kind, r->dk, r->cause.p != NULL ? r->cause : unknown)];
	row->n++;
	l->ended++;
	if (late < 0 && r->deadline_ms >= 0 && r->time_ms > r->deadline_ms)
		late = (r->time_ms - r->deadline_ms) * 1000;
	if (late >= 0)
		audit_lateness_add(&row->late, late);
}

static void close_open(struct audit_blobs *l, size_t i, const char *why)
{
	const struct audit_blobs_row *stored = &l->row[l->slot[i].row];
	const struct chain_text kind = {stored->kind, strlen(stored->kind)},
				cause = {why, strlen(why)};

	l->row[row_of(l, kind, stored->dk, cause)].n++;
	l->slot[i].file = NULL;
	l->n_open--;
}

/* The store lost the blob. */
static void lose(struct audit_blobs *l, size_t i, const char *why)
{
	close_open(l, i, why);
	l->ended++;
	l->lost++;
}

/* Slots were freed all over the table, so every blob left is put in its place anew. */
static void settle(struct audit_blobs *l)
{
	struct audit_blobs old = *l;

	if (l->cap == 0)
		return;
	l->slot = calloc(l->cap, sizeof *l->slot);
	if (l->slot == NULL) {
		*l = old;
		l->no_memory = true;
		return;
	}
	for (size_t i = 0; i < old.cap; i++)
		if (old.slot[i].file != NULL)
			l->slot[place(l, old.slot[i].tag)] = old.slot[i];
	free(old.slot);
}

/* The store came back empty: every blob that was held in it has ended. */
static void on_lost(struct audit_blobs *l, const struct audit_event *e)
{
	for (size_t i = 0; i < l->cap; i++)
		if (l->slot[i].file != NULL &&
			(e->lost == 0 || l->slot[i].epoch == 0 || l->slot[i].epoch == e->lost))
			lose(l, i, CHAIN_STORE_LOST);
	settle(l);
}

/* The store came back as it had been earlier. What was stored in the moments that it has forgotten
 * is gone. What ended in them may be there again, until its deadline. */
static void on_reverted(struct audit_blobs *l, const struct audit_event *e)
{
	struct chain_pos from[CHAIN_SHARDS];

	memset(from, 0xff, sizeof from);
	chain_more_positions(e->record, from);
	for (size_t i = 0; i < l->cap; i++) {
		const struct open_blob *o = &l->slot[i];

		if (o->file != NULL && o->epoch == e->epoch && o->shard < CHAIN_SHARDS &&
			chain_pos_cmp(&o->pos, &from[o->shard]) > 0)
			lose(l, i, CHAIN_STORE_REVERTED);
	}
	settle(l);
	l->reverted++;
	if (e->record->time_ms + TG_TTL_MAX_S * INT64_C(1000) > l->came_back_until_ms)
		l->came_back_until_ms = e->record->time_ms + TG_TTL_MAX_S * INT64_C(1000);
}

static void on_claimed(
	struct findings *f, const struct chain_record *r, const struct finding_place *at)
{
	if (r->lease_ms < 0)
		findings_add(f, "limit", at, "a blob was claimed without an end");
	else if (r->lease_ms - r->time_ms > (int64_t)TG_LEASE_MAX_S * 1000)
		findings_add(f, "limit", at,
			"a claim was given more than the %u s that one may have",
			(unsigned)TG_LEASE_MAX_S);
}

void audit_blobs_gap(struct audit_blobs *l, int64_t at_ms)
{
	l->gaps = true;
	if (at_ms > l->gap_ms)
		l->gap_ms = at_ms;
	l->not_given += l->n_open;
	for (size_t i = 0; i < l->cap; i++)
		if (l->slot[i].file != NULL)
			close_open(l, i, "(not given)");
}

void audit_blobs_event(struct audit_blobs *l, struct findings *f, const struct audit_event *e)
{
	const struct chain_record *r = e->record;

	if (chain_is(r->event, "stored"))
		on_stored(l, f, e);
	else if (chain_is(r->event, "gone"))
		on_gone(l, f, r, e->at);
	else if (chain_is(r->event, "taking"))
		on_read(l, f, r, e->at);
	else if (chain_is(r->event, "claimed")) {
		on_read(l, f, r, e->at);
		on_claimed(f, r, e->at);
	} else if (chain_is(r->event, CHAIN_STORE_LOST))
		on_lost(l, e);
	else if (chain_is(r->event, CHAIN_STORE_REVERTED))
		on_reverted(l, e);
	else if (chain_is(r->event, "aborted"))
		l->aborted++;
}

static int by_line(const void *a, const void *b)
{
	const struct open_blob *x = a, *y = b;

	return x->line < y->line ? -1 : x->line > y->line;
}

uint64_t audit_blobs_overdue(const struct audit_blobs *l, struct findings *f, int64_t last_ms)
{
	struct open_blob *due = l->n_open > 0 ? calloc(l->n_open, sizeof *due) : NULL;
	char text[TG_TIME_LEN + 1];
	size_t n = 0;

	for (size_t i = 0; i < l->cap && due != NULL; i++)
		if (l->slot[i].file != NULL && l->slot[i].deadline_ms + GRACE_MS < last_ms)
			due[n++] = l->slot[i];
	if (n > 0)
		qsort(due, n, sizeof *due, by_line);
	for (size_t i = 0; i < n; i++) {
		const struct finding_place at = {due[i].file, due[i].line, true};

		findings_add(f, "no-end", &at,
			"the blob stored here was due at %s, and its end is not recorded",
			tg_time_format(due[i].deadline_ms, text));
	}
	free(due);
	return n;
}

void audit_blobs_free(struct audit_blobs *l)
{
	for (size_t i = 0; i < l->n_rows; i++)
		audit_lateness_free(&l->row[i].late);
	free(l->slot);
	*l = (struct audit_blobs){0};
}
