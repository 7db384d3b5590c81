/*
 * blobs.h: blobs that are sealed before any clock starts: real age files of exactly the size
 * wanted, each different, to a key that is forgotten at once. Before each there is room for the
 * head of the request that uploads it, so that both can be sent in one piece.
 */
#ifndef BENCH_BLOBS_H
#define BENCH_BLOBS_H

#include <stddef.h>

#define BLOBS_HEAD_MAX 512u

struct blobs;

/** Seals n blobs of size bytes each (at least 300). Dies on failure. The caller calls blobs_free().
 */
struct blobs *blobs_new(unsigned n, size_t size);
/** NULL is allowed. */
void blobs_free(struct blobs *b);

unsigned blobs_count(const struct blobs *b);
size_t blobs_size(const struct blobs *b);

/** The sealed file i; owned by b. */
const unsigned char *blobs_at(const struct blobs *b, unsigned i);

/** Copies n bytes of head (at most BLOBS_HEAD_MAX) right before the sealed file i. Returns where
 * they begin; owned by b. */
unsigned char *blobs_head(struct blobs *b, unsigned i, const void *head, size_t n);

#endif
