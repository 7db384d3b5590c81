/*
 * read_space.h: the memory into which the reads of all streams of a process go first. A few bytes
 * are copied out of it, so that what a thousand slow connections hold is in proportion to what they
 * sent and not to what a read asks for. A read that nearly fills it takes it along, and the next
 * read gets another one.
 */
#ifndef NET_READ_SPACE_H
#define NET_READ_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <event2/buffer.h>

/** Fills in *v with room for BUFFER_SPACE_BYTES, which is the caller's until the next call of any
 * of these functions. Returns false without memory. */
bool read_space_get(struct evbuffer_iovec *v);
/**
 * Adds what was read to an evbuffer, in memory that is in proportion to it. What stays behind in
 * the space is overwritten.
 *
 * @in  gets the bytes at its end
 * @v   of read_space_get()
 * @n   the first n bytes of the space
 *
 * Returns false without memory.
 */
bool read_space_keep(struct evbuffer *in, struct evbuffer_iovec *v, size_t n);

#endif
