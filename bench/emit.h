/* emit.h: writes figures to files, as JSON and as plots by gnuplot. Each function dies when it
 * cannot write. */
#ifndef BENCH_EMIT_H
#define BENCH_EMIT_H

#include <jansson.h>
#include <stdio.h>
#include "spread.h"

/** A number rounded to a thousandth; NAN and infinities become null. */
json_t *emit_number(double v);

/** Writes a number with so many digits behind the point to out; "-" for NAN. Returns out. */
const char *emit_text(double v, int digits, char out[16]);

/** Members min, median, max, median_low, median_high, n. */
json_t *emit_spread(struct spread s);

/** Writes all as one line to the file at path, "-" is stdout, and frees it. all: NULL when it could
 * not be made. */
void emit_json(json_t *all, const char *path);

/** Starts gnuplot. Commands written to the stream that it returns draw the SVG at path. */
FILE *emit_plot(const char *path);
/** Ends the commands and waits for gnuplot. */
void emit_plot_end(FILE *f);

#endif
