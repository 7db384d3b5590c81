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
	/* The request's content is not all here. The connection ends with an answer that begins
	 * now, since the rest would be taken for the next request. */
	bool content_unread;
	bool revocable;               /* by httpd_reply_set_revocable() */
	struct unacked_entry unacked; /* of a revocable answer that was written whole */
};

/** Sends "100 Continue", if no answer has begun. */
void httpd_reply_continue(struct httpd_reply *rep);
/** Waits for a revocable answer, which the kernel has whole, to be acknowledged. cb is called once,
 * with &rep->unacked, when it is, which may be before return, or when the connection ends. */
void httpd_reply_await_ack(struct httpd_reply *rep, unacked_cb *cb);
/** Returns whether so little of a whole answer is unsent that the next request may begin: nothing
 * of a revocable one, BUFFER_OUT_LOW_BYTES of any other. */
bool httpd_reply_is_sent(const struct httpd_reply *rep);

#endif
