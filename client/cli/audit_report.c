/* audit_report.c: answers a data protection officer's questions in plain words. It computes nothing
 * but sums and quantiles. Runs in the timeglas command. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "cli/audit_report.h"
#include "cli/audit_words.h"
#include "cli/output.h"
#include "core/time.h"
#include "lib/untrusted.h"

#define FINDINGS_SHOWN 20

static void print_chain(const struct audit_recorder *t)
{
	const struct audit_head *h = audit_chain_head(&t->chain);
	char key[AUDIT_WORDS_KEY];

	if (t->all->n > 1)
		printf("%s%s: lines %" PRIu64 " to %" PRIu64 "\n", t->file->path,
			t->n_files > 1 ? " and others" : "", t->chain.first_n, t->chain.last_n);
	if (h != NULL)
		printf("Signed by %s%s\n", audit_words_key(t->chain.seen_key, key),
			t->key_from == NULL ? "\n  Nobody said which key it must be. Compare this "
					      "one with the operator's, or give it with --key." :
					      "");
	if (t->key_from != NULL && strcmp(t->key_from, "given") != 0)
		printf("  as %s says, which lies beside the evidence: whoever can change one can "
		       "change both. Better give --key.\n",
			t->key_from);
	if (t->chain.first_n > 1)
		printf("The chain begins at line number %" PRIu64
		       "; what came before stands in earlier files.\n",
			t->chain.first_n);
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
	static const char *const sentence[] = {
		[AUDIT_GOOD] = "Nothing was changed, removed, repeated or moved, and every blob "
			       "that was due has ended.",
		[AUDIT_UNPINNED] = "Nothing contradicts itself, but nobody said which key must "
				   "have signed: anybody could have written this. Give --key.",
		[AUDIT_BAD] = "What is wrong is listed below, with its line.",
	};
	char from[TG_TIME_LEN + 1], to[TG_TIME_LEN + 1];

	printf("Evidence of timeglas: %s%s\n", a->file->path,
		a->n > 1 || a->recorder->n_files > 1 ? " and others" : "");
	if (r->sums.records + r->sums.checks > 0)
		printf("%" PRIu64 " events and %" PRIu64 " signed checkpoints, from %s to %s\n",
			r->sums.records, r->sums.checks, tg_time_format(r->sums.first_ms, from),
			tg_time_format(r->sums.last_ms, to));
	if (a->n > 1)
		printf("%zu chains, each by a recorder of its own\n", a->n);
	printf("\nVERDICT: %s. %s\n", audit_verdict_word(r->verdict), sentence[r->verdict]);
	for (size_t i = 0; i < a->n; i++)
		print_chain(&a->recorder[i]);
	if (r->receipt != NULL && r->receipt->event_met)
		printf("The receipt fits: its event is recorded%s.\n",
			r->receipt->head_met ? ", and the head that it quotes is unchanged" : "");
	if (r->kept != NULL && r->kept->line_met && r->kept->root_met)
		printf("The proof fits: everything up to line number %" PRIu64
		       " is what was signed when it was given.\n",
			r->kept->proof->receipt.head.checkpoint.size);
}

static void print_stored(const struct audit_blobs *l)
{
	printf("\nWhat was stored, and whether it has ended\n  %-20s %-7s %10s %10s %10s\n", "kind",
		"issuer", "stored", "ended", "still held");
	for (size_t i = 0; i < l->n_rows; i++) {
		const struct audit_blobs_row *w = &l->row[i];
		uint64_t ended = audit_blobs_ended(l, w);

		if (w->cause[0] == '\0')
			printf("  %-20s %-7s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 "\n", w->kind,
				audit_words_issuer(w->dk), w->n, ended, w->n - ended);
	}
}

static void print_ends(const struct audit_blobs *l)
{
	char a[AUDIT_WORDS_DURATION], b[AUDIT_WORDS_DURATION], c[AUDIT_WORDS_DURATION];

	printf("\nHow each ended, and how long after its deadline it was erased (where a deadline "
	       "ended it)\n  %-20s %-7s %-16s %10s %10s %10s %10s\n",
		"kind", "issuer", "cause", "blobs", "median", "99.9 %", "worst");
	for (size_t i = 0; i < l->n_rows; i++) {
		const struct audit_blobs_row *w = &l->row[i];

		if (w->cause[0] == '\0')
			continue;
		printf("  %-20s %-7s %-16s %10" PRIu64, w->kind, audit_words_issuer(w->dk),
			w->cause, w->n);
		if (w->late.n > 0)
			printf(" %10s %10s %10s\n",
				audit_words_duration(audit_lateness_quantile_us(&w->late, 0.5), a),
				audit_words_duration(
					audit_lateness_quantile_us(&w->late, 0.999), b),
				audit_words_duration(w->late.worst_us, c));
		else
			printf(" %10s %10s %10s\n", "-", "-", "-");
	}
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
	if (l->second_readers > 0)
		printf("  %" PRIu64 " times a blob was read after it had had its one reader\n",
			l->second_readers);
	if (l->reverted > 0)
		printf("  The store went back %" PRIu64
		       " times (a failover to a replica that was behind). Ends in the last moments "
		       "before, which were not recorded yet, are not\n"
		       "  known: what they ended may have been read once more, and nothing here "
		       "can tell.\n",
			l->reverted);
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
	char detail[256];

	if (f->total == 0)
		return;
	printf("\nWhat is wrong\n");
	for (size_t i = 0; i < f->n && i < FINDINGS_SHOWN; i++) {
		const struct finding *x = &f->list[i];

		untrusted_copy(detail, sizeof detail, x->detail);
		if (x->line > 0)
			printf("  %s, line %" PRIu64 " (%s): %s\n", x->file, x->line, x->what,
				detail);
		else
			printf("  (%s): %s\n", x->what, detail);
	}
	if (f->total > FINDINGS_SHOWN)
		printf("  and %" PRIu64 " more\n", f->total - FINDINGS_SHOWN);
}

void audit_report_text(const struct audit_report *r)
{
	const struct audit_blobs *l = r->blobs;

	print_head(r);
	if (l->n_rows > 0) {
		print_stored(l);
		print_ends(l);
	}
	printf("\n%zu %s still held", l->n_open, l->n_open == 1 ? "blob is" : "blobs are");
	printf(r->overdue > 0 ? "; %" PRIu64 " of them should have ended\n" :
				", none past its deadline\n",
		r->overdue);
	print_handovers(r);
	print_findings(&r->all->findings);
	if (r->receipt == NULL && r->kept == NULL)
		printf("\nA file that ends early and is whole otherwise is found only with a "
		       "receipt (--receipt) that is younger than the cut.\n");
}
