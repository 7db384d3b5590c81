/*
 * proof_ask.h: asks the recorder for proofs, over the worker's socket (base/proof_link.h). There is
 * one in a worker.
 */
#ifndef API_PROOF_ASK_H
#define API_PROOF_ASK_H

#include "base/proof_link.h"
#include "net/loop.h"

struct proof_ask;

/** answer: its text_n fits; NULL: none came in time. Borrowed until return. */
typedef void proof_ask_cb(void *ctx, const struct proof_link_answer *answer);

/** Returns it, for proof_ask_free(); NULL without memory. @fd: the worker's end, which stays the
 * caller's. */
struct proof_ask *proof_ask_new(struct loop *l, int fd);
/** Frees it; no answer may be due. NULL is harmless. */
void proof_ask_free(struct proof_ask *a);
/**
 * Asks for an event's proof.
 *
 * @r   event, peer and roles; the tag is not read
 * @cb  called once with ctx, never before return, within two seconds; not after proof_ask_forget()
 *
 * Returns 0; TG_EEVIDENCE: too many are due, of all or of this peer, or the recorder does not take
 * them; TG_ENOMEM.
 */
int proof_ask_send(
	struct proof_ask *a, const struct proof_link_request *r, proof_ask_cb *cb, void *ctx);
/** Forgets what was asked with ctx. */
void proof_ask_forget(struct proof_ask *a, const void *ctx);

#endif
