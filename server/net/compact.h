/*
 * compact.h: bytes from one evbuffer to another so that what is kept long is kept tightly. libevent
 * moves whole chains, and a chain may be far larger than what stands in it: a client that sends
 * little at a time would else cost a multiple of what it sent.
 */
#ifndef NET_COMPACT_H
#define NET_COMPACT_H

#include <stdbool.h>
#include <stddef.h>
#include <event2/buffer.h>

/**
 * compact_move(from, to, n, all): the first n bytes of `from`, which has them, go to the end of
 * `to`: copied, or with their chains if they are many. all: they are all that will ever come, and
 * need not be copied to make room for more. Returns 0, or TG_ENOMEM.
 */
int compact_move(struct evbuffer *from, struct evbuffer *to, size_t n, bool all);

#endif
