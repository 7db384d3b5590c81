/*
 * fetch_int.h: one fetch under way, shared by fetch.c (its steps), fetch_release.c (checks and
 * release) and fetch_keep.c (the sealed copy that is kept when a check fails). Nobody else includes
 * it.
 */
#ifndef TG_LIB_FETCH_INT_H
#define TG_LIB_FETCH_INT_H

#include <stdbool.h>
#include "lib/client.h"
#include "lib/seen.h"
#include "lib/spool.h"

#define FETCH_WHY_CHARS 512

struct fetch {
	struct tg_client *c;
	const char *id;
	tg_fetch_opts o;
	tg_expect expect;
	const char *path; /* the file that is to appear; NULL: the content goes to write */
	tg_write_fn *write;
	void *write_ctx;
	struct tg_spool *sealed; /* the blob as it came */
	struct tg_spool *good;   /* with path: what is to appear there */
	struct tg_seen *seen;    /* NULL: the caller has a memory of its own, or none is needed */
	tg_claim claim;
	int64_t now_ms; /* Unix time */
	/* The blob has passed every check that is about the blob. What fails from now on is this
	 * machine's fault, and the buffer is not told of it. */
	bool judged;
	bool released;
	int write_errno; /* of the caller's write; 0: it did not fail */
	char why[FETCH_WHY_CHARS];
	struct client_fetched *parts;
};

/**
 * Checks what came, and releases it when every check has passed: to the caller's write, or into the
 * file that is to appear.
 *
 * Returns 0 or a TG_E… code, with a sentence in f->why.
 */
int fetch_release(struct fetch *f);

/**
 * Keeps the sealed copy of what was not released, if the caller wants that, and lists it so that it
 * is removed when its time is over.
 *
 * @said  out: the end of a sentence that tells what was kept, and where
 * @cap   bytes that said holds
 */
void fetch_keep(struct fetch *f, char *said, size_t cap);

#endif
