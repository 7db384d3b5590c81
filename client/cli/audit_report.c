/* audit_report.c: answers a data protection officer's questions in plain words. It computes nothing
 * but sums and quantiles. Runs in the timeglas command. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "cli/audit_report.h"
#include "cli/audit_summary.h"
#include "cli/audit_words.h"
#include "cli/output.h"
#include "core/time.h"
#include "lib/untrusted.h"

#define FINDINGS_SHOWN 20

/* A file's name may hold anything. */
static void print_path(const char *path)
{
	char clean[4096];

	untrusted_copy(clean, sizeof clean, path);
	printf("%s", clean);
}

static void print_chain(const struct audit_recorder *t)
{
	const struct audit_head *h = audit_chain_head(&t->chain);
	char key[AUDIT_WORDS_KEY], named[AUDIT_WORDS_LOG_KEY] = "";

	if (t->all->n > 1) {
		print_path(t->file->path);
		printf("%s: lines %" PRIu64 " to %" PRIu64 "\n",
			t->n_files > 1 ? " and others" : "", t->chain.first_n, t->chain.last_n);
	}
	if (h != NULL)
		printf("Signed by %s%s\n", audit_words_key(t->chain.seen_key, key),
			t->key_from == NULL ? "\n  Nobody said which key it must be. Compare this "
					      "one with the operator's, or give it with --key." :
					      "");
	if (h != NULL)
		audit_words_log_key(t->chain.tree.origin, t->chain.seen_key, named);
	if (named[0] != '\0')
		printf("  for witnesses and policies: %s\n", named);
	if (t->key_from != NULL && strcmp(t->key_from, "given") != 0) {
		printf("  as ");
		print_path(t->key_from);
		printf(" says, which lies beside the evidence: whoever can change one can change "
		       "both. Better give --key.\n");
	}
	if (t->chain.tree.unknown > 0)
		printf("The tree was not checked at %" PRIu64
		       " checkpoints up to line number %" PRIu64
		       ", because lines before them are missing: give their files, or the log's "
		       "folder of tiles (--tiles).\n",
			t->chain.tree.unknown, t->chain.last_n);
}

static void print_head(const struct audit_report *r)
{
	const struct audit_chains *a = r->all;
	struct audit_summary said;
	char from[TG_TIME_LEN + 1], to[TG_TIME_LEN + 1];

	printf("Evidence of timeglas: ");
	print_path(a->file->path);
	printf("%s\n", a->n > 1 || a->recorder->n_files > 1 ? " and others" : "");
	if (r->sums.records + r->sums.checks > 0)
		printf("%" PRIu64 " events and %" PRIu64 " signed checkpoints, from %s to %s\n",
			r->sums.records, r->sums.checks, tg_time_format(r->sums.first_ms, from),
			tg_time_format(r->sums.last_ms, to));
	if (a->n > 1)
		printf("%zu chains, each by a recorder of its own\n", a->n);
	audit_summary_make(r, &said);
	printf("\nVERDICT: %s. %s\n", said.verdict, said.sentence);
	for (size_t i = 0; i < said.n; i++)
		printf("  %s\n", said.answer[i]);
	for (size_t i = 0; i < a->n; i++)
		print_chain(&a->recorder[i]);
	if (r->receipts != NULL && audit_receipts_event_met(r->receipts))
		printf("The receipt fits: its event is recorded%s.\n",
			audit_receipts_head_met(r->receipts) ?
				", and the head that it quotes is unchanged" :
				"");
	if (r->kept != NULL && r->kept->line_met && r->kept->root_met)
		printf("The proof fits: everything up to line number %" PRIu64
		       " is what was signed when it was given.\n",
			r->kept->proof->receipt.head.checkpoint.size);
	if (r->kept != NULL)
		audit_proof_ahead_text(r->kept->proof);
	audit_witnesses_text(r->asked);
}

/* A kind's longest time against its limit; "-" where none has ended yet. */
static void print_held(const struct audit_row *w)
{
	char held[AUDIT_WORDS_HELD] = "-", limit[AUDIT_WORDS_DURATION];

	if (w->held.n > 0)
		audit_words_held(w->held.worst_us, w->limit_ms * 1000, held);
	printf(" %14s %8s\n", held, audit_words_duration(w->limit_ms * 1000, limit));
}

static void print_stored(const struct audit_blobs *l)
{
	printf("\nWhat was stored, whether it has ended, and the longest that one was held, next "
	       "to its limit\n  %-20s %-7s %10s %10s %10s %14s %8s\n",
		"kind", "issuer", "stored", "ended", "still held", "longest held", "limit");
	for (size_t i = 0; i < l->rows.n; i++) {
		const struct audit_row *w = &l->rows.row[i];
		uint64_t ended = audit_rows_ended(&l->rows, w);

		if (w->cause[0] != '\0')
			continue;
		printf("  %-20s %-7s %10" PRIu64 " %10" PRIu64 " %10" PRIu64, w->kind,
			audit_words_issuer(w->dk), w->n, ended, w->n - ended);
		print_held(w);
	}
}

/* Median, 99.9 % and worst. */
static void print_late(const struct audit_lateness *l)
{
	char a[AUDIT_WORDS_DURATION], b[AUDIT_WORDS_DURATION], c[AUDIT_WORDS_DURATION];

	if (l->n > 0)
		printf(" %10s %10s %10s\n",
			audit_words_duration(audit_lateness_quantile_us(l, 0.5), a),
			audit_words_duration(audit_lateness_quantile_us(l, 0.999), b),
			audit_words_duration(l->worst_us, c));
	else
		printf(" %10s %10s %10s\n", "-", "-", "-");
}

/* What the causes of the table above mean, each once. */
static void print_causes(const struct audit_rows *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const char *cause = l->row[i].cause, *what = audit_words_cause(cause);
		size_t k = 0;

		while (k < i && strcmp(l->row[k].cause, cause) != 0)
			k++;
		if (k == i && cause[0] != '\0' && what[0] != '\0')
			printf("    %s: %s\n", cause, what);
	}
}

static void print_outcomes(const struct audit_tally *t)
{
	if (t->n == 0)
		return;
	printf("\nWhat readers said of what they had read\n");
	for (size_t i = 0; i < t->n; i++) {
		bool silent = t->list[i].word[0] == '\0';
		const char *what = audit_words_outcome(t->list[i].word);

		printf("  %-20s %10" PRIu64 "  %s\n", silent ? "(nothing)" : t->list[i].word,
			t->list[i].n, silent ? "it was taken at once, without a word after" : what);
	}
}

static void print_attempts(const struct audit_attempts *a)
{
	char first[TG_TIME_LEN + 1], last[TG_TIME_LEN + 1];

	if (a->total == 0)
		return;
	printf("\nReads that were refused (audit show --attempts lists them by blob)\n"
	       "  %-20s %-18s %10s  %-24s  %s\n",
		"peer", "reason", "attempts", "first", "last");
	for (size_t i = 0; i < a->n; i++)
		printf("  %-20s %-18s %10" PRIu64 "  %-24s  %s\n", a->row[i].by, a->row[i].reason,
			a->row[i].count, tg_time_format(a->row[i].first_ms, first),
			tg_time_format(a->row[i].last_ms, last));
}

/* What the table of ends does not show. */
static void print_other_ends(const struct audit_blobs *l)
{
	if (l->aborted > 0)
		printf("  %" PRIu64
		       " uploads were broken off before anybody could see them, and erased\n",
			l->aborted);
	if (l->no_begin > 0 && l->gaps)
		printf("  %" PRIu64 " ends belong to blobs stored before these files begin, or in "
		       "files that were not given\n",
			l->no_begin);
	if (l->came_back > 0)
		printf("  %" PRIu64
		       " ends belong to blobs that came back when the store was failed over\n",
			l->came_back);
	if (l->reverted > 0)
		printf("  The store went back %" PRIu64
		       " times (a failover to a replica that was behind). Ends in the last moments "
		       "before, which were not recorded yet, are not\n"
		       "  known: what they ended may have been read once more, and nothing here "
		       "can tell.\n",
			l->reverted);
}

static void print_ends(const struct audit_blobs *l)
{
	printf("\nHow each ended, and how long after its deadline it was erased (where it had "
	       "reached one)\n  %-20s %-7s %-16s %10s %10s %10s %10s\n",
		"kind", "issuer", "cause", "blobs", "median", "99.9 %", "longest");
	for (size_t i = 0; i < l->rows.n; i++) {
		const struct audit_row *w = &l->rows.row[i];

		if (w->cause[0] == '\0')
			continue;
		printf("  %-20s %-7s %-16s %10" PRIu64, w->kind, audit_words_issuer(w->dk),
			w->cause, w->n);
		print_late(&w->late);
	}
	print_causes(&l->rows);
	print_other_ends(l);
	print_outcomes(&l->outcomes);
}

/* Prints what is to be said about handovers between recorders, if anything. */
static void print_handovers(const struct audit_report *r)
{
	const struct audit_duplicates *t = &r->all->duplicates;

	if (r->blobs->not_given > 0)
		printf("\n%" PRIu64 " blobs were held when another recorder wrote on, whose files "
		       "were not given: give them, too, or their ends are not known\n",
			r->blobs->not_given);
	if (r->all->doubtful > 0)
		printf("\n%" PRIu64 " events may also be recorded by a recorder whose files were "
		       "not given: it died, or was stopped, in that moment\n",
			r->all->doubtful);
	if (t->total == 0)
		return;
	printf("\nRecorded by two recorders, because the first died before it could say so; each "
	       "counts once\n");
	for (size_t i = 0; i < t->n && i < FINDINGS_SHOWN; i++)
		printf("  %s: %s, line %" PRIu64 "; also recorded by %s, line %" PRIu64 "\n",
			t->list[i].event, t->list[i].file, t->list[i].line, t->list[i].also,
			t->list[i].also_line);
	if (t->total > FINDINGS_SHOWN)
		printf("  and %" PRIu64 " more\n", t->total - FINDINGS_SHOWN);
}

static void print_findings(const struct findings *f)
{
	if (f->total == 0)
		return;
	printf("\nWhat is wrong\n");
	for (size_t i = 0; i < f->n && i < FINDINGS_SHOWN; i++) {
		const struct finding *x = &f->list[i];

		if (x->line > 0)
			printf("  %s, line %" PRIu64 " (%s): %s\n", x->file, x->line, x->what,
				x->detail);
		else
			printf("  (%s): %s\n", x->what, x->detail);
	}
	if (f->total > FINDINGS_SHOWN)
		printf("  and %" PRIu64 " more\n", f->total - FINDINGS_SHOWN);
	printf("  %s\n", audit_words_advice());
}

void audit_report_text(const struct audit_report *r)
{
	const struct audit_blobs *l = r->blobs;

	print_head(r);
	if (l->rows.n > 0) {
		print_stored(l);
		print_ends(l);
	}
	print_attempts(r->attempts);
	print_handovers(r);
	print_findings(&r->all->findings);
	if (r->receipts == NULL && r->kept == NULL && r->asked->n == 0)
		printf("\nA file that ends early and is whole otherwise is found only with a "
		       "receipt (--receipt) that is younger than the cut, or by asking a "
		       "witness (--witness).\n");
}
