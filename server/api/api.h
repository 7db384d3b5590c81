/*
 * api.h: the data plane: it joins http above and store below. A request's head becomes a call by
 * route and role; the call asks the store, and answers. There is one api in a worker.
 */
#ifndef API_API_H
#define API_API_H

#include <stdbool.h>

#include "api/proof_ask.h"
#include "conf/conf.h"
#include "http/httpd.h"
#include "store/store.h"

struct api;

/** Makes an api without a store. Returns NULL without memory.
 *
 * @l     outlives the api
 * @conf  borrowed until api_set_conf() or api_free() */
struct api *api_new(struct loop *l, const struct conf *conf);
/** Sets the store, once, before the first request. s outlives all requests. */
void api_set_store(struct api *a, struct store *s);
/** Sets who is asked for proofs, once, before the first request. p outlives all requests. */
void api_set_proofs(struct api *a, struct proof_ask *p);
/** Replaces the configuration (reload). What was decided about requests under way stays.
 *
 * @conf  borrowed as api_new() does; the one before is not used any more */
void api_set_conf(struct api *a, const struct conf *conf);
/** Refuses uploads and new sessions from now on (503 draining). Those under way go on. */
void api_drain(struct api *a);
/** Tells the evidence of the reads that were refused. To be called again and again when all
 * requests have ended, until it returns true; it does so after half a second at the latest. */
bool api_end(struct api *a);
/** Frees the api. All requests have ended by then: httpd_free() ends them. NULL is fine. */
void api_free(struct api *a);

/* For httpd_new(); their ctx is the struct api. */
extern const struct httpd_calls api_calls;
/* For the store's owner, who passes on_down and on_low on; their ctx is the struct api. */
extern const struct store_calls api_store_calls;

#endif
