/* upload_step.c: see upload_step.h. The events come from upload.c and upload_content.c. Runs in
 * workers. */
#include <stdio.h>

#include <timeglas/errors.h>

#include "api/answers.h"
#include "api/reply.h"
#include "api/upload_step.h"
#include "base/metrics.h"
#include "base/text.h"
#include "store/store.h"
#include "store/store_idempotency.h"
#include "store/store_put.h"
#include "store/types.h"

/* States ------------------------------------------------------------------- */

void upload_step_unstall(struct upload *u)
{
	if (u->stalled)
		TAILQ_REMOVE(&u->api->stalled, u, link);
	u->stalled = false;
}

/* What the next state does not own is given up. */
static void leave(struct upload *u, enum upload_state from, enum upload_event e)
{
	const enum upload_state to = u->state;

	if (upload_state_asks(from) && e == UPLOAD_EV_GONE)
		store_forget(u->api->store, u);
	if (u->put != NULL && !upload_state_has_put(to)) {
		store_put_abort(u->put);
		u->put = NULL;
	}
	if (upload_state_holds_key(from) && u->key[0] != '\0' &&
		(e == UPLOAD_EV_REFUSED || e == UPLOAD_EV_GONE))
		store_idempotency_drop(u->api->store, u->opts.desc.uploader, u->key, u->opts.id);
	if (!upload_state_may_stall(to))
		upload_step_unstall(u);
}

static void enter(struct upload *u, enum upload_state from)
{
	switch (u->state) {
	case UPLOAD_NAMING:
	case UPLOAD_KEYING:
	case UPLOAD_CHECKING:
	case UPLOAD_BLOCKED:
		httpd_req_pause(u->req, true);
		break;
	case UPLOAD_RECEIVING:
		if (from != UPLOAD_STARTING) /* where nothing was paused */
			httpd_req_pause(u->req, false);
		break;
	case UPLOAD_COMPARING:
		httpd_req_pause(u->req, false);
		break;
	case UPLOAD_ANSWERED:
		evbuffer_drain(u->chunk, evbuffer_get_length(u->chunk));
		break;
	case UPLOAD_STARTING:
	case UPLOAD_COMPLETE:
	case UPLOAD_COMMITTING:
	case UPLOAD_SETTLING:
	case UPLOAD_MEASURING:
	case UPLOAD_ENDED:
	case UPLOAD_STATE_COUNT:
		break;
	}
}

void upload_step(struct upload *u, enum upload_event e)
{
	const enum upload_state from = u->state;

	u->state = upload_state_next(from, e);
	if (u->state == from)
		return;
	leave(u, from, e);
	enter(u, from);
}

/* The answer --------------------------------------------------------------- */

static void reply_refusal(struct upload *u, int err, const char *detail)
{
	if (err == TG_EENVELOPE)
		metrics_count(M_GUARD_REFUSED, 1);
	if (err == TG_EGONE) /* all of its subject was erased meanwhile */
		reply_gone(u->req, "upload", STORE_CAUSE_ERASED, store_now_ms(u->api->store));
	else if (detail != NULL)
		httpd_problem(httpd_req_reply(u->req), err, detail, NULL, NULL);
	else
		reply_error(u->req, err, NULL);
}

void upload_step_refuse(struct upload *u, int err, const char *detail)
{
	upload_step(u, UPLOAD_EV_REFUSED);
	reply_refusal(u, err, detail);
}

void upload_step_refuse_other(struct upload *u, int err)
{
	upload_step(u, UPLOAD_EV_OTHER);
	reply_refusal(u, err, NULL);
}

void upload_step_refuse_size(struct upload *u)
{
	char detail[96];

	snprintf(detail, sizeof detail, "a blob may have at most %llu bytes here (max_blob)",
		(unsigned long long)u->api->conf->max_blob_bytes);
	upload_step_refuse(u, TG_ETOOBIG, detail);
}

void upload_step_tell(struct upload *u, int status, const struct store_blob *b)
{
	char location[64];
	struct text t = text_in(location, sizeof location);
	struct jsonw w = {0};

	upload_step(u, UPLOAD_EV_STORED);
	text_join(&t, "Location: /v1/blobs/", b->id, "\r\n");
	jsonw_open(&w, NULL, '{');
	if (b->state == STORE_GONE)
		answers_blob(&w, b, true); /* a tombstone has no description */
	else
		answers_stored(&w, b);
	jsonw_close(&w, '}');
	reply_json(u->req, status, location, &w);
}
