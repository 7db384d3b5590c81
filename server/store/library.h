/*
 * library.h: the Function library in Redis: it is compared with this program's own after each
 * connect, and loaded when it differs or is not there.
 */
#ifndef STORE_LIBRARY_H
#define STORE_LIBRARY_H

#include <hiredis/hiredis.h>

struct store;

/** library_new(s): 0 or TG_ENOMEM. Behind it s->library.on_loaded and on_failed are to be set. */
int library_new(struct store *s);
void library_free(struct store *s);
/**
 * Begins to compare, unless that is under way, or the connection is down. When Redis has the
 * library, s->library.on_loaded is called; its owner then calls library_settled() or
 * library_failed().
 */
void library_check(struct store *s);
/** library_settled(s): it can be used; the next library_check() begins anew. */
void library_settled(struct store *s);
/** library_failed(s, r): what was asked was answered with r. Asks again in a second, and tells
 * s->library.on_failed what Redis refused. NULL: the connection broke. */
void library_failed(struct store *s, const redisReply *r);
/** library_reset(s): the connection is another one, or gone. */
void library_reset(struct store *s);

#endif
