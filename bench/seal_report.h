/* seal_report.h: the results of the seal benchmark as a table and as JSON. Each
 * function ends the process when it cannot write. */
#ifndef BENCH_SEAL_REPORT_H
#define BENCH_SEAL_REPORT_H

#include "seal_plan.h"

/** Prints the table to stdout. */
void seal_report_table(const struct seal_plan *p);
/** Writes every figure to the file at path; "-" is stdout. */
void seal_report_json(const struct seal_plan *p, const char *path);

#endif
