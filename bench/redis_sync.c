/* redis_sync.c: see redis_sync.h. */
#include <stdarg.h>
#include "bench.h"
#include "redis_sync.h"

redisContext *redis_sync_open(const char *path)
{
	redisContext *c = redisConnectUnix(path);

	if (c == NULL || c->err != 0)
		bench_die(
			"cannot connect to %s: %s", path, c != NULL ? c->errstr : "out of memory");
	return c;
}

redisReply *redis_sync_do(redisContext *c, const char *fmt, ...)
{
	redisReply *r;
	va_list ap;

	va_start(ap, fmt);
	r = redisvCommand(c, fmt, ap);
	va_end(ap);
	if (r == NULL || r->type == REDIS_REPLY_ERROR)
		bench_die("Redis: %s: %s", fmt, r != NULL ? r->str : c->errstr);
	return r;
}

void redis_sync_answers(redisContext *c, unsigned n)
{
	while (n-- > 0) {
		redisReply *r = NULL;

		if (redisGetReply(c, (void **)&r) != REDIS_OK || r->type == REDIS_REPLY_ERROR)
			bench_die("Redis: %s", r != NULL ? r->str : c->errstr);
		freeReplyObject(r);
	}
}
