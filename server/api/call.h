/*
 * call.h: one request as this layer sees it, from its head to its answer. A call ends in http's
 * on_done; a store callback that is still to come is then forgotten. For the files of this folder
 * alone.
 */
#ifndef API_CALL_H
#define API_CALL_H

#include <stdbool.h>
#include <sys/queue.h>

#include <jansson.h>

#include "conf/conf.h"
#include "http/httpd.h"
#include "store/store_claim.h"

struct upload;
TAILQ_HEAD(upload_list, upload);
LIST_HEAD(subscribed_list, subscribed);

#define API_SUBSCRIPTION_BUCKETS 256u

struct api {
	struct loop *loop;
	const struct conf *conf;
	struct store *store;
	bool draining;
	struct upload_list stalled; /* uploads that wait for the store's queue to fall */
	struct loop_task resume;    /* goes on with more of them */
	unsigned n_uploads;         /* under way */
	unsigned n_large;           /* of these, with the largest chunks */
	struct subscribed_list subscribed[API_SUBSCRIPTION_BUCKETS]; /* by a hash of their ids */
	struct loop_task lines; /* writes the log's lines at the end of the turn */
};

enum call_content {
	CALL_NO_CONTENT, /* what comes is dropped, 64 KiB at most */
	CALL_JSON,       /* a small JSON object, or nothing */
	CALL_STREAM      /* an upload */
};

struct call;
struct call_kind {
	enum call_content content;
	/* called when the content is complete; of CALL_STREAM when the head is, and then start owns
	 * the call and frees it */
	void (*start)(struct call *c);
};

#define CALL_ID_MAX STORE_CLAIM_LEN

struct call {
	struct api *api;
	struct httpd_req *req;
	const struct call_kind *kind;
	char peer[CONF_NAME_MAX + 1];
	unsigned roles;
	char id[CALL_ID_MAX + 1];
	bool waiting; /* the store will call back with this call as its context */
	bool flag;    /* of the call's own: close: erase all */
	char *text;   /* CALL_JSON: the content */
	size_t text_len;
};

/**
 * Begins a call: http delivers the content, kind->start follows.
 *
 * @r     its head is complete; its peer is known
 * @kind  borrowed for the call's life
 * @id    of the path, "" when it has none; copied
 */
void call_begin(struct api *a, struct httpd_req *r, const struct call_kind *kind, const char *id);
/** Frees a call that was taken over by its start. Others end with the request. */
void call_free(struct call *c);
/** Returns whether the caller has that role (enum role). */
bool call_is(const struct call *c, unsigned role);
/** To be called with what a store call with c as its context returned. 0: its callback will come.
 * Otherwise the problem is answered. */
void call_sent(struct call *c, int err);

/** Returns the content as a JSON object without doubled members (no content: an empty one), owned
 * by the caller. NULL: the problem has been answered. */
json_t *call_json(struct call *c);

/**
 * Checks whether the store is attested and evidence is being written. A store that is away is not
 * looked for here: what is asked of it fails by itself.
 *
 * @detail  set to the reason when TG_EATTEST is returned; static, valid until the next call
 *
 * Returns 0, TG_EATTEST or TG_EEVIDENCE.
 */
int call_check_storing(const struct api *a, const char **detail);
/** Returns whether anything new may be stored now. If not (we are draining, the store is not
 * attested, no evidence is written), the problem has been answered. */
bool call_may_store(struct call *c);
/** Returns whether the store's user has the rights without which what is handed out could not be
 * ended. If not, the problem has been answered. */
bool call_may_read(struct call *c);

#endif
