/* httpd_reply_int.h: what httpd_req.c and httpd_pipeline.c know of an answer. Private to
 * server/http. */
#ifndef HTTP_HTTPD_REPLY_INT_H
#define HTTP_HTTPD_REPLY_INT_H

#include "http/httpd_conn.h"
#include "http/unacked.h"

struct httpd_reply;

enum httpd_reply_progress {
	HTTPD_REPLY_NONE,
	HTTPD_REPLY_BEGUN,
	HTTPD_REPLY_WHOLE /* its last byte was given */
};

struct httpd_reply { /* embedded in the request, zeroed at first */
	struct httpd_conn *conn;
	const char *id; /* the request's, for Request-Id */
	enum httpd_reply_progress progress;
	int status;
	const char *slug;       /* of a problem document's type, for the log; NULL: it is none */
	uint64_t left;          /* content bytes still to be given */
	uint64_t content_bytes; /* that were given */
	bool without_content;   /* to a HEAD request */
	bool close;             /* the connection ends with this answer */
	/* Content of the request that nobody will read would be taken for the next one: the
	 * connection ends with an answer that begins now. */
	bool content_unread;
	bool revocable;
	struct unacked_entry unacked; /* once it was written and is revocable */
};

/** httpd_reply_continue(rep): "100 Continue", if no answer has begun. */
void httpd_reply_continue(struct httpd_reply *rep);
/** httpd_reply_await_ack(rep, cb): it was given to the kernel whole, and is revocable: cb is called
 * with &rep->unacked when it is acknowledged, which may be at once, or the connection ends. */
void httpd_reply_await_ack(struct httpd_reply *rep, unacked_cb *cb);
/** httpd_reply_is_sent(rep): is no more of a whole answer unsent than its end needs to wait for? */
bool httpd_reply_is_sent(const struct httpd_reply *rep);

#endif
