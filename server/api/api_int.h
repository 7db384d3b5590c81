/* api_int.h: what the calls of a worker share. Private to server/api. */
#ifndef API_API_INT_H
#define API_API_INT_H

#include <stdbool.h>
#include <sys/queue.h>

#include "conf/conf.h"
#include "net/loop.h"

struct proof_ask;
struct refused_reads;
struct store;
struct upload;
TAILQ_HEAD(upload_list, upload);
LIST_HEAD(subscribed_list, subscribed);

#define API_SUBSCRIPTION_BUCKETS 256u

struct api {
	struct loop *loop;
	const struct conf *conf; /* borrowed; a reload replaces it */
	struct store *store;
	struct proof_ask *proofs;   /* borrowed */
	bool draining;              /* api_drain() was called */
	struct upload_list stalled; /* uploads that wait for the store's queue to fall */
	struct loop_task resume;    /* goes on with more of them */
	unsigned n_uploads;         /* under way */
	unsigned n_large;           /* of these, with the largest chunks */
	/* blobs whose claimants are reading (subscription.c), by a hash of their ids */
	struct subscribed_list subscribed[API_SUBSCRIPTION_BUCKETS];
	struct refused_reads *refused;
	struct loop_task lines; /* writes the log's lines at the end of the turn */
};

#endif
