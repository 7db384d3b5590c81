/*
 * audit_ends.c: the rules of server/store/functions for an end, read backwards. A deadline that
 * ends a blob is known from earlier lines, but for two: when a session is idle, and when a take has
 * stood still for too long. Of those it is known between what they must lie. Runs in the timeglas
 * command.
 */
#include <inttypes.h>
#include <string.h>
#include <timeglas/retention.h>
#include "cli/audit_ends.h"
#include "cli/audit_names.h"
#include "cli/audit_words.h"
#include "core/time.h"

/* The deadline that a cause speaks of. */
enum due {
	DUE_NONE,    /* no deadline ends it */
	DUE_KNOWN,   /* at due_ms */
	DUE_BETWEEN, /* it lies between due_ms and latest_ms */
	DUE_UNKNOWN  /* the cause, or what would tell, is not known */
};

struct due_at {
	enum due due;
	int64_t due_ms, latest_ms;
};

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static struct due_at at_time(int64_t ms)
{
	return ms >= 0 ? (struct due_at){DUE_KNOWN, ms, ms} : (struct due_at){.due = DUE_UNKNOWN};
}

static bool is_one_of(struct chain_text t, const char *const *names)
{
	for (; *names != NULL; names++)
		if (chain_is(t, *names))
			return true;
	return false;
}

/* Storing and reading keep a session awake; its end comes after the idle time is over. */
static struct due_at idle_due(const struct audit_ends_facts *b)
{
	if (b->session == NULL || b->session->ended_ms < 0)
		return (struct due_at){.due = DUE_UNKNOWN};
	return (struct due_at){DUE_BETWEEN, later(b->stored_ms, b->read_ms), b->session->ended_ms};
}

static struct due_at due_of(const struct chain_record *r, const struct audit_ends_facts *b)
{
	static const char *const asked[] = {
		"erased", "replaced", "aborted", "store-lost", "session-closed", NULL};
	int64_t session_ms = b->session != NULL ? b->session->deadline_ms : -1;

	if (chain_is(r->cause, "expired"))
		return at_time(b->deadline_ms);
	if (chain_is(r->cause, "lease-expired"))
		return at_time(b->lease_ms);
	if (chain_is(r->cause, "session-expired"))
		return at_time(session_ms);
	if (chain_is(r->cause, "session-idle"))
		return idle_due(b);
	if (is_one_of(r->cause, asked) || (chain_is(r->cause, "consumed") && r->late_us < 0))
		return (struct due_at){.due = DUE_NONE};
	if (chain_is(r->cause, "consumed") && b->read_ms >= 0)
		return (struct due_at){DUE_BETWEEN, b->read_ms, later(b->deadline_ms, session_ms)};
	return (struct due_at){.due = DUE_UNKNOWN};
}

static void early(struct findings *f, const struct chain_record *r, const struct finding_place *at,
	int64_t due_ms)
{
	char text[AUDIT_WORDS_DURATION];

	findings_add(f, "early", at,
		"this blob is said to have ended by a deadline (%.*s), %s before that was due",
		(int)r->cause.n, r->cause.p,
		audit_words_duration((due_ms - r->time_ms) * 1000, text));
}

/* The record says a lateness that the times do not give. */
static void wrong_lateness(struct findings *f, const struct chain_record *r,
	const struct finding_place *at, int64_t late_ms)
{
	char told[AUDIT_WORDS_DURATION], seen[AUDIT_WORDS_DURATION];

	if (r->late_us < 0)
		findings_add(f, "late", at,
			"a deadline ended this blob, and the record does not say how late");
	else
		findings_add(f, "late", at,
			"the record says that this blob was erased %s after its deadline; by its "
			"times it was %s",
			audit_words_duration(r->late_us, told),
			audit_words_duration(late_ms * 1000, seen));
}

/* Time and lateness are rounded down by up to a millisecond. */
static bool agrees(int64_t late_us, int64_t late_ms)
{
	return late_us >= 0 && late_us / 1000 == late_ms;
}

static int64_t check_lateness(struct findings *f, const struct chain_record *r,
	const struct finding_place *at, const struct due_at *d)
{
	int64_t late_ms = r->time_ms - d->due_ms;

	if (d->due == DUE_NONE) {
		if (r->late_us >= 0)
			findings_add(f, "late", at,
				"no deadline ended this blob, and yet the record says how late it "
				"was");
		return -1;
	}
	if (d->due == DUE_UNKNOWN)
		return r->late_us;
	if (r->time_ms < d->due_ms) {
		early(f, r, at, d->due_ms);
		return -1;
	}
	if (d->due == DUE_KNOWN && !agrees(r->late_us, late_ms)) {
		wrong_lateness(f, r, at, late_ms);
		return late_ms * 1000;
	}
	if (d->due == DUE_BETWEEN &&
		(r->late_us < 0 || r->late_us / 1000 > late_ms ||
			r->late_us / 1000 < r->time_ms - d->latest_ms)) {
		wrong_lateness(f, r, at, later(0, r->time_ms - d->latest_ms));
		return later(0, r->time_ms - d->latest_ms) * 1000;
	}
	return r->late_us;
}

/* Of which kind it was, from where, and whose. */
static void check_labels(struct findings *f, const struct chain_record *r,
	const struct finding_place *at, const struct audit_ends_facts *b)
{
	uint8_t subject[AUDIT_TAGS_BYTES] = {0};

	if (r->subject.p != NULL)
		audit_tags_read(r->subject, subject);
	if (r->kind.p != NULL && !chain_is(r->kind, b->kind))
		findings_add(f, "mismatch", at,
			"the end tells of another kind (%.*s) than the blob was stored as (%s)",
			(int)r->kind.n, r->kind.p, b->kind);
	else if (r->dk >= 0 && r->dk != b->dk)
		findings_add(f, "mismatch", at,
			"the end tells of another issuer than the blob was stored with");
	if (memcmp(subject, b->subject, sizeof subject) != 0)
		findings_add(f, "mismatch", at,
			"the end tells of another subject than the blob was stored with");
}

/* What was true when the blob was stored is true when it ends. */
static void check_same(struct findings *f, const struct chain_record *r,
	const struct finding_place *at, const struct audit_ends_facts *b)
{
	char text[TG_TIME_LEN + 1];

	check_labels(f, r, at, b);
	if (r->deadline_ms != b->deadline_ms && b->deadline_ms >= 0)
		findings_add(f, "mismatch", at,
			"the end tells of another deadline than the blob was stored with, which "
			"was %s",
			tg_time_format(b->deadline_ms, text));
	if (r->uploader.p != NULL && b->uploader[0] != '\0' && !chain_is(r->uploader, b->uploader))
		findings_add(f, "mismatch", at,
			"the end tells of another uploader (%.*s) than the one who stored it (%s)",
			(int)r->uploader.n, r->uploader.p, b->uploader);
	if (r->outcome.p != NULL && b->lease_ms < 0)
		findings_add(f, "mismatch", at,
			"the end tells what a claimant said (%.*s), and nobody had claimed it",
			(int)r->outcome.n, r->outcome.p);
}

static void check_cause(struct findings *f, const struct chain_record *r,
	const struct finding_place *at, const struct audit_ends_facts *b)
{
	bool by_session = r->cause.n > 8 && memcmp(r->cause.p, "session-", 8) == 0;

	if (r->cause.n == 0)
		findings_add(f, "mismatch", at, "the end does not say what ended this blob");
	if (chain_is(r->cause, "lease-expired") && b->lease_ms < 0)
		findings_add(f, "mismatch", at,
			"a claim is said to have run out, and nobody had claimed the blob");
	if (b->session == NULL && by_session && !chain_is(r->cause, "session-closed"))
		findings_add(f, "mismatch", at,
			"the blob is said to have ended with its session, and it was bound to "
			"none");
	if (b->session == NULL || b->session->deadline_ms < 0 || !by_session)
		return;
	if (b->session->ended_ms < 0)
		findings_add(f, "mismatch", at,
			"the blob is said to have ended with its session, which had not ended");
	else if (r->time_ms < b->session->ended_ms)
		early(f, r, at, b->session->ended_ms);
}

int64_t audit_ends_check(struct findings *f, const struct chain_record *r,
	const struct finding_place *at, const struct audit_ends_facts *b)
{
	const struct due_at due = due_of(r, b);
	int64_t late_us;

	check_same(f, r, at, b);
	check_cause(f, r, at, b);
	if (chain_is(r->cause, "consumed"))
		audit_ends_reader(f, r, at, b->to);
	late_us = check_lateness(f, r, at, &due);
	if (r->time_ms < b->stored_ms - 1)
		findings_add(f, "time", at, "this blob is said to have ended before it was stored");
	/* Whatever ended it: after its deadline it was there for too long. */
	if (b->deadline_ms >= 0 && r->time_ms > b->deadline_ms)
		late_us = later(late_us, (r->time_ms - b->deadline_ms) * 1000);
	return late_us;
}

void audit_ends_reader(struct findings *f, const struct chain_record *r,
	const struct finding_place *at, const char *to)
{
	if (r->by.p == NULL)
		findings_add(
			f, "reader", at, "this blob is said to have been read, and not by whom");
	else if (to[0] != '\0' && !audit_names_has(to, r->by))
		findings_add(f, "reader", at,
			"%.*s is said to have read this blob, which was not addressed to it",
			(int)r->by.n, r->by.p);
}

void audit_ends_claim(
	struct findings *f, const struct chain_record *r, const struct finding_place *at)
{
	if (r->lease_ms < 0)
		findings_add(f, "limit", at, "a blob was claimed without an end");
	else if (r->lease_ms - r->time_ms > (int64_t)TG_LEASE_MAX_S * 1000)
		findings_add(f, "limit", at,
			"a claim was given more than the %u s that one may have",
			(unsigned)TG_LEASE_MAX_S);
}
