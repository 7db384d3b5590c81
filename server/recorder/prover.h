/*
 * prover.h: answers workers that ask for the proof of an event (base/proof_link.h), out of the
 * evidence files and the tiles beside them, for those who may have it by what the record says. It
 * writes nothing. Recording goes first: it takes a fifth of the time at most.
 */
#ifndef RECORDER_PROVER_H
#define RECORDER_PROVER_H

#include <stdbool.h>
#include <stdint.h>

#include "net/loop.h"

struct prover;

struct prover_view {               /* what the recorder knows of its own work */
	bool recording;            /* it has the lease, and its file is up to date */
	uint64_t caught_up_us;     /* every event before that is recorded; 0: not known */
	const uint8_t *public_key; /* CHAIN_KEY bytes that sign its checkpoints; NULL: not open */
};

struct prover_opts {
	struct loop *loop;
	const char *log_path; /* borrowed, as the rest */
	const int *fds;       /* the recorder's ends, one for each worker */
	unsigned n;
	void (*view)(void *ctx, struct prover_view *out);
	void *ctx;
};

/** Returns a prover that answers from now on, for prover_free(); NULL without memory. */
struct prover *prover_new(const struct prover_opts *o);
/** NULL is harmless. The sockets stay open. */
void prover_free(struct prover *p);

#endif
