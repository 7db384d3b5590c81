/* lateness.h: by how much each of a number of blobs was late. No I/O; it knows no other benchmark.
 */
#ifndef BENCH_LATENESS_H
#define BENCH_LATENESS_H

#include <stdint.h>

struct lateness {
	double *ms;  /* after the deadline; a blob that did not end in time has no entry */
	unsigned n;  /* entries */
	unsigned of; /* blobs */
};

/** Makes l empty, with room for of entries. The caller calls lateness_free(). */
void lateness_init(struct lateness *l, unsigned of);
void lateness_free(struct lateness *l);

/** Adds an entry. There must be room for it. */
void lateness_add(struct lateness *l, int64_t late_us);

/** Sorts the entries, smallest first. */
void lateness_sort(struct lateness *l);

/** The lateness in ms that the share q (0..1) of all blobs did not exceed, blobs without an entry
 * included. NAN when it lies among these. l must be sorted. */
double lateness_quantile(const struct lateness *l, double q);

#endif
