/*
 * error.h: what Redis refused, as a TG_E... code.
 */
#ifndef STORE_ERROR_H
#define STORE_ERROR_H

#include <stdbool.h>
#include <hiredis/hiredis.h>

struct store;

/** error_of(s, r): 0, or the TG_E... code that a function answers, or what Redis's own refusal
 * means (logged). NULL: TG_ESTORE. When the library is gone it is loaded again. */
int error_of(struct store *s, const redisReply *r);
/** error_heard(store, r): a callback, whose ctx is the store, for a command on whose answer nothing
 * depends: logs a refusal. */
void error_heard(void *store, const redisReply *r);
/** error_discarded(error): does Redis say of a transaction that none of its commands was carried
 * out? */
bool error_discarded(const char *error);

#endif
