/* audit_report.c: answers a data protection officer's questions in plain words. It computes nothing
 * but sums and quantiles. Runs in the timeglas command. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "cli/audit_report.h"
#include "cli/output.h"
#include "core/hex.h"
#include "core/time.h"
#include "lib/untrusted.h"

#define FINDINGS_SHOWN 20

static const char *issuer_text(int dk)
{
	return dk < 0 ? "-" : dk ? "Danish" : "other";
}

static char *duration(int64_t us, char out[24])
{
	if (us < 1000)
		snprintf(out, 24, "%" PRId64 " us", us);
	else if (us < 1000000)
		snprintf(out, 24, "%.1f ms", (double)us / 1e3);
	else
		snprintf(out, 24, "%.1f s", (double)us / 1e6);
	return out;
}

static char *key_text(const uint8_t key[CHAIN_KEY], char out[96])
{
	strcpy(out, CHAIN_PUBLIC);
	tg_hex_encode(key, CHAIN_KEY, out + strlen(out));
	return out;
}

static uint64_t ended_of(const struct audit_blobs *l, const struct audit_blobs_row *stored)
{
	uint64_t n = 0;

	for (size_t i = 0; i < l->n_rows; i++)
		if (l->row[i].cause[0] != '\0' && l->row[i].dk == stored->dk &&
			strcmp(l->row[i].kind, stored->kind) == 0)
			n += l->row[i].n;
	return n;
}

/* For people --------------------------------------------------------------- */

static void print_chain(const struct audit_recorder *t)
{
	const struct audit_head *h = audit_chain_head(&t->chain);
	char key[96];

	if (t->all->n > 1)
		printf("%s%s: lines %" PRIu64 " to %" PRIu64 "\n", t->file->path,
			t->n_files > 1 ? " and others" : "", t->chain.first_n, t->chain.last_n);
	if (h != NULL)
		printf("Signed by %s%s\n", key_text(t->chain.seen_key, key),
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
}

static void print_head(const struct audit_report *r)
{
	const struct audit_chains *a = r->all;
	char from[TG_TIME_LEN + 1], to[TG_TIME_LEN + 1];

	printf("Evidence of timeglas: %s%s\n", a->file->path,
		a->n > 1 || a->recorder->n_files > 1 ? " and others" : "");
	if (r->sums.records + r->sums.checks > 0)
		printf("%" PRIu64 " events and %" PRIu64 " signed checkpoints, from %s to %s\n",
			r->sums.records, r->sums.checks, tg_time_format(r->sums.first_ms, from),
			tg_time_format(r->sums.last_ms, to));
	if (a->n > 1)
		printf("%zu chains, each by a recorder of its own\n", a->n);
	printf("\nVERDICT: %s\n",
		a->findings.total == 0 ? "GOOD. Nothing was changed, removed, repeated or moved, "
					 "and every blob that was due has ended." :
					 "NOT GOOD. What is wrong is listed below, with its line.");
	for (size_t i = 0; i < a->n; i++)
		print_chain(&a->recorder[i]);
	if (r->receipt != NULL && r->receipt->event_met)
		printf("The receipt fits: its event is recorded%s.\n",
			r->receipt->head_met ? ", and the head that it quotes is unchanged" : "");
}

static void print_stored(const struct audit_blobs *l)
{
	printf("\nWhat was stored, and whether it has ended\n  %-20s %-7s %10s %10s %10s\n", "kind",
		"issuer", "stored", "ended", "still held");
	for (size_t i = 0; i < l->n_rows; i++) {
		const struct audit_blobs_row *w = &l->row[i];
		uint64_t ended = ended_of(l, w);

		if (w->cause[0] == '\0')
			printf("  %-20s %-7s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 "\n", w->kind,
				issuer_text(w->dk), w->n, ended, w->n - ended);
	}
}

static void print_ends(const struct audit_blobs *l)
{
	char a[24], b[24], c[24];

	printf("\nHow each ended, and how long after its deadline it was erased (where a deadline "
	       "ended it)\n  %-20s %-7s %-16s %10s %10s %10s %10s\n",
		"kind", "issuer", "cause", "blobs", "median", "99.9 %", "worst");
	for (size_t i = 0; i < l->n_rows; i++) {
		const struct audit_blobs_row *w = &l->row[i];

		if (w->cause[0] == '\0')
			continue;
		printf("  %-20s %-7s %-16s %10" PRIu64, w->kind, issuer_text(w->dk), w->cause,
			w->n);
		if (w->late.n > 0)
			printf(" %10s %10s %10s\n",
				duration(audit_lateness_quantile_us(&w->late, 0.5), a),
				duration(audit_lateness_quantile_us(&w->late, 0.999), b),
				duration(w->late.worst_us, c));
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
	if (r->receipt == NULL)
		printf("\nA file that ends early and is whole otherwise is found only with a "
		       "receipt (--receipt) that is younger than the cut.\n");
}

/* For programs ------------------------------------------------------------- */

static json_t *dk_json(int dk)
{
	return dk < 0 ? json_null() : json_boolean(dk);
}

static json_t *late_json(const struct audit_blobs_row *w)
{
	if (w->late.n == 0)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I}", "n", (json_int_t)w->late.n, "median_us",
		(json_int_t)audit_lateness_quantile_us(&w->late, 0.5), "p999_us",
		(json_int_t)audit_lateness_quantile_us(&w->late, 0.999), "worst_us",
		(json_int_t)w->late.worst_us);
}

static void rows_json(const struct audit_blobs *l, json_t *stored, json_t *ends)
{
	for (size_t i = 0; i < l->n_rows; i++) {
		const struct audit_blobs_row *w = &l->row[i];
		json_int_t n = (json_int_t)w->n, ended = (json_int_t)ended_of(l, w);

		if (w->cause[0] == '\0')
			json_array_append_new(stored,
				json_pack("{s:s, s:o, s:I, s:I, s:I}", "kind", w->kind, "dk",
					dk_json(w->dk), "stored", n, "ended", ended, "held",
					n - ended));
		else
			json_array_append_new(ends,
				json_pack("{s:s, s:o, s:s, s:I, s:o}", "kind", w->kind, "dk",
					dk_json(w->dk), "cause", w->cause, "n", n, "late",
					late_json(w)));
	}
}

static json_t *findings_json(const struct findings *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:I, s:s}", "what", f->list[i].what, "file",
				f->list[i].file, "line", (json_int_t)f->list[i].line, "detail",
				f->list[i].detail));
	return list;
}

static json_t *head_json(const struct audit_chain *c)
{
	const struct audit_head *h = audit_chain_head(c);
	char hex[2 * CHAIN_HASH + 1], key[96];

	if (h == NULL)
		return json_null();
	return json_pack("{s:I, s:s, s:s}", "n", (json_int_t)h->n, "hash",
		tg_hex_encode(h->hash, CHAIN_HASH, hex), "key", key_text(c->seen_key, key));
}

static json_t *chains_json(const struct audit_chains *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->n; i++) {
		const struct audit_recorder *t = &a->recorder[i];
		json_t *files = json_array();

		for (size_t k = 0; k < t->n_files; k++)
			json_array_append_new(files, json_string(t->file[k].path));
		json_array_append_new(list,
			json_pack("{s:o, s:I, s:I, s:I, s:o, s:o}", "files", files, "events",
				(json_int_t)t->chain.records, "first_n",
				(json_int_t)t->chain.first_n, "last_n", (json_int_t)t->chain.last_n,
				"head", head_json(&t->chain), "key_from",
				t->key_from != NULL ? json_string(t->key_from) : json_null()));
	}
	return list;
}

static json_t *duplicates_json(const struct audit_duplicates *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->n; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:I, s:s, s:I}", "event", t->list[i].event, "file",
				t->list[i].file, "line", (json_int_t)t->list[i].line, "also_file",
				t->list[i].also, "also_line", (json_int_t)t->list[i].also_line));
	return list;
}

static void blobs_json(json_t *o, const struct audit_report *r)
{
	const struct audit_blobs *l = r->blobs;
	json_t *stored = json_array(), *ends = json_array();

	rows_json(l, stored, ends);
	json_object_set_new(o, "stored", stored);
	json_object_set_new(o, "ends", ends);
	json_object_set_new(o, "aborted", json_integer((json_int_t)l->aborted));
	json_object_set_new(o, "open", json_integer((json_int_t)l->n_open));
	json_object_set_new(o, "overdue", json_integer((json_int_t)r->overdue));
	json_object_set_new(o, "reverted", json_integer((json_int_t)l->reverted));
	json_object_set_new(o, "came_back", json_integer((json_int_t)l->came_back));
	json_object_set_new(o, "second_readers", json_integer((json_int_t)l->second_readers));
	json_object_set_new(o, "not_given", json_integer((json_int_t)l->not_given));
}

json_t *audit_report_json(const struct audit_report *r)
{
	const struct audit_chains *a = r->all;
	const struct audit_sums *s = &r->sums;
	json_t *o = json_pack("{s:b, s:I, s:I, s:I, s:I, s:o}", "good", a->findings.total == 0,
		"lines", (json_int_t)s->lines, "events", (json_int_t)s->records, "checkpoints",
		(json_int_t)s->checks, "unsigned_lines", (json_int_t)s->unsigned_lines, "chains",
		chains_json(a));

	if (o == NULL)
		return NULL;
	if (s->first_ms > 0) {
		json_object_set_new(o, "first_time", output_time(s->first_ms));
		json_object_set_new(o, "last_time", output_time(s->last_ms));
	}
	blobs_json(o, r);
	json_object_set_new(
		o, "also_recorded_total", json_integer((json_int_t)a->duplicates.total));
	json_object_set_new(o, "also_recorded", duplicates_json(&a->duplicates));
	json_object_set_new(o, "in_doubt", json_integer((json_int_t)a->doubtful));
	if (r->receipt != NULL)
		json_object_set_new(o, "receipt",
			json_pack("{s:b, s:b}", "event", r->receipt->event_met, "head",
				r->receipt->head_met));
	json_object_set_new(o, "findings_total", json_integer((json_int_t)a->findings.total));
	json_object_set_new(o, "findings", findings_json(&a->findings));
	return o;
}
