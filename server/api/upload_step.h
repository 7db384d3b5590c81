/*
 * upload_step.h: an upload, for the files that work on it: upload.c begins and ends it,
 * upload_content.c takes its content; both change its state, and answer it, by what stands here.
 * The states and what changes them are in upload_state.h. Private to server/api.
 */
#ifndef API_UPLOAD_STEP_H
#define API_UPLOAD_STEP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "api/call.h"
#include "api/guard.h"
#include "api/repeat.h"
#include "api/rules.h"
#include "api/upload_state.h"
#include "store/store_put.h"
#include "store/types.h"

struct upload {
	struct call *call;
	struct httpd_req *req;
	struct api *api;
	enum upload_state state;
	struct store_put *put; /* NULL: none is open */
	struct store_put_opts opts;
	struct guard *guard;         /* NULL: a repeat could not be compared */
	struct evbuffer *chunk;      /* that is filling; opts.desc.chunk_bytes at most */
	uint64_t size_bytes;         /* of the content so far */
	char key[RULES_KEY_MAX + 1]; /* Idempotency-Key; "" none */
	/* The error by which the rules refuse the upload, unless it was stored before under its
	 * name; 0: they do not refuse it. With its sentence, static. */
	int refused;
	const char *refused_why;
	struct store_blob blob; /* the blob that the answer tells of, from KNOWN or the commit on */
	struct repeat repeat;   /* in COMPARING and MEASURING */
	bool stalled;           /* the upload is in api->stalled */
	bool large;             /* the upload counts in api->n_large */
	TAILQ_ENTRY(upload) link;
};

/** Changes the state by the table, gives up what the next state does not own, and pauses or resumes
 * the content. Aborts when the event may not come. */
void upload_step(struct upload *u, enum upload_event e);
/** Takes the upload out of the list of those that wait for the store's queue. Harmless when it is
 * not in it. */
void upload_step_unstall(struct upload *u);

/* Each of these ends the upload by its answer, once. u stays valid until http's on_done. */

/** Answers with a problem.
 *
 * @err     a TG_E… of the error table
 * @detail  a sentence that says what to do, borrowed until return; NULL: the error's own */
void upload_step_refuse(struct upload *u, int err, const char *detail);
/** As upload_step_refuse(), where the name or the key stands for another upload, or the store could
 * not tell: there is nothing of this one to give up under it. */
void upload_step_refuse_other(struct upload *u, int err);
/** As upload_step_refuse(): there is more content than max_blob. */
void upload_step_refuse_size(struct upload *u);
/** Answers with the blob. status: 201, or 200 when it was stored before. */
void upload_step_tell(struct upload *u, int status, const struct store_blob *b);

#endif
