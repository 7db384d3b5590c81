/*
 * store_session.h: sessions: opened, kept awake, shown, closed with what is bound to them.
 */
#ifndef STORE_STORE_SESSION_H
#define STORE_STORE_SESSION_H

#include <stddef.h>
#include "store/types.h"

typedef void store_session_cb(void *ctx, int err, const struct store_session *session);
/** store_session_open(s, uploader, subject, idle_s, cb, ctx): subject: its hash, which then holds
 * for all blobs of the session and names the shard; "" or NULL: none. */
int store_session_open(struct store *s, const char *uploader, const char *subject, uint32_t idle_s,
	store_session_cb *cb, void *ctx);
/** store_session_touch(s, sid, uploader, cb, ctx): the idle clock begins anew. TG_ENOENT: not
 * there, or another uploader's; TG_EGONE: it has ended, and session tells how. */
int store_session_touch(
	struct store *s, const char *sid, const char *uploader, store_session_cb *cb, void *ctx);

/* blobs: n of them, borrowed until return. */
typedef void store_session_show_cb(void *ctx, int err, const struct store_session *session,
	const struct store_blob *blobs, size_t n);
/** store_session_show(s, sid, cb, ctx): the session and its blobs that are known, live and gone.
 * Who may know is the caller's to decide. */
int store_session_show(struct store *s, const char *sid, store_session_show_cb *cb, void *ctx);
/** store_session_close(s, sid, uploader, erase_all, cb, ctx): ends it, and its bound blobs, or with
 * erase_all every blob of it; blobs: those that this call erased. uploader NULL: an operator asks.
 * TG_ENOENT: not there, or another uploader's. */
int store_session_close(struct store *s, const char *sid, const char *uploader, bool erase_all,
	store_session_show_cb *cb, void *ctx);

#endif
