/*
 * audit_blobs.c: follows each blob by its tag from "stored" to "gone". Runs in the timeglas
 * command.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <timeglas/retention.h>
#include "cli/audit_blobs.h"
#include "cli/audit_ends.h"
#include "core/num.h"
#include "core/time.h"

/* A blob that was due so shortly before the last line is not overdue: the line with its end may not
 * be written yet. */
#define GRACE_MS 1000
/* An erasure that is later than its kind's limit by more than this is a finding. By less it is only
 * counted. */
#define LATE_MS 5000

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

static bool has_subject(const struct audit_open_blob *o)
{
	return !sodium_is_zero(o->subject, sizeof o->subject);
}

/* To its session and its subject. Returns false without memory. */
static bool bind(struct audit_blobs *l, struct findings *f, const struct audit_event *e,
	struct audit_open_blob *o)
{
	if (has_subject(o) && !audit_subjects_stored(&l->subjects, o->subject))
		return false;
	if (e->record->session.p == NULL)
		return true;
	o->session = audit_sessions_bind(&l->sessions, e->record->session);
	if (o->session == AUDIT_TAGS_NONE)
		return false;
	if (l->sessions.list[o->session].deadline_ms < 0 && !l->gaps && l->reverted == 0)
		findings_add(f, "no-begin", e->at,
			"this blob is bound to a session that was not opened, or has ended");
	return true;
}

static void on_stored(struct audit_blobs *l, struct findings *f, const struct audit_event *e)
{
	const struct chain_text none = {"", 0};
	const struct chain_record *r = e->record;
	const struct finding_place *at = e->at;
	const struct audit_open_blob *before = audit_open_find(&l->open, r->tag);
	struct audit_open_blob o = {.stored_ms = r->time_ms,
		.deadline_ms = r->deadline_ms,
		.limit_ms = r->time_ms + limit_of(r) * 1000,
		.line = at->line,
		.file = at->file,
		.pos = e->pos,
		.epoch = e->epoch,
		.shard = (uint8_t)e->shard,
		.to = audit_names_of(&l->names, r->to),
		.uploader = audit_names_of(&l->names, r->uploader),
		.kind = audit_names_of(&l->names, r->kind),
		.dk = (int8_t)r->dk,
		.session = AUDIT_TAGS_NONE,
		.read_ms = -1,
		.lease_ms = -1};

	if (before != NULL) {
		findings_add(f, "twice", at, "this blob was stored already, on line %" PRIu64,
			before->line);
		return;
	}
	audit_tags_read(r->tag, o.tag);
	o.row = (uint16_t)audit_rows_of(&l->rows, r->kind, r->dk, none);
	if (r->subject.p != NULL)
		audit_tags_read(r->subject, o.subject);
	if (!bind(l, f, e, &o) || !audit_open_add(&l->open, &o)) {
		l->no_memory = true;
		return;
	}
	l->rows.row[o.row].n++;
	l->rows.row[o.row].limit_ms = limit_of(r) * 1000;
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
	const struct finding_place *at, const struct audit_open_blob *first)
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

static void hash_reader(const struct chain_record *r, uint8_t out[16])
{
	crypto_generichash(out, 16, (const unsigned char *)r->by.p, r->by.n, NULL, 0);
}

/* Somebody begins to read the blob, and must be the only one who does. */
static void on_read(struct audit_blobs *l, struct findings *f, const struct audit_event *e)
{
	const struct chain_record *r = e->record;
	const struct finding_place *at = e->at;
	struct audit_open_blob *o = audit_open_find(&l->open, r->tag);

	if (r->tag.p == NULL || r->by.p == NULL) {
		findings_add(
			f, "reader", at, "somebody read a blob, and it is not said who or which");
		return;
	}
	if (o == NULL) {
		if (l->reverted > 0 && begins_here(l, r))
			second_reader(l, f, r, at, NULL);
		return;
	}
	if (o->reader_line != 0)
		second_reader(l, f, r, at, o);
	audit_ends_reader(f, r, at, audit_names_text(&l->names, o->to));
	hash_reader(r, o->reader);
	o->reader_line = at->line;
	audit_subjects_read(&l->subjects, f, e, o->subject);
	o->read_ms = r->time_ms;
	o->lease_ms = chain_is(r->event, "claimed") ? r->lease_ms : -1;
	if (o->lease_ms > o->deadline_ms)
		findings_add(f, "limit", at, "a claim was given more time than its blob");
}

static bool is_other_reader(const struct audit_open_blob *o, const struct chain_record *r)
{
	uint8_t reader[16];

	if (r->by.p == NULL || o->reader_line == 0)
		return false;
	hash_reader(r, reader);
	return memcmp(reader, o->reader, sizeof reader) != 0;
}

static struct audit_ends_facts facts_of(
	const struct audit_blobs *l, const struct audit_open_blob *o)
{
	return (struct audit_ends_facts){.stored_ms = o->stored_ms,
		.deadline_ms = o->deadline_ms,
		.read_ms = o->read_ms,
		.lease_ms = o->lease_ms,
		.session = o->session != AUDIT_TAGS_NONE ? &l->sessions.list[o->session] : NULL,
		.to = audit_names_text(&l->names, o->to),
		.uploader = audit_names_text(&l->names, o->uploader),
		.kind = audit_names_text(&l->names, o->kind),
		.dk = o->dk,
		.subject = o->subject};
}

/* Takes it off the list of open blobs. */
static void close_one(struct audit_blobs *l, struct audit_open_blob *o)
{
	if (o->session != AUDIT_TAGS_NONE)
		audit_sessions_unbind(&l->sessions, o->session);
	if (has_subject(o))
		audit_subjects_ended(&l->subjects, o->subject);
	audit_open_remove(&l->open, o);
}

/* The row of an end. Its kind is that of its beginning, where it was counted. */
static struct audit_row *row_of(
	struct audit_blobs *l, const struct audit_open_blob *o, struct chain_text cause)
{
	const char *kind = o->kind != 0 ? audit_names_text(&l->names, o->kind) : "?";

	return &l->rows.row[audit_rows_of(
		&l->rows, (struct chain_text){kind, strlen(kind)}, o->dk, cause)];
}

/* Counts an end in all tables. */
static void count_end(struct audit_blobs *l, const struct chain_record *r,
	const struct audit_open_blob *o, int64_t late_us)
{
	static const struct chain_text unknown = {"?", 1};
	struct audit_row *row = row_of(l, o, r->cause.n > 0 ? r->cause : unknown);

	row->n++;
	l->ended++;
	l->store_lost += chain_is(r->cause, CHAIN_STORE_LOST) == 1;
	l->too_late += late_us > AUDIT_TOO_LATE_US;
	if (r->time_ms >= o->stored_ms)
		audit_lateness_add(&l->rows.row[o->row].held, (r->time_ms - o->stored_ms) * 1000);
	if (chain_is(r->cause, "consumed"))
		audit_tally_add(&l->outcomes, r->outcome, 1);
	audit_days_add(&l->days, r->time_ms, late_us > AUDIT_TOO_LATE_US);
	if (late_us >= 0) {
		audit_lateness_add(&row->late, late_us);
		audit_lateness_add(&l->late, late_us);
	}
}

static void on_gone(struct audit_blobs *l, struct findings *f, const struct audit_event *e)
{
	const struct chain_record *r = e->record;
	const struct finding_place *at = e->at;
	struct audit_open_blob *o = audit_open_find(&l->open, r->tag);
	struct audit_ends_facts facts;
	int64_t late_us;

	if (o == NULL) {
		on_gone_unknown(l, f, r, at);
		return;
	}
	facts = facts_of(l, o);
	late_us = audit_ends_check(f, r, at, &facts);
	if (r->time_ms > o->limit_ms + LATE_MS)
		findings_add(f, "limit", at,
			"a blob was held %" PRId64
			" s longer than its kind may be: it was stored on line %" PRIu64 " of %s",
			(r->time_ms - o->limit_ms) / 1000, o->line, o->file);
	if (chain_is(r->cause, "consumed") && is_other_reader(o, r))
		second_reader(l, f, r, at, o);
	if (chain_is(r->cause, "consumed") && o->reader_line == 0)
		audit_subjects_read(&l->subjects, f, e, o->subject);
	count_end(l, r, o, late_us);
	close_one(l, o);
}

/* Ends a blob for a reason that no record of its own tells. */
static void close_open(struct audit_blobs *l, struct audit_open_blob *o, const char *why)
{
	row_of(l, o, (struct chain_text){why, strlen(why)})->n++;
	l->store_lost += strcmp(why, CHAIN_STORE_LOST) == 0;
	l->forgotten += strcmp(why, CHAIN_STORE_REVERTED) == 0;
	close_one(l, o);
}

/* An orderly stop counted what was live in the store. Here, all that was live is known, unless
 * files are missing or the store went back: it must be as many. */
static void check_count(const struct audit_blobs *l, struct findings *f,
	const struct audit_event *e, uint64_t ended)
{
	struct chain_text rest = e->record->more, name, value;
	uint64_t count;

	while (!l->gaps && l->reverted == 0 && chain_next_member(&rest, &name, &value))
		if (chain_is(name, "count") &&
			(tg_num_u64(value.p, value.n, UINT64_MAX, &count) != 0 || count != ended))
			findings_add(f, "count", e->at,
				"the server counted %.*s live blobs in its store when it stopped; "
				"by the evidence there were %" PRIu64,
				(int)value.n, value.p, ended);
}

/* Ends what the store has forgotten. From the back, as the last one takes a removed one's place. */
static void on_loss(struct audit_blobs *l, struct findings *f, const struct audit_event *e)
{
	const uint64_t before = l->lost;
	const struct audit_event_loss loss = audit_event_loss(e);

	for (size_t i = l->open.n; i-- > 0;) {
		struct audit_open_blob *o = &l->open.list[i];

		if (!audit_event_forgotten(&loss, o->epoch, o->shard, &o->pos))
			continue;
		close_open(l, o, loss.all ? CHAIN_STORE_LOST : CHAIN_STORE_REVERTED);
		l->ended++;
		l->lost++;
	}
	check_count(l, f, e, l->lost - before);
	audit_subjects_lost(&l->subjects);
	if (loss.all) {
		if (l->open.n == 0)
			audit_sessions_lost(&l->sessions);
		return;
	}
	/* What ended in the moments that were forgotten may be there again, until its deadline. */
	l->reverted++;
	if (e->record->time_ms + TG_TTL_MAX_S * INT64_C(1000) > l->came_back_until_ms)
		l->came_back_until_ms = e->record->time_ms + TG_TTL_MAX_S * INT64_C(1000);
}

void audit_blobs_gap(struct audit_blobs *l, int64_t at_ms)
{
	l->gaps = true;
	if (at_ms > l->gap_ms)
		l->gap_ms = at_ms;
	l->not_given += l->open.n;
	while (l->open.n > 0)
		close_open(l, &l->open.list[l->open.n - 1], "(not given)");
	audit_subjects_lost(&l->subjects);
}

void audit_blobs_event(struct audit_blobs *l, struct findings *f, const struct audit_event *e)
{
	const struct chain_record *r = e->record;

	l->no_memory |= !audit_subjects_event(&l->subjects, f, e, !l->gaps && l->reverted == 0);
	if (chain_is(r->event, "stored"))
		on_stored(l, f, e);
	else if (chain_is(r->event, "gone"))
		on_gone(l, f, e);
	else if (chain_is(r->event, "taking"))
		on_read(l, f, e);
	else if (chain_is(r->event, "claimed")) {
		on_read(l, f, e);
		audit_ends_claim(f, r, e->at);
	} else if (chain_is_own(r, CHAIN_FALSE_GONE)) {
		findings_add(f, "false-gone", e->at,
			"the end of blob %.*s that was recorded just before is none: somebody "
			"forged "
			"it in the store",
			(int)r->tag.n, r->tag.p != NULL ? r->tag.p : "?");
	} else if (chain_is_own(r, CHAIN_STORE_REPLACED)) {
		findings_add(f, "store-replaced", e->at,
			"the store became another one though its Redis went on: it was flushed, or "
			"its epoch was written; what was live is counted as lost, and may have "
			"ended "
			"later");
	} else if (chain_is_own(r, CHAIN_STORE_LOST) || chain_is_own(r, CHAIN_STORE_REVERTED))
		on_loss(l, f, e);
	else if (chain_is(r->event, "session-open") || chain_is(r->event, "session-end"))
		l->no_memory |= r->session.p != NULL && !audit_sessions_event(&l->sessions, f, e);
	else if (chain_is(r->event, "aborted"))
		l->aborted++;
}

static int by_line(const void *a, const void *b)
{
	const struct audit_open_blob *x = a, *y = b;

	return x->line < y->line ? -1 : x->line > y->line;
}

/* When it must have ended at the latest: by its own time, or with its session. */
static int64_t due_of(const struct audit_blobs *l, const struct audit_open_blob *o)
{
	const struct audit_session *s =
		o->session != AUDIT_TAGS_NONE ? &l->sessions.list[o->session] : NULL;

	return s != NULL && s->ended_ms >= 0 && s->ended_ms < o->deadline_ms ? s->ended_ms :
									       o->deadline_ms;
}

uint64_t audit_blobs_overdue(const struct audit_blobs *l, struct findings *f, int64_t last_ms)
{
	struct audit_open_blob *due = l->open.n > 0 ? calloc(l->open.n, sizeof *due) : NULL;
	char text[TG_TIME_LEN + 1];
	size_t n = 0;

	for (size_t i = 0; i < l->open.n && due != NULL; i++)
		if (due_of(l, &l->open.list[i]) + GRACE_MS < last_ms)
			due[n++] = l->open.list[i];
	if (n > 0)
		qsort(due, n, sizeof *due, by_line);
	for (size_t i = 0; i < n; i++) {
		const struct finding_place at = {
			.file = due[i].file, .line = due[i].line, .whole = true};

		findings_add(f, "no-end", &at,
			"the blob stored here was due at %s, and its end is not recorded",
			tg_time_format(due_of(l, &due[i]), text));
	}
	free(due);
	return n;
}

void audit_blobs_free(struct audit_blobs *l)
{
	audit_rows_free(&l->rows);
	audit_open_free(&l->open);
	audit_sessions_free(&l->sessions);
	audit_subjects_free(&l->subjects);
	audit_names_free(&l->names);
	audit_lateness_free(&l->late);
	*l = (struct audit_blobs){0};
}
