/* api.h: the data plane's rules: routes, roles, retention, the envelope guard, problem documents.
 * Joins http above and store below; runs in workers. */
#ifndef API_API_H
#define API_API_H

#include <stdbool.h>
#include "conf/conf.h"
#include "http/httpd.h"
#include "store/store.h"

struct api;

/** api_new(l, conf, store): conf is borrowed until api_set_conf() or api_free(). */
struct api *api_new(struct loop *l, const struct conf *conf);
void api_set_store(struct api *a, struct store *s);
/** api_set_conf(a, conf): reload. Requests under way keep their decisions. */
void api_set_conf(struct api *a, const struct conf *conf);
/** api_drain(a): uploads and new sessions are refused from now on (503 draining). */
void api_drain(struct api *a);
void api_free(struct api *a);

extern const struct httpd_calls api_calls; /* for httpd_new(); ctx is the struct api */
extern const struct store_calls api_store_calls;

#endif
