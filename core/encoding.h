/* encoding.h: what editors of other systems make of a text that should be plain ASCII. */
#ifndef TG_CORE_ENCODING_H
#define TG_CORE_ENCODING_H

#include <stddef.h>
#include <stdint.h>

#define TG_ENCODING_BYTES 3u /* so many of a file's first bytes tell */

/** tg_encoding_fault(p, n): of a text's first n bytes: a static "what is wrong: what to do", or
 * NULL. */
const char *tg_encoding_fault(const uint8_t *p, size_t n);

#endif
