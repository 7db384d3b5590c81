/* emit.c: see emit.h. */
#include <math.h>
#include <string.h>
#include <sys/wait.h>
#include "bench.h"
#include "emit.h"

static const char preamble[] =
	"set terminal svg size 960,540 font 'sans-serif,13' background '#ffffff'\n"
	"set grid xtics ytics lc '#dddddd'\nset key outside right top Left reverse samplen 2\n";

json_t *emit_number(double v)
{
	return isnan(v) || isinf(v) ? json_null() : json_real(round(v * 1000) / 1000);
}

const char *emit_text(double v, int digits, char out[16])
{
	if (isnan(v))
		snprintf(out, 16, "-");
	else
		snprintf(out, 16, "%.*f", digits, v);
	return out;
}

json_t *emit_spread(struct spread s)
{
	return json_pack("{sosososososi}", "min", emit_number(s.min), "median",
		emit_number(s.median), "max", emit_number(s.max), "median_low", emit_number(s.low),
		"median_high", emit_number(s.high), "n", (int)s.n);
}

void emit_json(json_t *all, const char *path)
{
	FILE *f = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");

	if (all == NULL || f == NULL ||
		json_dumpf(all, f, JSON_COMPACT | JSON_REAL_PRECISION(9)) != 0 ||
		fputc('\n', f) == EOF || fflush(f) != 0)
		bench_die("cannot write %s", path);
	if (f != stdout)
		fclose(f);
	json_decref(all);
}

FILE *emit_plot(const char *path)
{
	FILE *f;

	if (strpbrk(path, "'\\\n") != NULL)
		bench_die("--plot: no quotes in a file's name");
	f = popen("gnuplot", "we");
	if (f == NULL)
		bench_die("cannot run gnuplot");
	fprintf(f, "%sset output '%s'\n", preamble, path);
	return f;
}

void emit_plot_end(FILE *f)
{
	int status = pclose(f);

	if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		bench_die("gnuplot failed; is gnuplot-nox installed?");
}
