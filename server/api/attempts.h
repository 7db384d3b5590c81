/*
 * attempts.h: a worker's table of refused reads that the evidence has still to be told of: a row
 * for each blob, peer and reason. Pure: no store, no clock. Private to server/api.
 *
 * A row's first attempt is due at once; what follows, each minute. What a peer may add to the
 * evidence is bounded (base/allowance.h), and so are its rows; beyond that a row for each peer and
 * reason counts without naming blobs. No peer's attempts touch another's rows.
 */
#ifndef API_ATTEMPTS_H
#define API_ATTEMPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/token.h"
#include "conf/conf.h"
#include "core/refused.h"

#define ATTEMPTS_PEERS (2 * CONF_PEERS_MAX) /* more cannot be configured, but for reloads */
#define ATTEMPTS_ROWS 128u                  /* of one peer, that name a blob */

struct attempts;

struct attempt {                /* some attempts, as a row of them */
	char id[TOKEN_LEN + 1]; /* of the blob; "": it is not named */
	char peer[CONF_NAME_MAX + 1];
	enum refused why;
	uint64_t first_ms, last_ms; /* of clock_mono_us() */
	uint64_t count;
	unsigned paid_bytes; /* what it took of the peer's allowance */
};

/** Makes an empty table. workers: how many of them serve. Returns NULL without memory. */
struct attempts *attempts_new(unsigned workers);
/** Frees it, whatever is in it. NULL is fine. */
void attempts_free(struct attempts *a);
/**
 * Adds attempts. Where there is no memory for them they are lost.
 *
 * @x  its paid_bytes are not looked at; of REFUSED_UNKNOWN no id is kept
 *
 * Returns whether they are due at once.
 */
bool attempts_add(struct attempts *a, const struct attempt *x);
/** To be called before attempts_next() is: what comes each minute becomes due. now_s: seconds of
 * clock_mono_us(). */
void attempts_tick(struct attempts *a, uint64_t now_s);
/** From now on everything is due: the worker ends. What is beyond a peer's allowance is told
 * without naming blobs. */
void attempts_end(struct attempts *a);
/** Takes a row out that is due, and that its peer's allowance covers. Returns false when there is
 * none. */
bool attempts_next(struct attempts *a, uint64_t now_s, struct attempt *out);
/** Returns whether there is any row that has to be looked at again. */
bool attempts_any(const struct attempts *a);

#endif
