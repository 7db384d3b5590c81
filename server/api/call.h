/*
 * call.h: one request as this layer sees it, from its head to its answer, and the answers that all
 * calls share. A call ends in httpd's on_done; a store callback that is still to come is then
 * forgotten. Not part of api.h: for the files of this folder alone.
 */
#ifndef API_CALL_H
#define API_CALL_H

#include <stdbool.h>
#include <sys/queue.h>

#include <jansson.h>

#include "api/api.h"
#include "api/route.h"
#include "base/jsonw.h"

struct upload;
TAILQ_HEAD(upload_list, upload);
LIST_HEAD(watched_list, watched);

#define API_WATCHED_BUCKETS 256u

struct api {
	struct loop *loop;
	const struct conf *conf;
	struct store *store;
	bool draining;
	struct upload_list stalled; /* uploads that wait for the store's queue to fall */
	struct loop_task resume;    /* goes on with more of them */
	unsigned n_uploads;         /* under way */
	unsigned n_large;           /* of these, with the largest chunks */
	struct watched_list watched[API_WATCHED_BUCKETS]; /* by a hash of their ids */
	struct loop_task lines; /* writes the log's lines at the end of the turn */
};

struct call {
	struct api *api;
	struct httpd_req *req;
	const struct route *route;
	char peer[CONF_NAME_MAX + 1];
	unsigned roles;
	char id[ROUTE_ID_MAX + 1];
	bool waiting; /* the store will call back with this call as its context */
	bool flag;    /* of the call's own: close: erase all */
	char *text;   /* ROUTE_JSON: the content */
	size_t text_len;
};

/** call_begin(a, r, route, id): set up and let httpd deliver the content; route->start follows. */
void call_begin(struct api *a, struct httpd_req *r, const struct route *route, const char *id);
void call_free(struct call *c);
bool call_is(const struct call *c, unsigned role);
/** call_sent(c, err): a store call was queued (err 0: its callback will come), or could not be:
 * answers with the problem. */
void call_sent(struct call *c, int err);

/** call_json(c): the content as a JSON object, without doubled members; no content: an empty one.
 * NULL: the problem has been answered. */
json_t *call_json(struct call *c);

/** reply_json(r, status, fields, w): the text of w; frees w. 500 when memory ran out. */
void reply_json(struct httpd_req *r, int status, const char *fields, struct jsonw *w);
/** reply_error(r, err, blob): the problem for a store's or rule's error; blob: for TG_EGONE, cause
 * and time; for TG_ECLAIMED, the caller's own lease. May be NULL. */
void reply_error(struct httpd_req *r, int err, const struct store_blob *blob);

/** reply_gone(r, what, cause, at_ms): the 410 of a blob or session, with its cause and time. */
void reply_gone(struct httpd_req *r, const char *what, const char *cause, int64_t at_ms);

/**
 * api_may_store(a, detail): is the store attested, and is evidence being written? 0, TG_EATTEST
 * (*detail: the reason) or TG_EEVIDENCE. A store that is away is no question of either: what is
 * asked of it then fails by itself.
 */
int api_may_store(const struct api *a, const char **detail);
/** call_may_store(c): may anything new be stored now (nor are we draining)? If not, the problem has
 * been answered. */
bool call_may_store(struct call *c);
/** call_may_read(c): has the store's user the rights without which what is handed out could not be
 * ended? If not, the problem has been answered. */
bool call_may_read(struct call *c);

/* The calls: each is a route's start. */
void upload_start(struct call *c);
void take_start(struct call *c);
void claim_start(struct call *c);
void claim_read(struct call *c);
void claim_ack(struct call *c);
void blob_stat(struct call *c);
void blob_erase(struct call *c);
void session_open(struct call *c);
void session_show(struct call *c);
void session_touch(struct call *c);
void session_close(struct call *c);
void policy_show(struct call *c);

/** upload_resume(a): the store's queue fell: go on with what stalled. */
void upload_resume(struct api *a);

/* Members of answers, each inside an object that the caller has opened. */
/** answer_blob(w, b, full): full: for its uploader and operators, who are also told how the
 * evidence calls it, and of one that is gone outcome and event. */
void answer_blob(struct jsonw *w, const struct store_blob *b, bool full);
/** answer_stored: what an upload is answered, also when it is asked for again while the blob is
 * claimed. */
void answer_stored(struct jsonw *w, const struct store_blob *b);
void answer_session(struct jsonw *w, const struct store_session *s);
void answer_receipt(struct jsonw *w, const char *key, const struct store_blob *b);
/** on_receipt(ctx, err, b): a store_blob_cb: the call (ctx) that ended a blob is answered with its
 * receipt, or with the problem. */
void on_receipt(void *ctx, int err, const struct store_blob *b);

#endif
