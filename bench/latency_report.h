/* latency_report.h: the results of a comparison by quantiles of latency, as a table, as JSON and as
 * a plot. Each ends the process when it cannot write. */
#ifndef BENCH_LATENCY_REPORT_H
#define BENCH_LATENCY_REPORT_H

#include <jansson.h>
#include "compare.h"

/** Prints the table to stdout. */
void latency_report_table(const struct compare *c);
/** Makes an object with every figure; the caller frees it. NULL: no memory. */
json_t *latency_report_object(const struct compare *c);
/** Writes every figure to the file at path; "-" is stdout. */
void latency_report_json(const struct compare *c, const char *path);
/** Draws latency by percentile into the SVG at path; takes gnuplot. */
void latency_report_plot(const struct compare *c, const char *path);

#endif
