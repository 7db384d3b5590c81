/*
 * gen_blobs.h: blobs sealed before any clock starts: real age files to somebody who forgets the key
 * at once, each of exactly the size wanted, each different. Before each there is room for the head
 * of the request that uploads it, so that both can be sent as one.
 */
#ifndef BENCH_GEN_BLOBS_H
#define BENCH_GEN_BLOBS_H

#include <stddef.h>

#define BLOBS_HEAD_MAX 512u

struct blobs;

/** blobs_new(n, size): size: at least 300 bytes. Dies on failure. */
struct blobs *blobs_new(unsigned n, size_t size);
void blobs_free(struct blobs *b);
unsigned blobs_count(const struct blobs *b);
size_t blobs_size(const struct blobs *b);
/** blobs_at(b, i): the sealed file. */
const unsigned char *blobs_at(const struct blobs *b, unsigned i);
/** blobs_head(b, i, head, n): puts n bytes (at most BLOBS_HEAD_MAX) right before it; returns where
 * they begin. */
unsigned char *blobs_head(struct blobs *b, unsigned i, const void *head, size_t n);

#endif
