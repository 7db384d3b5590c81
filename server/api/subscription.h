/*
 * subscription.h: readers of a claimed blob hear when it ends, or may not be read. While its bytes
 * are on their way the store is asked once a second, for all readers of one blob together: a
 * claimant may ask for it in as many requests as it likes and read none of the answers. Private to
 * server/api.
 */
#ifndef API_SUBSCRIPTION_H
#define API_SUBSCRIPTION_H

#include <sys/queue.h>

struct api;
struct subscribed;

struct subscription {
	struct subscribed *of; /* the blob; NULL: it has left, or never joined */
	void (*on_end)(void *ctx);
	void *ctx;
	TAILQ_ENTRY(subscription) link;
};

/**
 * Subscribes to the end of a blob.
 *
 * @r       the reader's; filled in; stays where it is until it has left
 * @id      the blob's; copied
 * @on_end  called once, never before return, when the blob has ended, or is frozen, or that cannot
 * be learned; r has left then. Never called after subscription_leave()
 *
 * Returns 0, or TG_ENOMEM: r has not joined.
 */
int subscription_join(struct api *a, struct subscription *r, const char *id,
	void (*on_end)(void *ctx), void *ctx);
/** Ends a subscription. Harmless for one that is zeroed or has left. */
void subscription_leave(struct subscription *r);

#endif
