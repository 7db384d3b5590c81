/*
 * seed.h: fills a store quickly, without HTTP: timeglas through the server's own store layer, which
 * sends the commands that a worker would send; plain Redis with SET … PXAT. The content is random.
 */
#ifndef BENCH_SEED_H
#define BENCH_SEED_H

#include <stddef.h>
#include <stdint.h>
#include "server.h"

#define SEED_KEY_MAX 72

struct seeded {
	char key[SEED_KEY_MAX]; /* of the blob's bytes in Redis */
	char id[32];            /* timeglas: of the blob */
	int64_t deadline_us;    /* Unix time */
};

struct seed_plan {
	unsigned n;
	unsigned bytes;   /* of each blob */
	int64_t first_ms; /* the first blob's lifetime */
	int64_t step_us;  /* each further blob lives so much longer than the one before */
	const char *name; /* plain Redis: keys are bench:<name>:<i> */
};

/** Stores p->n blobs. out: p->n entries, or NULL. Deadlines are those that the store told. */
void seed(const struct server *s, const struct seed_plan *p, struct seeded *out);

/**
 * Waits until timeglas's outbox has not become shorter for settle_ms. The recorder then has written
 * the events of what was stored, and does not work on them while something else is measured.
 */
void seed_settle(const struct server *s, int64_t settle_ms);

#endif
