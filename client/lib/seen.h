/*
 * seen.h: the memory of received references, so that the same evidence is not accepted twice. A
 * reference is remembered for as long as its head is young enough to be accepted. So nothing can be
 * replayed, neither soon nor later.
 */
#ifndef TG_LIB_SEEN_H
#define TG_LIB_SEEN_H

#include <stddef.h>
#include <stdint.h>

#define TG_SEEN_REF 16
#define TG_SEEN_WHY 512

struct tg_seen;

/**
 * Opens this user's memory: the file `received` in the folder of state.h, with mode 0600.
 * References in the file `seen` of earlier versions are taken over. Call it before a blob is
 * consumed, because a verifier that cannot remember must not take one.
 *
 * @out  free with tg_seen_free()
 * @why  out, on failure: a sentence
 *
 * Returns 0, TG_EIO or TG_ENOMEM.
 */
int tg_seen_open(struct tg_seen **out, char why[TG_SEEN_WHY]);

/**
 * Remembers a reference. Of several processes that do so at once, one is the first.
 *
 * @until_ms  Unix time up to which the reference is known. It is kept a day longer, in case the
 *            clock was ahead
 * @now_ms    Unix time
 * @why       out, on failure: a sentence
 *
 * Returns 0; TG_EREPLAY when it was there already; TG_EIO or TG_ENOMEM when it could not be looked
 * up or kept.
 */
int tg_seen_add(struct tg_seen *s, const uint8_t ref[TG_SEEN_REF], int64_t until_ms, int64_t now_ms,
	char why[TG_SEEN_WHY]);

/** Closes the memory. NULL is fine. */
void tg_seen_free(struct tg_seen *s);

#endif
