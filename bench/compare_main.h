/* compare_main.h: the command line that the comparisons have in common. */
#ifndef BENCH_COMPARE_MAIN_H
#define BENCH_COMPARE_MAIN_H

#include "compare.h"

struct compare_option {
	const char *name; /* "--NAME VALUE"; NULL ends the list */
	void (*take)(struct compare *c, const char *value);
};

struct compare_reports {
	void (*table)(const struct compare *c);
	void (*json)(const struct compare *c, const char *path);
	void (*plot)(const struct compare *c, const char *path);
};

struct compare_cli {
	const char *usage; /* of its own options: lines */
	struct compare_option own[4];
	void (*quick)(struct compare *c);      /* what --quick changes beside time; may be NULL */
	bool sizeless;                         /* --sizes, and a plot by size, make no sense */
	const struct compare_reports *reports; /* NULL: those below */
};

/** compare_main(c, cli, argc, argv, dir): options, measurement, reports. Returns an exit status. */
int compare_main(
	struct compare *c, const struct compare_cli *cli, int argc, char **argv, const char *dir);

#endif
