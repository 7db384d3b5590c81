/* open.h: what tg_open_fd() needs of an opener beyond timeglas.h, to open the same payload a second
 * time. Not installed. */
#ifndef TG_LIB_OPEN_H
#define TG_LIB_OPEN_H

#include <stddef.h>
#include <stdint.h>
#include <timeglas/timeglas.h>
#include "lib/stream.h"

/* Sees a sealed chunk before it is opened. 0, or a TG_E... that ends it. */
typedef int tg_chunk_fn(void *ctx, const uint8_t *p, size_t n);

/** tg_open_watch(o, on_chunk, ctx): before the first push. The payload's key then outlives
 * tg_open_finish(), until o is freed. */
void tg_open_watch(tg_opener *o, tg_chunk_fn *on_chunk, void *ctx);

struct tg_payload {
	/* the opener's: at the first chunk, with the key of the header that was checked */
	struct tg_stream *stream;
	uint64_t start;  /* of the first chunk, from the first byte that was pushed */
	size_t head_len; /* bytes in front of the content; 0: raw */
	uint64_t content_len;
};
/** tg_open_again(o, out): after tg_open_finish() returned 0 for an opener that is watched. */
void tg_open_again(tg_opener *o, struct tg_payload *out);

#endif
