/* expiry_report.h: the results of the expiry benchmark as a table, as JSON and as a plot.
 *
 * @p     the plan
 * @c     n cells, in the order of the report
 * @path  a file that is overwritten; "-" is stdout for JSON
 *
 * Each ends the process when it cannot write.
 */
#ifndef BENCH_EXPIRY_REPORT_H
#define BENCH_EXPIRY_REPORT_H

#include <stddef.h>
#include "expiry_plan.h"

/** Prints the table to stdout. */
void expiry_report_table(const struct expiry_plan *p, const struct expiry_cell *c, size_t n);
/** Writes every figure. */
void expiry_report_json(
	const struct expiry_plan *p, const struct expiry_cell *c, size_t n, const char *path);
/** Draws the distributions of removal as an SVG; takes gnuplot. */
void expiry_report_plot(
	const struct expiry_plan *p, const struct expiry_cell *c, size_t n, const char *path);

#endif
