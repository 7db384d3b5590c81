/*
 * transfers.h: large uploads and takes that run all the time in a process of their own, while
 * something else is measured. They have their own process because sealing and opening TLS records
 * of a large blob would delay the clients that are measured.
 */
#ifndef BENCH_TRANSFERS_H
#define BENCH_TRANSFERS_H

#include <stdint.h>
#include <sys/types.h>
#include "gen.h"

struct transfers;

/**
 * Starts n clients, each of which uploads a blob and takes one by turns. Returns when n blobs are
 * stored and all clients are at work. Dies when they are not after 60 s.
 *
 * @w  borrowed until return
 * @b  more than n blobs; unchanged
 *
 * The caller calls transfers_stop().
 */
struct transfers *transfers_start(const struct gen_wire *w, struct blobs *b, unsigned n);

/** Uploads and takes that have ended so far. */
uint64_t transfers_done(const struct transfers *t);

/** The process that makes them. */
pid_t transfers_pid(const struct transfers *t);

/** Ends the process and frees t. error: n bytes; empty if every answer was right, otherwise what
 * was wrong. */
void transfers_stop(struct transfers *t, char *error, size_t n);

#endif
