/*
 * watched.h: claimed blobs whose bytes are on their way to readers. Once a second it is asked
 * whether each still stands: once for all of its readers, since a claimant may ask for it in as
 * many requests as it likes and read none of the answers. For the files of this folder alone.
 */
#ifndef API_WATCHED_H
#define API_WATCHED_H

#include <sys/queue.h>

struct api;
struct watched;

struct watched_reader {
	struct watched *of; /* NULL: none */
	void (*ended)(void *ctx);
	void *ctx;
	TAILQ_ENTRY(watched_reader) link;
};

/**
 * watched_join(a, r, id, ended, ctx): until watched_leave(r), ended(ctx) is called when the blob
 * has ended, or when it is not to be known. Then r has left before. Returns 0 or TG_ENOMEM.
 */
int watched_join(struct api *a, struct watched_reader *r, const char *id, void (*ended)(void *ctx),
	void *ctx);
/** watched_leave(r): also for who never joined, or has left. */
void watched_leave(struct watched_reader *r);

#endif
