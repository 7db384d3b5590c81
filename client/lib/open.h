/* open.h: what tg_open_fd() needs of an opener beyond timeglas.h, so that it can open the same
 * payload a second time. Not installed. */
#ifndef TG_LIB_OPEN_H
#define TG_LIB_OPEN_H

#include <stddef.h>
#include <stdint.h>
#include <timeglas/timeglas.h>
#include "lib/stream.h"

/** Sees each sealed chunk, of n bytes, before it is opened. Returns 0, or a TG_E… code that ends
 * the opening. */
typedef int tg_chunk_fn(void *ctx, const uint8_t *p, size_t n);

/** Sets the observer. Call it before the first push. The payload's key then stays in o until o is
 * freed, instead of until tg_open_finish(). */
void tg_open_observe(tg_opener *o, tg_chunk_fn *on_chunk, void *ctx);

struct tg_payload {
	/* the opener's: it opens the first chunk next, with the key of the checked header */
	struct tg_stream *stream;
	uint64_t start;       /* offset of the first chunk in what was pushed */
	size_t head_len;      /* bytes in front of the content; 0: raw */
	uint64_t content_len; /* bytes of content */
};

/** Goes back to the first chunk. Only for an observed opener whose tg_open_finish() returned 0. */
void tg_open_rewind(tg_opener *o, struct tg_payload *out);

#endif
