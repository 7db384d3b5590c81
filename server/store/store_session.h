/*
 * store_session.h: sessions: opened, kept awake, shown, and closed with what is bound to them.
 */
#ifndef STORE_STORE_SESSION_H
#define STORE_STORE_SESSION_H

#include <stddef.h>
#include "store/types.h"

/* Texts that these calls are given are borrowed until return. */

/** session: with 0, and with TG_EGONE; otherwise NULL. Borrowed until return. */
typedef void store_session_cb(void *ctx, int err, const struct store_session *session);
/**
 * Opens a session.
 *
 * @subject  its hash, which then holds for all blobs of the session, and names its shard; "" or
 *           NULL: none
 * @idle_s   it ends when nothing has happened in it for so long
 * @cb       0, TG_EFULL, TG_ESTORE or TG_EINTERNAL
 */
int store_session_open(struct store *s, const char *uploader, const char *subject, uint32_t idle_s,
	store_session_cb *cb, void *ctx);
/** Something happened in the session: its idle time begins anew. cb: 0; TG_EGONE: it has ended, and
 * session says how; TG_ENOENT: it is not there, or another uploader's; TG_ESTORE, TG_EINTERNAL. */
int store_session_touch(
	struct store *s, const char *sid, const char *uploader, store_session_cb *cb, void *ctx);

/** session, blobs: with 0 alone, borrowed until return. n: how many blobs. */
typedef void store_session_show_cb(void *ctx, int err, const struct store_session *session,
	const struct store_blob *blobs, size_t n);
/** Tells of a session and its blobs, live and gone, 1,000 at most. Whoever calls decides who may
 * know. cb: 0, TG_ENOENT, TG_ECOMPARE, TG_ESTORE, TG_ENOMEM or TG_EINTERNAL. */
int store_session_show(struct store *s, const char *sid, store_session_show_cb *cb, void *ctx);
/**
 * Ends a session, and the blobs that are bound to it. Goes on to the end, also when the caller
 * leaves before the answer.
 *
 * @uploader   whose it must be; NULL: an operator asks
 * @erase_all  the blobs that are not bound to it end, too
 * @cb         0, and the blobs that this call ended (4,096 at most are told); TG_ENOENT: it is not
 *             there, or another uploader's; TG_ESTORE, TG_ENOMEM, TG_EINTERNAL
 */
int store_session_close(struct store *s, const char *sid, const char *uploader, bool erase_all,
	store_session_show_cb *cb, void *ctx);

#endif
