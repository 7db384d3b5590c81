/* compare_report.h: the results of a comparison as a table, as JSON, and as a plot by size. Each
 * ends the process when it cannot write. */
#ifndef BENCH_COMPARE_REPORT_H
#define BENCH_COMPARE_REPORT_H

#include "compare.h"

/** Prints the table to stdout. */
void compare_report_table(const struct compare *c);
/** Writes every figure to the file at path; "-" is stdout. */
void compare_report_json(const struct compare *c, const char *path);
/** Draws requests a second by size into the SVG at path; takes gnuplot. */
void compare_report_plot(const struct compare *c, const char *path);

#endif
