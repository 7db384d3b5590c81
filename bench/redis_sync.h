/* redis_sync.h: blocking commands to a Redis. Each dies when the connection or the command fails.
 */
#ifndef BENCH_REDIS_SYNC_H
#define BENCH_REDIS_SYNC_H

#include <hiredis/hiredis.h>

/** Connects to the unix socket at path. The caller calls redisFree(). */
redisContext *redis_sync_open(const char *path);

/** Sends a command in hiredis's format and returns the reply, which is no error. The caller calls
 * freeReplyObject(). */
redisReply *redis_sync_do(redisContext *c, const char *fmt, ...);

/** Reads and drops the replies to n commands that redisAppendCommand() took. None may be an error.
 */
void redis_sync_answers(redisContext *c, unsigned n);

#endif
