/*
 * carrier.h: one witness, as the courier sees it: how far it has followed the log, and whether it
 * is away. It gets one checkpoint after another; what it answers is believed only as far as its
 * signature goes.
 */
#ifndef COURIER_CARRIER_H
#define COURIER_CARRIER_H

#include <stdbool.h>
#include <stdint.h>
#include "core/checkpoint.h"
#include "core/policy.h"
#include "core/submission.h"
#include "net/loop.h"

/* The checkpoint that is being carried. */
struct cargo {
	uint64_t serial; /* another one for each checkpoint */
	struct checkpoint c;
	char note[SUBMISSION_NOTE_MAX + 1];
	size_t n;
};

struct carrier;

/** Makes the proof from old lines to those of the cargo. Returns 0, or why it cannot. */
typedef int carrier_prove(void *ctx, uint64_t old, uint64_t size, struct tree_proof *out);
/** Told that a witness has cosigned the present cargo; line: its signature's line, n bytes. */
typedef void carrier_cosigned(void *ctx, unsigned witness, const char *line, size_t n);

struct carrier_opts {
	struct loop *loop;
	struct ssl_ctx_st *tls; /* NULL: no witness has https */
	carrier_prove *prove;
	carrier_cosigned *cosigned;
	void *ctx;
};

/**
 * Makes one. Everything is borrowed until carrier_free().
 *
 * @index  of the witness in its policy, for the callback
 *
 * Returns NULL without memory, or for a URL that is none.
 */
struct carrier *carrier_new(
	const struct carrier_opts *o, const struct policy_witness *w, unsigned index);
/** Frees it. NULL is harmless. */
void carrier_free(struct carrier *x);
/** Says how many lines it has cosigned last, as far as is known. */
void carrier_set_size(struct carrier *x, uint64_t size);
/** Sends it the cargo, unless it has it, is busy, or is to be left alone for a while. To be called
 * again and again. */
void carrier_offer(struct carrier *x, const struct cargo *g);
/** Returns whether it has not answered about the cargo yet, and is not away. */
bool carrier_is_due(const struct carrier *x, const struct cargo *g);
/** Returns whether its last request was answered as it should be. */
bool carrier_is_up(const struct carrier *x);

#endif
