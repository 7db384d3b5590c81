/*
 * call.h: one request as this folder sees it, from its head to its answer. A call ends in http's
 * on_done; an answer of the store that is still due then is forgotten. Private to server/api.
 */
#ifndef API_CALL_H
#define API_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "api/api_int.h"
#include "conf/conf.h"
#include "http/httpd.h"

enum call_content {
	CALL_NO_CONTENT, /* what comes is dropped, 64 KiB at most */
	CALL_JSON,       /* a small JSON object, or nothing */
	CALL_STREAM      /* an upload */
};

struct call;
struct call_kind {
	enum call_content content;
	/* Called when the content is complete; of CALL_STREAM when the head is. It answers c, asks
	 * the store for an answer (call_sent()), or takes c over by a handler of its own
	 * (httpd_req_handle()), which frees it in on_done. Of CALL_STREAM it always owns c. */
	void (*start)(struct call *c);
};

#define CALL_ID_MAX 64 /* of a subject, which is longer than a claim's token */

struct call {
	struct api *api;
	struct httpd_req *req;
	const struct call_kind *kind;
	char peer[CONF_NAME_MAX + 1]; /* the caller's name and roles when the head came */
	unsigned roles;
	char id[CALL_ID_MAX + 1]; /* of the path; "" none */
	bool waiting;             /* an answer of the store with this call as its context is due */
	bool proving;             /* an answer of the recorder is due (proof_ask.h) */
	char *text;               /* CALL_JSON: the content so far; NULL: none */
	size_t text_len;          /* bytes in text; of CALL_NO_CONTENT those that were dropped */
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
/** Returns whether the caller has that role (enum role), or one of several, or'ed. */
bool call_is(const struct call *c, unsigned role);
/**
 * Waits for the store, whose callback clears c->waiting; or answers that it was not asked.
 *
 * @err  what a store function with c as its context returned. 0: its callback will come. Otherwise
 *       the problem is answered
 */
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
/** Returns whether anything new may be stored now. If not (the server drains, the store is not
 * attested, no evidence is written), the problem has been answered. */
bool call_may_store(struct call *c);
/** Returns whether the store's user has the rights without which what is handed out could not be
 * ended. If not, the problem has been answered. */
bool call_may_read(struct call *c);

#endif
