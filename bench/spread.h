/* spread.h: what is told of a figure that several rounds measured. No I/O; it knows no other file.
 */
#ifndef BENCH_SPREAD_H
#define BENCH_SPREAD_H

struct spread {
	double min, median, max;
	/* An interval that holds the true median with at least 95 % (sign test). NAN below six
	 * figures. */
	double low, high;
	unsigned n; /* figures that were numbers */
};

/** Describes the n figures at v. It sorts v and leaves out what is NAN. Every member is NAN when no
 * figure is left. */
struct spread spread_of(double *v, unsigned n);

#endif
