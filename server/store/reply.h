/*
 * reply.h: elements of the arrays that Redis's own commands answer with.
 */
#ifndef STORE_REPLY_H
#define STORE_REPLY_H

#include <stddef.h>
#include <hiredis/hiredis.h>

/** Returns element i, which belongs to r; NULL when it is not there, or r is NULL or no array. */
const redisReply *reply_at(const redisReply *r, size_t i);
/** Returns element i as a text, which belongs to r; "" when it is none. */
const char *reply_text(const redisReply *r, size_t i);

#endif
