/* audit_html_tables.c: tables, each with what its words mean. Runs in the timeglas command. */
#include <inttypes.h>
#include <string.h>
#include "cli/audit_html_tables.h"
#include "cli/audit_markup.h"
#include "cli/audit_words.h"
#include "core/time.h"
#include "timeglas/timeglas.h"

#define FINDINGS_SHOWN 200

static void cell(FILE *f, const char *text)
{
	audit_markup_element(f, "td", NULL, text);
}

static void duration_cell(FILE *f, int64_t us, bool any)
{
	char text[AUDIT_WORDS_DURATION];

	audit_markup_element(f, "td", "n", any ? audit_words_duration(us, text) : "-");
}

static void kind_cell(FILE *f, const struct audit_row *w)
{
	char text[64];

	snprintf(text, sizeof text, "%s%s", w->kind,
		w->dk < 0          ? "" :
			w->dk == 1 ? " (Danish)" :
				     " (other countries)");
	cell(f, text);
}

void audit_html_kinds(FILE *f, const struct audit_blobs *b)
{
	static const char *const heads[] = {"Kind", "#Stored", "#Ended", "#Still held",
		"#Typical (median)", "#Longest held", "#Limit", NULL};
	char held[AUDIT_WORDS_HELD];

	fputs("<section><h2>What was stored?</h2>\n", f);
	audit_markup_table(f, NULL, heads);
	for (size_t i = 0; i < b->rows.n; i++) {
		const struct audit_row *w = &b->rows.row[i];
		uint64_t ended = audit_rows_ended(&b->rows, w);

		if (w->cause[0] != '\0')
			continue;
		fputs("<tr>", f);
		kind_cell(f, w);
		audit_markup_number(f, w->n);
		audit_markup_number(f, ended);
		audit_markup_number(f, w->n - ended);
		duration_cell(f, audit_lateness_quantile_us(&w->held, 0.5), w->held.n > 0);
		audit_markup_element(f, "td", "n",
			w->held.n > 0 ?
				audit_words_held(w->held.worst_us, w->limit_ms * 1000, held) :
				"-");
		duration_cell(f, w->limit_ms * 1000, true);
		fputs("</tr>\n", f);
	}
	audit_markup_table_end(f);
	fputs("</section>\n", f);
}

static void outcomes(FILE *f, const struct audit_tally *t)
{
	static const char *const heads[] = {"Said", "Meaning", "#Blobs", NULL};

	if (t->n == 0)
		return;
	fputs("<section class=\"keep\"><h2>What did readers say of what they had read?</h2>\n", f);
	audit_markup_table(f, NULL, heads);
	for (size_t i = 0; i < t->n; i++) {
		bool silent = t->list[i].word[0] == '\0';

		fputs("<tr>", f);
		cell(f, silent ? "(nothing)" : t->list[i].word);
		cell(f,
			silent ? "it was taken at once, without a word after" :
				 audit_words_outcome(t->list[i].word));
		audit_markup_number(f, t->list[i].n);
		fputs("</tr>\n", f);
	}
	audit_markup_table_end(f);
	fputs("</section>\n", f);
}

void audit_html_ends(FILE *f, const struct audit_blobs *b)
{
	static const char *const heads[] = {
		"Kind", "Ended as", "Meaning", "#Blobs", "#Longest delay", NULL};

	fputs("<section><h2>How did they end?</h2>\n", f);
	audit_markup_table(f, NULL, heads);
	for (size_t i = 0; i < b->rows.n; i++) {
		const struct audit_row *w = &b->rows.row[i];

		if (w->cause[0] == '\0')
			continue;
		fputs("<tr>", f);
		kind_cell(f, w);
		cell(f, w->cause);
		cell(f, audit_words_cause(w->cause));
		audit_markup_number(f, w->n);
		duration_cell(f, w->late.worst_us, w->late.n > 0);
		fputs("</tr>\n", f);
	}
	audit_markup_table_end(f);
	fputs("</section>\n", f);
	outcomes(f, &b->outcomes);
}

void audit_html_attempts(FILE *f, const struct audit_attempts *a)
{
	static const char *const heads[] = {
		"Peer", "Reason", "Meaning", "#Attempts", "First", "Last", NULL};
	char time[AUDIT_WORDS_DURATION];

	fputs("<section><h2>Who was refused?</h2>\n", f);
	if (a->total == 0) {
		fputs("<p>No attempt to read was refused.</p></section>\n", f);
		return;
	}
	audit_markup_table(f, NULL, heads);
	for (size_t i = 0; i < a->n; i++) {
		fputs("<tr>", f);
		cell(f, a->row[i].by);
		cell(f, a->row[i].reason);
		cell(f, audit_attempts_meaning(a->row[i].reason));
		audit_markup_number(f, a->row[i].count);
		cell(f, audit_words_minute(a->row[i].first_ms, time));
		cell(f, audit_words_minute(a->row[i].last_ms, time));
		fputs("</tr>\n", f);
	}
	audit_markup_table_end(f);
	fputs("</section>\n", f);
}

void audit_html_findings(FILE *f, const struct findings *list)
{
	static const char *const heads[] = {"File", "#Line", "Kind", "What is wrong", NULL};

	if (list->total == 0)
		return;
	fputs("<section><h2>What is wrong</h2>\n", f);
	audit_markup_table(f, NULL, heads);
	for (size_t i = 0; i < list->n && i < FINDINGS_SHOWN; i++) {
		fputs("<tr>", f);
		audit_markup_element(f, "td", "path", list->list[i].file);
		if (list->list[i].line > 0)
			audit_markup_number(f, list->list[i].line);
		else
			audit_markup_element(f, "td", "n", "-");
		cell(f, list->list[i].what);
		cell(f, list->list[i].detail);
		fputs("</tr>\n", f);
	}
	audit_markup_table_end(f);
	if (list->total > FINDINGS_SHOWN)
		fprintf(f, "<p>and %" PRIu64 " more</p>\n", list->total - FINDINGS_SHOWN);
	audit_markup_element(f, "p", NULL, audit_words_advice());
	fputs("</section>\n", f);
}

static void source(FILE *f, const struct audit_recorder *t)
{
	const struct audit_head *h = audit_chain_head(&t->chain);
	char key[AUDIT_WORDS_KEY];

	fputs("<tr><td class=\"path\">", f);
	for (size_t i = 0; i < t->n_files; i++) {
		audit_markup_text(f, t->file[i].path);
		fputs(i + 1 < t->n_files ? "<br>" : "</td>", f);
	}
	audit_markup_number(f, t->chain.first_n);
	audit_markup_number(f, t->chain.last_n);
	fputs("<td><code>", f);
	audit_markup_text(f, h != NULL ? audit_words_key(t->chain.seen_key, key) : "nobody");
	fputs("</code>", f);
	if (t->key_from == NULL || strcmp(t->key_from, "given") != 0)
		fputs("<br>nobody said that it must be this key", f);
	fputs("</td></tr>\n", f);
}

void audit_html_sources(FILE *f, const struct audit_report *r)
{
	static const char *const heads[] = {
		"Files", "#First line", "#Last line", "Signed by the key", NULL};
	char events[32], checks[32], said[AUDIT_WITNESS_CHARS];

	fputs("<section><h2>What was checked?</h2>\n", f);
	fprintf(f,
		"<p>%s events and %s signed checkpoints, by timeglas " TG_VERSION
		". Each record was compared "
		"with those before it, and each signature was checked.</p>\n",
		audit_markup_thousands(r->sums.records, events),
		audit_markup_thousands(r->sums.checks, checks));
	audit_markup_table(f, NULL, heads);
	for (size_t i = 0; i < r->all->n; i++)
		source(f, &r->all->recorder[i]);
	audit_markup_table_end(f);
	if (r->receipts != NULL)
		audit_markup_element(f, "p", NULL,
			audit_receipts_event_met(r->receipts) ?
				"The receipt that was given fits: its event is recorded as it "
				"says." :
				"The receipt that was given does NOT fit.");
	for (size_t i = 0; i < r->asked->n; i++)
		audit_markup_element(f, "p", NULL, audit_witness_says(&r->asked->list[i], said));
	fputs("</section>\n", f);
}
