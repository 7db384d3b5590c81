/*
 * audit_html.c: what the page says, in the order in which a reader asks: the verdict, three
 * answers, what is wrong, then the tables and drawings, and last what was read. No script, and
 * nothing is loaded from anywhere; a policy in the page forbids both. All text passes
 * audit_markup.h. Runs in the timeglas command.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "cli/audit_html.h"
#include "cli/audit_html_tables.h"
#include "cli/audit_markup.h"
#include "cli/audit_plots.h"
#include "cli/audit_summary.h"
#include "cli/audit_words.h"
#include "cli/output.h"
#include "lib/spool.h"

#define NAMES_SHOWN 4

static const char style[] =
	"body{font:16px/1.5 system-ui,'DejaVu Sans',sans-serif;color:#1c2430;background:#fff;"
	"margin:0 auto;padding:1.5rem;max-width:54rem}"
	"h1{font-size:1.6rem;margin:0 0 .3rem}h2{font-size:1.15rem;margin:2rem 0 .4rem}"
	".verdict{font-size:1.25rem;font-weight:700;padding:.7rem 1rem;border-left:.5rem solid;"
	"margin:1rem 0 .5rem}"
	".verdict.good{background:#e4f3e8;border-color:#1d7a3a}"
	".verdict.unpinned{background:#fdf1d3;border-color:#a86b00}"
	".verdict.bad{background:#fbe3e1;border-color:#b3261e}"
	"dl.answers{display:grid;grid-template-columns:repeat(3,1fr);gap:.8rem;margin:1rem 0}"
	"dl.answers div{border:1px solid #c6ccd6;border-radius:.4rem;padding:.6rem .8rem}"
	"dl.answers dt{color:#4a5568;font-size:.9rem}"
	"dl.answers dd{margin:0;font-size:1.3rem;font-weight:700;overflow-wrap:anywhere}"
	"dl.answers dd small{display:block;font-size:.85rem;font-weight:400;color:#4a5568}"
	"table{border-collapse:collapse;width:100%;margin:.5rem 0;font-size:.92rem}"
	"caption{text-align:left;color:#4a5568;padding-bottom:.2rem}"
	"th,td{text-align:left;padding:.3rem .5rem;border-bottom:1px solid #dde2ea;"
	"vertical-align:top}td{overflow-wrap:break-word}"
	"th{border-bottom:2px solid #8a94a6}.n{text-align:right;white-space:nowrap}"
	"td:first-child{min-width:6.5rem}.path{word-break:break-all}"
	"svg{width:100%;height:auto;margin:.4rem 0}svg text{font-size:13px;fill:#1c2430}"
	".track{fill:#eceff4}.good{fill:#1d7a3a}.warn{fill:#d18b00}.bad{fill:#b3261e}"
	".held{fill:#2f6db5}.mark{fill:#1c2430}.axis{fill:#8a94a6}"
	".note,footer{color:#4a5568;font-size:.9rem}code{overflow-wrap:anywhere}"
	"@media(max-width:40rem){dl.answers{grid-template-columns:1fr}}"
	"@media print{@page{margin:15mm}body{padding:0;font-size:10.5pt;max-width:none}"
	"h2{break-after:avoid}section.keep,tr,svg,dl.answers div{break-inside:avoid}"
	"*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}";

static const char *const class_of[] = {
	[AUDIT_GOOD] = "good", [AUDIT_UNPINNED] = "unpinned", [AUDIT_BAD] = "bad"};

/* The three questions that everybody asks ------------------------------------ */

static void answer(FILE *f, const char *question, const char *short_answer, const char *more)
{
	fputs("<div>", f);
	audit_markup_element(f, "dt", NULL, question);
	fputs("<dd>", f);
	audit_markup_text(f, short_answer);
	audit_markup_element(f, "small", NULL, more);
	fputs("</dd></div>\n", f);
}

static void answer_erased(FILE *f, const struct audit_report *r)
{
	const uint64_t lost = r->blobs->store_lost;
	char more[192], a[32], b[32];

	if (r->overdue > 0) {
		snprintf(more, sizeof more, "no end is recorded of %s that should have ended",
			audit_markup_thousands(r->overdue, a));
		answer(f, "Was all erased in time?", "No", more);
		return;
	}
	if (r->blobs->too_late > 0) {
		snprintf(more, sizeof more, "%s erased more than 5 s after the deadline",
			audit_markup_thousands(r->blobs->too_late, a));
		answer(f, "Was all erased in time?", "No", more);
		return;
	}
	snprintf(more, sizeof more, "%s of %s have ended%s; none of the rest is due yet",
		audit_markup_thousands(r->blobs->ended, a),
		audit_markup_thousands(r->blobs->stored, b),
		lost > 0 ? ", some with the memory that held them" : "");
	if (r->verdict == AUDIT_BAD)
		answer(f, "Was all erased in time?", "Not proven",
			"the evidence has faults, which are listed below");
	else if (r->blobs->not_given > 0)
		answer(f, "Was all erased in time?", "Not shown",
			"the ends of some stand in files that were not given");
	else
		answer(f, "Was all erased in time?",
			r->verdict == AUDIT_GOOD ? "Yes" : "Yes, if it is genuine", more);
}

static void answer_delay(FILE *f, const struct audit_report *r)
{
	const struct audit_lateness *l = &r->blobs->late;
	char worst[AUDIT_WORDS_DURATION], more[160], a[32];

	if (l->n == 0) {
		answer(f, "The longest delay?", "None", "no deadline was reached");
		return;
	}
	snprintf(more, sizeof more, "between a deadline and the erasure%s; %s reached a deadline",
		r->overdue > 0 ? ", where one is recorded" : "", audit_markup_thousands(l->n, a));
	answer(f, "The longest delay?", audit_words_duration(l->worst_us, worst), more);
}

/* The names of those who were refused, as many as have room. */
static void names_of(const struct audit_attempts *a, char *out, size_t cap)
{
	size_t n = 0, shown = 0, peers = audit_attempts_peers(a);

	for (size_t i = 0; i < a->n && shown < NAMES_SHOWN; i++) {
		if (audit_attempts_seen_before(a, i))
			continue;
		n += (size_t)snprintf(
			out + n, cap - n, "%s%s", shown++ > 0 ? ", " : "", a->row[i].by);
	}
	if (peers > shown)
		snprintf(out + n, cap - n, ", and %zu more", peers - shown);
}

static void answer_refused(FILE *f, const struct audit_attempts *a)
{
	char count[32], said[96], names[NAMES_SHOWN * AUDIT_ATTEMPTS_NAME + 64] = "";

	if (a->total == 0) {
		answer(f, "Who was refused?", "Nobody", "no attempt to read was refused");
		return;
	}
	snprintf(said, sizeof said, "%s attempt%s to read; why, and when, is listed below",
		audit_markup_thousands(a->total, count), a->total == 1 ? "" : "s");
	names_of(a, names, sizeof names);
	answer(f, "Who was refused?", names, said);
}

/* The page ------------------------------------------------------------------- */

static void put_head(FILE *f, const struct audit_report *r, const struct audit_summary *said)
{
	char from[AUDIT_WORDS_DURATION], to[AUDIT_WORDS_DURATION];

	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width\">\n",
		f);
	fprintf(f,
		"<title>Evidence of erasure: %s</title>\n<style>%s</style></head>\n<body><main>\n",
		audit_verdict_word(r->verdict), style);
	fputs("<header><h1>Evidence of erasure</h1>\n<p class=\"note\">What a timeglas buffer "
	      "stored "
	      "and erased",
		f);
	if (r->sums.first_ms > 0)
		fprintf(f, ", from <time>%s</time> to <time>%s</time>",
			audit_words_minute(r->sums.first_ms, from),
			audit_words_minute(r->sums.last_ms, to));
	fprintf(f, ". All times are UTC.</p>\n<p class=\"verdict %s\">", class_of[r->verdict]);
	audit_markup_text(f, said->verdict);
	fputs("</p>\n", f);
	audit_markup_element(f, "p", NULL, said->sentence);
	fputs("<dl class=\"answers\">\n", f);
	answer_erased(f, r);
	answer_delay(f, r);
	answer_refused(f, r->attempts);
	fputs("</dl>\n</header>\n<section><h2>In words</h2><ul>\n", f);
	for (size_t i = 0; i < said->n; i++)
		audit_markup_element(f, "li", NULL, said->answer[i]);
	fputs("</ul></section>\n", f);
}

static void put_drawings(FILE *f, const struct audit_blobs *b)
{
	if (b->late.n > 0) {
		fputs("<section class=\"keep\"><h2>How long after its deadline was each "
		      "erased?</h2>\n<p class=\"note\">Green and amber: in time, which is at "
		      "most 5 s after the deadline. Red: too late. What was read or erased "
		      "before its deadline is not in this drawing.</p>\n",
			f);
		audit_plots_lateness(f, &b->late);
		fputs("</section>\n", f);
	}
	if (b->ended > 0) {
		fputs("<section class=\"keep\"><h2>How long was each kind held?</h2>\n"
		      "<p class=\"note\">The grey bar is the limit that no configuration can "
		      "extend, the coloured one the longest time that one was held (amber: over "
		      "the limit by the moment that erasing takes; red: by more). Half of all "
		      "were held for less than the dark line says.</p>\n",
			f);
		audit_plots_held(f, &b->rows);
		fputs("</section>\n", f);
	}
	audit_html_kinds(f, b);
	audit_html_ends(f, b);
	if (b->days.n > 0) {
		fputs("<section class=\"keep\"><h2>How many ended on each day?</h2>\n<p "
		      "class=\"note\">Red: erased more than 5 s after the deadline.</p>\n",
			f);
		audit_plots_days(f, &b->days);
		fputs("</section>\n", f);
	}
}

static void put_page(FILE *f, const struct audit_report *r)
{
	struct audit_summary said;

	audit_summary_make(r, &said);
	put_head(f, r, &said);
	audit_html_findings(f, &r->all->findings);
	put_drawings(f, r->blobs);
	audit_html_attempts(f, r->attempts);
	audit_html_sources(f, r);
	fputs("</main>\n<footer><h2>Words</h2>\n<p>A <b>blob</b> is one encrypted piece of "
	      "evidence, "
	      "such as the data of a passport or a video. Its <b>deadline</b> is when it must be "
	      "erased at the latest. It is erased <b>in time</b> at most 5 s after that. A "
	      "<b>peer</b> is a "
	      "program with a certificate that may talk to the buffer. A <b>reader</b> is the one "
	      "peer that fetches a blob. This page was "
	      "computed from the signed records; it is not signed itself.</p></footer>\n"
	      "</body></html>\n",
		f);
}

static int cannot_write(const char *path)
{
	return output_fail(TG_EIO, "cannot write %s: %s", path, strerror(errno));
}

static int save(const char *path, const char *text, size_t n)
{
	struct tg_spool *s;
	int status = EXIT_DONE;

	if (tg_spool_new(path, &s) != 0)
		return cannot_write(path);
	if (tg_spool_write(s, text, n) != 0 || tg_spool_commit(s) != 0)
		status = cannot_write(path);
	tg_spool_free(s);
	return status;
}

int audit_html_write(const struct audit_report *r, const char *path)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	bool good = f != NULL;
	int status;

	if (good) {
		put_page(f, r);
		good = !ferror(f);
		good = fclose(f) == 0 && good;
	}
	status = good ? save(path, text, n) : output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	free(text);
	return status;
}
