/*
 * seed.h: fills a store quickly, past HTTP: timeglas through the server's own store layer (the same
 * commands and functions that a worker sends), plain Redis with SET … PXAT. The blobs' content is
 * random: nobody looks at it here.
 */
#ifndef BENCH_SEED_H
#define BENCH_SEED_H

#include <stddef.h>
#include <stdint.h>
#include "servers.h"

#define SEED_KEY_MAX 72

struct seeded {
	char key[SEED_KEY_MAX]; /* of the bytes in Redis */
	char id[32];            /* timeglas: the blob */
	int64_t deadline_us;    /* Unix */
};

struct seed_plan {
	unsigned n;
	unsigned bytes;   /* of each blob */
	int64_t first_ms; /* the first one's lifetime */
	int64_t step_us;  /* each further one lives so much longer */
	const char *name; /* plain: keys are bench:<name>:<i> */
};

/** seed(s, p, out): stores p->n blobs; out: n entries, or NULL. Deadlines are as the store said. */
void seed(const struct server *s, const struct seed_plan *p, struct seeded *out);
/**
 * seed_settle(s, settle_ms): waits until timeglas's outbox has not shrunk for so long: writing the
 * evidence of what was just stored is none of the work that will be measured.
 */
void seed_settle(const struct server *s, int64_t settle_ms);

#endif
