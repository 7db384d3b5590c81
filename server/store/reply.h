/*
 * reply.h: elements of the arrays that Redis's own commands answer with.
 */
#ifndef STORE_REPLY_H
#define STORE_REPLY_H

#include <stddef.h>
#include <hiredis/hiredis.h>

/** reply_at(r, i): element i; NULL when it is not there, or r is no array. */
const redisReply *reply_at(const redisReply *r, size_t i);
/** reply_text(r, i): element i as a text; "" when it is none. */
const char *reply_text(const redisReply *r, size_t i);

#endif
