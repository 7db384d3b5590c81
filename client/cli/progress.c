/* progress.c: draws the progress bar on stderr. It is given numbers, and knows no transfer. Runs in
 * the timeglas command. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include "cli/output.h"
#include "cli/progress.h"
#include "lib/clock.h"

#define FIRST_MS 300 /* a shorter transfer gets no bar */
#define REDRAW_MS 100
#define BAR_CELLS 20
#define LINE_CHARS 120

static void amount(double bytes, char out[16])
{
	static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	size_t u = 0;

	while (bytes >= 1024 && u < 4) {
		bytes /= 1024;
		u++;
	}
	snprintf(out, 16, u == 0 ? "%.0f %s" : "%.1f %s", bytes, unit[u]);
}

/* The text of the bar: percentage, amount, rate, and how long it will take. */
static void bar_text(uint64_t done, uint64_t total, int64_t elapsed_ms, char *out, size_t cap)
{
	double rate = elapsed_ms > 0 ? (double)done * 1000 / (double)elapsed_ms : 0;
	char bar[BAR_CELLS + 1], have[16], all[16], speed[16];
	uint64_t left_s;

	amount((double)done, have);
	amount(rate, speed);
	if (total == 0 || done > total) {
		snprintf(out, cap, "%s  %s/s", have, speed);
		return;
	}
	for (unsigned i = 0; i < BAR_CELLS; i++)
		bar[i] = (double)done * BAR_CELLS >= (double)total * (i + 1) ? '#' : '.';
	bar[BAR_CELLS] = '\0';
	amount((double)total, all);
	left_s = rate > 0 ? (uint64_t)((double)(total - done) / rate + 0.5) : 0;
	if (rate > 0)
		snprintf(out, cap, "[%s] %3.0f%%  %s of %s  %s/s  ETA %" PRIu64 ":%02u", bar,
			(double)done * 100 / (double)total, have, all, speed, left_s / 60,
			(unsigned)(left_s % 60));
	else
		snprintf(out, cap, "[%s] %3.0f%%  %s of %s", bar,
			(double)done * 100 / (double)total, have, all);
}

void progress_start(struct progress *p, bool upload)
{
	*p = (struct progress){.upload = upload,
		.on_terminal = !output_is_json() && isatty(STDERR_FILENO),
		.start_ms = clock_mono_ms()};
}

int progress_step(void *ctx, uint64_t sent, uint64_t received, uint64_t total)
{
	struct progress *p = ctx;
	char line[LINE_CHARS];
	int64_t now;

	if (!p->on_terminal)
		return 0;
	now = clock_mono_ms();
	if (now - p->start_ms < FIRST_MS || now - p->drawn_ms < REDRAW_MS)
		return 0;
	bar_text(p->upload ? sent : received, total, now - p->start_ms, line, sizeof line);
	fprintf(stderr, "\r%s\033[K", line);
	fflush(stderr);
	p->drawn_ms = now;
	p->shown = true;
	return 0;
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
