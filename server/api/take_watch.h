/*
 * take_watch.h: what a take has read may be delivered only as long as the blob's time is not over
 * and nobody has ended it, or frozen its subject. That is looked at once a second, until the
 * reader's kernel has acknowledged all of the answer. (subscription.h does the same for all readers
 * of a claim together.) For the files of this folder alone.
 */
#ifndef API_TAKE_WATCH_H
#define API_TAKE_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <event2/event_struct.h>

#include "http/httpd_reply.h"
#include "store/store_blob.h"

struct api;

struct take_watch {
	struct api *api; /* NULL: it has not begun, or has ended */
	struct httpd_reply *reply;
	const char *id;
	struct store_blob_ties ties; /* the blob's */
	bool all_read;               /* take_watch_all_read() was called */
	bool asked;                  /* an answer of the store is due */
	int64_t until_ms;            /* the store's time at which delivery ends */
	struct event timer;
	void (*on_end)(void *ctx);
	void *ctx;
};

/**
 * Begins to watch.
 *
 * @w       zeroed; stays where it is until take_watch_end()
 * @reply   the revocable answer, borrowed until take_watch_end()
 * @id      the blob's, borrowed until take_watch_end()
 * @b       the blob: its deadline, and its session and subject; borrowed until return
 * @on_end  called when what is not delivered must not be any more, or that cannot be learned; never
 *          before return. The watch goes on until take_watch_end(), which may be called in on_end
 */
void take_watch_begin(struct take_watch *w, struct api *a, struct httpd_reply *reply,
	const char *id, const struct store_blob *b, void (*on_end)(void *ctx), void *ctx);
/** The take has read the last chunk, and with that has ended the blob: from now on the store is
 * asked whether somebody else has ended it, too. Delivery ends in 60 s at the latest. */
void take_watch_all_read(struct take_watch *w);
/** Ends the watch: on_end does not come any more. Harmless for one that is zeroed or has ended. */
void take_watch_end(struct take_watch *w);

#endif
