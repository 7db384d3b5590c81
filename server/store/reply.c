/*
 * reply.c: elements of an array that Redis answered. Pure.
 */
#include "store/reply.h"

const redisReply *reply_at(const redisReply *r, size_t i)
{
	return r != NULL && r->type == REDIS_REPLY_ARRAY && i < r->elements ? r->element[i] : NULL;
}

const char *reply_text(const redisReply *r, size_t i)
{
	const redisReply *e = reply_at(r, i);

	return e != NULL && (e->type == REDIS_REPLY_STRING || e->type == REDIS_REPLY_STATUS) ?
		e->str :
		"";
}
