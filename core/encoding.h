/* encoding.h: recognises text files that an editor has saved in an encoding of its own, where plain
 * ASCII is needed. */
#ifndef TG_CORE_ENCODING_H
#define TG_CORE_ENCODING_H

#include <stddef.h>
#include <stdint.h>

#define TG_ENCODING_BYTES 3u /* of a file's beginning are enough */

/** Looks at the first n bytes of a text. Returns a sentence that says what is wrong and what to do,
 * which lives for ever, or NULL. */
const char *tg_encoding_fault(const uint8_t *p, size_t n);

#endif
