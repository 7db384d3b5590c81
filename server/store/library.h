/*
 * library.h: the Function library in Redis. It is compared with this program's own after each
 * connect, and loaded when it differs or is not there.
 */
#ifndef STORE_LIBRARY_H
#define STORE_LIBRARY_H

#include <hiredis/hiredis.h>

struct store;

/** Makes the library's part of the store. The owner then sets s->library.on_loaded and on_failed.
 * Returns 0 or TG_ENOMEM. */
int library_new(struct store *s);
void library_free(struct store *s);
/**
 * Begins to compare; does nothing while that is under way, or the connection is down. When Redis
 * has the library, s->library.on_loaded is called, and its owner then calls library_settled() or
 * library_failed().
 */
void library_check(struct store *s);
/** The library can be used. The next library_check() begins anew. */
void library_settled(struct store *s);
/** What the owner asked in on_loaded was answered with r, which is no success. Asks again in a
 * second, and tells s->library.on_failed what Redis refused. r NULL: the connection broke. */
void library_failed(struct store *s, const redisReply *r);
/** The connection is another one, or gone. */
void library_reset(struct store *s);

#endif
