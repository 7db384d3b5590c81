/*
 * subscription.h: readers of claimed blobs hear when the blob ends. While its bytes are on their
 * way the store is asked once a second, for all readers of one blob together: a claimant may ask
 * for it in as many requests as it likes and read none of the answers. For the files of this folder
 * alone.
 */
#ifndef API_SUBSCRIPTION_H
#define API_SUBSCRIPTION_H

#include <sys/queue.h>

struct api;
struct subscribed;

struct subscription {
	struct subscribed *of; /* the blob; NULL: it has left, or never joined */
	void (*ended)(void *ctx);
	void *ctx;
	TAILQ_ENTRY(subscription) link;
};

/**
 * Subscribes to the end of a blob.
 *
 * @r      the reader's; filled in; stays where it is until it has left
 * @id     TOKEN_LEN characters; copied
 * @ended  called once, never before return, when the blob has ended or nothing can be learned of
 * it; r has left then. Never called after subscription_leave()
 *
 * Returns 0 or TG_ENOMEM.
 */
int subscription_join(
	struct api *a, struct subscription *r, const char *id, void (*ended)(void *ctx), void *ctx);
/** Ends a subscription. Harmless for one that is zeroed or has left. */
void subscription_leave(struct subscription *r);

#endif
