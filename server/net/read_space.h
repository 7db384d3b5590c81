/*
 * read_space.h: where the reads of all streams of a process go first. Little is copied out of it,
 * so that what a thousand slow connections hold is in proportion to what they sent and not to what
 * a read asks for; what nearly fills it keeps it, and the next read gets another one.
 */
#ifndef NET_READ_SPACE_H
#define NET_READ_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <event2/buffer.h>

/** read_space_get(v): room for BUFFER_SPACE_BYTES, until the next call of any of these. Returns
 * false without memory. */
bool read_space_get(struct evbuffer_iovec *v);
/** read_space_keep(in, v, n): the first n bytes of it go to the end of `in`, in memory that is in
 * proportion to them. What stays behind is overwritten. Returns false without memory. */
bool read_space_keep(struct evbuffer *in, struct evbuffer_iovec *v, size_t n);

#endif
