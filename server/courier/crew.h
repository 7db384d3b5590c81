/*
 * crew.h: the witnesses that a file names (core/policy.h), each with its carrier, and the
 * certificates that those with https may have. A file that is bad makes none, so that an earlier
 * crew can stay.
 */
#ifndef COURIER_CREW_H
#define COURIER_CREW_H

#include "core/policy.h"
#include "courier/carrier.h"

#define CREW_WHY 512

struct crew {
	struct policy policy;
	struct ssl_ctx_st *tls;                        /* NULL: no witness can have https */
	struct carrier *carrier[POLICY_WITNESSES_MAX]; /* policy.n_witnesses */
};

/**
 * Reads the file, and makes a carrier for each witness.
 *
 * @path  of the policy
 * @ca    PEM: whose certificates witnesses with https may have; NULL: there are none
 * @o     for the carriers; its tls is not looked at
 * @why   out, on failure: "what is wrong; what to do"
 *
 * Returns it, or NULL.
 */
struct crew *crew_new(const char *path, const char *ca, struct sha256 *h,
	const struct carrier_opts *o, char why[CREW_WHY]);
/** Frees it, with what is under way. NULL is harmless. */
void crew_free(struct crew *c);

#endif
