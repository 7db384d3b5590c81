/* compare_main.h: the command line that the comparisons have in common. */
#ifndef BENCH_COMPARE_MAIN_H
#define BENCH_COMPARE_MAIN_H

#include "compare.h"

struct compare_option {
	const char *name; /* without "--"; it takes a value; NULL ends the list */
	void (*take)(struct compare *c, const char *value);
};

/* How a comparison is told. path: a file that is overwritten. */
struct compare_reports {
	void (*table)(const struct compare *c);
	void (*json)(const struct compare *c, const char *path);
	void (*plot)(const struct compare *c, const char *path);
};

struct compare_cli {
	const char *usage; /* lines on its own options */
	struct compare_option own[6];
	void (*quick)(struct compare *c); /* what --quick changes beside time; NULL: nothing */
	/* Called when all options are read. NULL: compare_insert_before() if c->before is set. */
	void (*ready)(struct compare *c);
	bool sizeless;                         /* it has no option --sizes */
	bool plotless;                         /* it has no option --plot */
	const struct compare_reports *reports; /* NULL: those of compare_report.h */
};

/** Option --workers: the same number for every variant. */
void compare_workers(struct compare *c, const char *value);

/** Reads options, measures, and reports. Returns an exit status. dir: an empty folder. */
int compare_main(
	struct compare *c, const struct compare_cli *cli, int argc, char **argv, const char *dir);

#endif
