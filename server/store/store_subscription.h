/*
 * store_subscription.h: hears what becomes due soon, over a connection of its own. For the reaper.
 */
#ifndef STORE_STORE_SUBSCRIPTION_H
#define STORE_STORE_SUBSCRIPTION_H

#include <stddef.h>
#include <stdint.h>
#include "net/loop.h"

struct store_subscription;

/** An entry of the index became the next that is due in its shard, in_ms from now. */
typedef void store_due_cb(void *ctx, unsigned shard, int64_t in_ms);
/**
 * Connects and subscribes, again and again. What is published while the connection is down is not
 * told later.
 *
 * @url  as rconn_new() takes it
 * @cb   never called before return
 * @err  of cap bytes: what is wrong with the URL, when NULL is returned
 */
struct store_subscription *store_subscription_new(
	struct loop *l, const char *url, store_due_cb *cb, void *ctx, char *err, size_t cap);
/** Sends something that is to be answered, so that a connection which broke silently is noticed.
 * To be called every few seconds. */
void store_subscription_ping(struct store_subscription *w);
/** cb is not called any more. NULL is fine. */
void store_subscription_free(struct store_subscription *w);

#endif
