/*
 * upload_content.h: an upload's content on its way from http to the store. Every call may end the
 * upload by its answer (upload_step.h); none frees it.
 */
#ifndef API_UPLOAD_CONTENT_H
#define API_UPLOAD_CONTENT_H

#include "api/upload_step.h"

/** http's on_body. ctx is the struct upload. Takes what it can of data; the rest stays there. */
void upload_content_on_body(struct httpd_req *r, struct evbuffer *data, void *ctx);
/** http's on_end: the content is complete. ctx is the struct upload. */
void upload_content_on_end(struct httpd_req *r, void *ctx);
/** The store may take another chunk now: goes on with the content, or with the commit. */
void upload_content_room(struct upload *u);
/** The store's queue fell, or the store is gone: goes on with some of the uploads that wait for
 * that, and with more of them later in the loop. */
void upload_content_resume(struct api *a);

#endif
