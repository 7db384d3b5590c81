/* audit_plots.c: bars. Each has its number written beside it, so that a print without colours tells
 * the same. Runs in the timeglas command. */
#include <inttypes.h>
#include <string.h>
#include "cli/audit_markup.h"
#include "cli/audit_plots.h"
#include "cli/audit_words.h"
#include "core/time.h"

#define WIDTH 720
#define LATE_US 5000000 /* over its limit: a finding */
#define ROW 30
#define BAR 18
#define LEFT 170  /* of the bars: the labels stand before */
#define RIGHT 210 /* for the numbers behind them */
#define ROOM (WIDTH - LEFT - RIGHT)

#define DAYS_HEIGHT 150
#define DAYS_FOOT 24
#define DAY_MS INT64_C(86400000)

static void begin(FILE *f, int height, const char *title)
{
	fprintf(f, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, height);
	audit_markup_text(f, title);
	fputs("\">", f);
	audit_markup_element(f, "title", NULL, title);
}

static void end(FILE *f)
{
	fputs("</svg>\n", f);
}

static void text(FILE *f, double x, double y, const char *anchor, const char *said)
{
	fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
	audit_markup_text(f, said);
	fputs("</text>", f);
}

static void bar(FILE *f, const char *class_name, double x, double y, double w, double h)
{
	fprintf(f, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
		class_name, x, y, w, h);
}

/* A bar that is there can be seen. */
static double scaled(double part, double whole, double room)
{
	double w = whole > 0 ? room * part / whole : 0;

	return part > 0 && w < 2 ? 2 : w > room ? room : w;
}

void audit_plots_lateness(FILE *f, const struct audit_lateness *l)
{
	static const struct {
		const char *label, *bar;
		int64_t up_to_us;
	} steps[] = {{"within 10 ms", "good", 10000}, {"10 ms to 100 ms", "good", 100000},
		{"0.1 s to 1 s", "good", 1000000}, {"1 s to 5 s", "warn", 5000000},
		{"more than 5 s", "bad", INT64_MAX}};
	const int n = (int)(sizeof steps / sizeof steps[0]);
	uint64_t before = 0;
	char count[32], said[64];

	begin(f, n * ROW, "How many blobs were erased how long after their deadline");
	for (int i = 0; i < n; i++) {
		uint64_t upto = audit_lateness_within(l, steps[i].up_to_us), here = upto - before;
		double y = i * ROW + (ROW - BAR) / 2.0;

		before = upto;
		text(f, LEFT - 10, y + 14, "end", steps[i].label);
		bar(f, "track", LEFT, y, ROOM, BAR);
		if (here > 0)
			bar(f, steps[i].bar, LEFT, y, scaled((double)here, (double)l->n, ROOM),
				BAR);
		snprintf(said, sizeof said, "%s (%.1f %%)", audit_markup_thousands(here, count),
			l->n > 0 ? 100.0 * (double)here / (double)l->n : 0);
		text(f, LEFT + ROOM + 10, y + 14, "start", said);
	}
	end(f);
}

static void held_row(FILE *f, const struct audit_row *w, double y)
{
	char label[64], held[AUDIT_WORDS_HELD], limit[AUDIT_WORDS_DURATION], said[128];
	double whole = (double)w->limit_ms * 1000;
	int64_t over_us = w->held.worst_us - w->limit_ms * 1000;
	int64_t median_us = audit_lateness_quantile_us(&w->held, 0.5);

	snprintf(label, sizeof label, "%s%s", w->kind,
		w->dk < 0          ? "" :
			w->dk == 1 ? ", Danish" :
				     ", other");
	text(f, LEFT - 10, y + 14, "end", label);
	bar(f, "track", LEFT, y, ROOM, BAR);
	bar(f,
		over_us > LATE_US   ? "bad" :
			over_us > 0 ? "warn" :
				      "held",
		LEFT, y, scaled((double)w->held.worst_us, whole, ROOM), BAR);
	bar(f, "mark", LEFT + scaled((double)median_us, whole, ROOM - 2), y - 3, 2, BAR + 6);
	snprintf(said, sizeof said, "%s of %s",
		audit_words_held(w->held.worst_us, w->limit_ms * 1000, held),
		audit_words_duration(w->limit_ms * 1000, limit));
	text(f, LEFT + ROOM + 10, y + 14, "start", said);
}

void audit_plots_held(FILE *f, const struct audit_rows *rows)
{
	int n = 0;

	for (size_t i = 0; i < rows->n; i++)
		n += rows->row[i].cause[0] == '\0' && rows->row[i].held.n > 0;
	if (n == 0)
		return;
	begin(f, n * ROW, "The longest that one of each kind was held, next to its limit");
	n = 0;
	for (size_t i = 0; i < rows->n; i++)
		if (rows->row[i].cause[0] == '\0' && rows->row[i].held.n > 0)
			held_row(f, &rows->row[i], n++ * ROW + (ROW - BAR) / 2.0);
	end(f);
}

static char *day_text(int64_t day, char out[TG_TIME_LEN + 1])
{
	tg_time_format(day * DAY_MS, out);
	out[strlen("2026-11-22")] = '\0';
	return out;
}

void audit_plots_days(FILE *f, const struct audit_days *d)
{
	const double left = 60, right = 10, top = 12, room = WIDTH - left - right,
		     step = room / (double)(d->n > 7 ? d->n : 7), height = DAYS_HEIGHT - top;
	char day[TG_TIME_LEN + 1], count[32];
	uint64_t most = 1;

	if (d->n == 0)
		return;
	for (size_t i = 0; i < d->n; i++)
		most = d->day[i].ends > most ? d->day[i].ends : most;
	begin(f, DAYS_HEIGHT + DAYS_FOOT, "How many blobs ended on each day");
	text(f, left - 8, top + 5, "end", audit_markup_thousands(most, count));
	text(f, left - 8, DAYS_HEIGHT, "end", "0");
	bar(f, "axis", left, DAYS_HEIGHT, room, 1);
	for (size_t i = 0; i < d->n; i++) {
		double h = scaled((double)d->day[i].ends, (double)most, height),
		       bad = scaled((double)d->day[i].late, (double)most, height),
		       x = left + (double)i * step + step * 0.1, w = step * 0.8;

		bar(f, "held", x, DAYS_HEIGHT - h, w, h);
		bar(f, "bad", x, DAYS_HEIGHT - bad, w, bad);
	}
	text(f, left, DAYS_HEIGHT + 18, "start", day_text(d->first, day));
	if (d->n > 1)
		text(f, d->n > 7 ? WIDTH - right : left + step * (double)d->n, DAYS_HEIGHT + 18,
			d->n > 2 ? "end" : "start", day_text(d->first + (int64_t)d->n - 1, day));
	end(f);
}
