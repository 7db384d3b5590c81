/* expect.h: compares what a caller demands of a sealed file (tg_expect) with its signed head. Not
 * installed. */
#ifndef TG_LIB_EXPECT_H
#define TG_LIB_EXPECT_H

#include <stddef.h>
#include <stdint.h>
#include "lib/head.h"
#include "lib/stanza.h"

#define TG_EXPECT_WHY 384 /* bytes of a reason, its NUL included */

/**
 * Checks that some file could meet these demands.
 *
 * Returns 0, TG_EINVAL (no identity; no senders, or no demand that raw allows; not an id; a time
 * out of range), TG_EKIND, TG_EISSUER, TG_ESESSION or TG_ESUBJECT.
 */
int tg_expect_ok(const tg_expect *e);

/**
 * Checks that the head says what is demanded, and that the file has the recipients that the head
 * names.
 *
 * @h     the head
 * @seen  the same head as the caller may see it
 * @s     the stanzas of the file
 * @why   out, on failure: a sentence
 *
 * Returns 0, TG_EMISLABELLED or TG_EAGE.
 */
int tg_expect_head(const tg_expect *e, const struct tg_head_fields *h, const tg_head *seen,
	const struct tg_stanzas *s, char why[TG_EXPECT_WHY]);

#endif
