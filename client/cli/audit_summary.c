/* audit_summary.c: sentences that a person who is no engineer can use. What is not good is never
 * left out of them. Runs in the timeglas command. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "cli/audit_summary.h"
#include "cli/audit_words.h"
#include "core/time.h"

static void add(struct audit_summary *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct audit_summary *s, const char *fmt, ...)
{
	va_list ap;

	if (s->n == AUDIT_SUMMARY_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(s->answer[s->n++], AUDIT_SUMMARY_CHARS, fmt, ap);
	va_end(ap);
}

static const char *plural(uint64_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

/* A chain whose next file was not given; NULL: none. */
static const struct audit_recorder *goes_on(const struct audit_report *r)
{
	for (size_t i = 0; i < r->all->n; i++)
		if (r->all->recorder[i].chain.goes_on)
			return &r->all->recorder[i];
	return NULL;
}

/* The first line, which must not sound better than the evidence is. */
static void make_verdict(const struct audit_report *r, struct audit_summary *s)
{
	static const char *const sentences[] = {
		[AUDIT_GOOD] = "Nothing was changed, removed, repeated or moved, no record "
			       "contradicts another, and every blob that was due has ended.",
		[AUDIT_UNPINNED] = "Nothing contradicts itself, but nobody said which key must "
				   "have signed: anybody could have written this. Give --key.",
		[AUDIT_BAD] = "What is wrong is listed below, with its line.",
	};
	static const char in_part[] = "In what was given nothing was changed, removed, repeated or "
				      "moved, and no record contradicts another.";
	uint64_t lost = r->blobs->store_lost, late = r->blobs->too_late;
	size_t n;

	snprintf(s->verdict, sizeof s->verdict, "%s", audit_verdict_word(r->verdict));
	n = strlen(s->verdict);
	if (r->all->gaps > 0 || r->sums.first_n > 1 || goes_on(r) != NULL)
		n += (size_t)snprintf(s->verdict + n, sizeof s->verdict - n,
			", of a part: not all lines were given");
	if (lost > 0)
		n += (size_t)snprintf(s->verdict + n, sizeof s->verdict - n,
			", but %" PRIu64 " %s lost with the memory that held %s", lost,
			plural(lost, "blob was", "blobs were"), plural(lost, "it", "them"));
	if (late > 0)
		snprintf(s->verdict + n, sizeof s->verdict - n,
			", but %" PRIu64 " %s erased more than 5 s late", late,
			plural(late, "blob was", "blobs were"));
	snprintf(s->sentence, sizeof s->sentence, "%s",
		r->verdict == AUDIT_GOOD && r->blobs->not_given > 0 ? in_part :
								      sentences[r->verdict]);
}

static void add_erased(const struct audit_report *r, struct audit_summary *s)
{
	const struct audit_blobs *b = r->blobs;

	if (b->stored == 0)
		add(s, "No blob was stored in the time that this evidence is about.");
	else if (r->overdue > 0)
		add(s,
			"NOT all was erased in time: %" PRIu64 " of %" PRIu64
			" %s should have been "
			"erased, and the evidence does not say that %s.",
			r->overdue, b->stored, plural(b->stored, "blob", "blobs"),
			plural(r->overdue, "it was", "they were"));
	else if (b->not_given > 0)
		add(s,
			"Of %" PRIu64 " %s stored, %" PRIu64 " %s ended and %zu %s still held; the "
			"ends of %" PRIu64 " stand in files that were not given.",
			b->stored, plural(b->stored, "blob", "blobs"), b->ended,
			plural(b->ended, "has", "have"), b->open.n, plural(b->open.n, "is", "are"),
			b->not_given);
	else
		add(s,
			"Of %" PRIu64 " %s stored, %" PRIu64
			" %s ended and %zu %s still held; none "
			"that was due is missing its end.",
			b->stored, plural(b->stored, "blob", "blobs"), b->ended,
			plural(b->ended, "has", "have"), b->open.n, plural(b->open.n, "is", "are"));
}

static void add_delay(const struct audit_blobs *b, struct audit_summary *s)
{
	char worst[AUDIT_WORDS_DURATION], most[AUDIT_WORDS_DURATION];

	if (b->too_late > 0)
		add(s,
			"NOT all was erased in time: %" PRIu64
			" %s erased more than 5 s after the deadline.",
			b->too_late, plural(b->too_late, "blob was", "blobs were"));

	if (b->late.n == 0) {
		add(s, "No blob that has ended had reached its deadline.");
		return;
	}
	add(s,
		"The longest delay between a deadline and the erasure was %s; of the %" PRIu64
		" %s that reached a deadline, 99.9 %% were erased within %s.",
		audit_words_duration(b->late.worst_us, worst), b->late.n,
		plural(b->late.n, "blob", "blobs"),
		audit_words_duration(audit_lateness_quantile_us(&b->late, 0.999), most));
}

static void add_losses(const struct audit_blobs *b, struct audit_summary *s)
{
	const uint64_t lost = b->store_lost, reverted = b->forgotten;

	if (lost > 0)
		add(s,
			"%" PRIu64
			" %s lost with the memory that held %s (the store stopped or came "
			"back empty): no rule erased %s, and nobody can read %s any more.",
			lost, plural(lost, "blob was", "blobs were"), plural(lost, "it", "them"),
			plural(lost, "it", "them"), plural(lost, "it", "them"));
	if (reverted > 0)
		add(s, "%" PRIu64 " %s forgotten by the store in a failover.", reverted,
			plural(reverted, "blob was", "blobs were"));
	if (b->second_readers > 0)
		add(s, "%" PRIu64 " %s a blob was read by more than its one reader.",
			b->second_readers, plural(b->second_readers, "time", "times"));
}

static void add_attempts(const struct audit_attempts *a, struct audit_summary *s)
{
	size_t peers = audit_attempts_peers(a);

	if (a->total == 0)
		add(s, "No read was refused, as far as this evidence tells.");
	else
		add(s, "%" PRIu64 " %s to read %s refused, by %zu %s; they are listed below.",
			a->total, plural(a->total, "attempt", "attempts"),
			plural(a->total, "was", "were"), peers, plural(peers, "peer", "peers"));
}

/* A chain that begins late. Nothing in it tells whether the server deleted what was before, as it
 * was told to, or somebody took it away; the operator's setting does. */
static void add_begin(const struct audit_report *r, struct audit_summary *s)
{
	char since[TG_TIME_LEN + 1], age[AUDIT_WORDS_DURATION];

	if (r->sums.first_n <= 1)
		return;
	add(s,
		"Lines before number %" PRIu64 " (%s) are not given. That is %s before the last "
		"line: a server deletes such files itself once they are older than its "
		"audit_keep_days. If that is more, a file was taken away: ask for it.",
		r->sums.first_n, tg_time_format(r->sums.first_ms, since),
		audit_words_duration((r->sums.last_ms - r->sums.first_ms) * 1000, age));
}

/* The newest file was not given, as the last line of those that were shows. */
static void add_end(const struct audit_report *r, struct audit_summary *s)
{
	const struct audit_recorder *t = goes_on(r);

	if (t != NULL)
		add(s,
			"The log goes on behind line number %" PRIu64
			", where a file was full or a day old: the file that follows is not given. "
			"Ask for it; the one that is being written has no number in its name.",
			t->chain.last_n);
}

void audit_summary_make(const struct audit_report *r, struct audit_summary *out)
{
	memset(out, 0, sizeof *out);
	make_verdict(r, out);
	add_erased(r, out);
	add_delay(r->blobs, out);
	add_losses(r->blobs, out);
	add_attempts(r->attempts, out);
	add_begin(r, out);
	add_end(r, out);
}
