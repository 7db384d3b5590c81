/* output.h: figures into files: JSON, and plots by gnuplot. All die when it cannot be written. */
#ifndef BENCH_OUTPUT_H
#define BENCH_OUTPUT_H

#include <jansson.h>
#include <stdio.h>

/** output_number(v): to a thousandth; NAN becomes null. */
json_t *output_number(double v);
/** output_json(all, path): one line; "-" for stdout. Frees all; NULL is one that could not be made.
 */
void output_json(json_t *all, const char *path);
/** output_plot(path): commands written to what it returns draw an SVG. output_plot_end(f): waits
 * for it. */
FILE *output_plot(const char *path);
void output_plot_end(FILE *f);

#endif
