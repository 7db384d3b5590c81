/*
 * seen.h: which sealed references were received, so that evidence cannot be served twice to its
 * verifier. A reference is remembered for as long as its head would be young enough to be accepted,
 * so with the check of the head's age nothing can be replayed, however long one waits.
 */
#ifndef TG_LIB_SEEN_H
#define TG_LIB_SEEN_H

#include <stddef.h>
#include <stdint.h>

#define TG_SEEN_REF 16
#define TG_SEEN_WHY 512

struct tg_seen;

/**
 * Opens this user's memory: the file `received` in the folder of state.h, mode 0600; what the file
 * `seen` of earlier versions holds is taken over. Call it before anything is consumed: a verifier
 * that cannot remember must not take. Returns 0, or TG_EIO or TG_ENOMEM with a sentence in why.
 * Free with tg_seen_free().
 */
int tg_seen_open(struct tg_seen **out, char why[TG_SEEN_WHY]);
/**
 * Remembers a reference. Several processes may do so at once: one of them is the first.
 *
 * @until_ms  Unix time at which the reference may be forgotten: while now_ms <= until_ms it is
 * known. Kept a day longer, for a clock that was ahead
 * @now_ms    Unix time
 *
 * Returns 0; TG_EREPLAY when it is there already; TG_EIO or TG_ENOMEM, with a sentence in why, when
 * it can be neither looked up nor kept.
 */
int tg_seen_add(struct tg_seen *s, const uint8_t ref[TG_SEEN_REF], int64_t until_ms, int64_t now_ms,
	char why[TG_SEEN_WHY]);
void tg_seen_free(struct tg_seen *s); /* NULL is fine */

#endif
