/* output.c: see output.h. Runs in the benchmark's process. */
#include <math.h>
#include <string.h>
#include <sys/wait.h>
#include "bench.h"
#include "output.h"

static const char preamble[] =
	"set terminal svg size 960,540 font 'sans-serif,13' background '#ffffff'\n"
	"set grid xtics ytics lc '#dddddd'\nset key outside right top Left reverse samplen 2\n";

json_t *output_number(double v)
{
	return isnan(v) || isinf(v) ? json_null() : json_real(round(v * 1000) / 1000);
}

void output_json(json_t *all, const char *path)
{
	FILE *f = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");

	if (all == NULL || f == NULL ||
		json_dumpf(all, f, JSON_COMPACT | JSON_REAL_PRECISION(9)) != 0 ||
		fputc('\n', f) == EOF || fflush(f) != 0)
		die("cannot write %s", path);
	if (f != stdout)
		fclose(f);
	json_decref(all);
}

FILE *output_plot(const char *path)
{
	FILE *f;

	if (strpbrk(path, "'\\\n") != NULL)
		die("--plot: no quotes in a file's name");
	f = popen("gnuplot", "we");
	if (f == NULL)
		die("cannot run gnuplot");
	fprintf(f, "%sset output '%s'\n", preamble, path);
	return f;
}

void output_plot_end(FILE *f)
{
	int status = pclose(f);

	if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die("gnuplot failed; is gnuplot-nox installed?");
}
