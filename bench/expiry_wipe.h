/* expiry_wipe.h: the part of the expiry benchmark that searches memory for ended blobs. */
#ifndef BENCH_EXPIRY_WIPE_H
#define BENCH_EXPIRY_WIPE_H

#include <stddef.h>
#include "expiry_plan.h"

/** Stores p->wiped blobs, waits for their deadline, and searches the memory of s until they are
 * gone or the window is over. Fills in wiped, readable, found_live, in_redis, in_server, after_read
 * and scan_ms of c. */
void expiry_wipe_measure(
	const struct server *s, const struct expiry_plan *p, struct expiry_cell *c);

/** Seals a small age file, to a key that is forgotten at once. Writes it to out (cap: its room in
 * bytes) and returns its length. Dies when it does not fit. */
size_t expiry_wipe_envelope(unsigned char *out, size_t cap);

#endif
