/*
 * error.h: what an answer of Redis means as a TG_E… code.
 */
#ifndef STORE_ERROR_H
#define STORE_ERROR_H

#include <stdbool.h>
#include <hiredis/hiredis.h>

struct store;

/**
 * Reads the code of an answer.
 *
 * @r  a function's answer, a command's, or an error of Redis's own; borrowed; NULL: the connection
 *     broke
 *
 * Returns 0, the code that a function answers, or what an error of Redis means, which is logged:
 * TG_EFULL, TG_ESTORE (also for NULL), or TG_EINTERNAL where it should not happen. Where Redis does
 * not know the function, the library is loaded again.
 */
int error_of(struct store *s, const redisReply *r);
/** A callback for a command on whose answer nothing depends: logs a refusal. store: a struct
 * store, the callback's ctx. */
void error_heard(void *store, const redisReply *r);
/** Returns whether an error (EXEC's answer) says that none of a transaction's commands was carried
 * out. */
bool error_discarded(const char *error);

#endif
