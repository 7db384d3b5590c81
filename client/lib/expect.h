/* expect.h: what a caller demands of a sealed file (tg_expect), compared with its signed head. Not
 * installed. */
#ifndef TG_LIB_EXPECT_H
#define TG_LIB_EXPECT_H

#include <stddef.h>
#include <stdint.h>
#include "lib/head.h"
#include "lib/stanza.h"

#define TG_EXPECT_WHY 384 /* bytes of a reason, its NUL included */

/**
 * Can these demands be met by any file?
 *
 * Returns 0, TG_EINVAL (no identity; no senders, or no demand that raw allows; not an id; a time
 * out of range), TG_EKIND, TG_EISSUER, TG_ESESSION or TG_ESUBJECT.
 */
int tg_expect_ok(const tg_expect *e);
/**
 * Does this head say what is demanded, and is it addressed as the file is?
 *
 * @h, seen  the head, and the same as the caller may see it
 * @why      out, on failure: a sentence
 *
 * Returns 0, TG_EMISLABELLED or TG_EAGE.
 */
int tg_expect_head(const tg_expect *e, const struct tg_head_fields *h, const tg_head *seen,
	const struct tg_stanzas *s, char why[TG_EXPECT_WHY]);

#endif
