/* httpd_req_state.h: the states of a connection's requests, which come one after the other, and
 * what changes them. docs/states/httpd_req.svg is the drawing. What is done in each is in
 * httpd_pipeline.c. */
#ifndef HTTP_HTTPD_REQ_STATE_H
#define HTTP_HTTPD_REQ_STATE_H

#include "base/transitions.h"

#define HTTPD_REQ_STATES(X) \
	X(IDLE)    /* between requests */ \
	X(HEAD)    /* a head has begun */ \
	X(CONTENT) /* a request is under way, and its content is still coming */ \
	X(HANDLER) /* all of its content is here, and no answer */ \
	X(REPLY)   /* the answer has begun; the handler has not given all of it */ \
	X(SEND)    /* the whole answer was given; more than a little of it is unsent */ \
	X(CLOSED)  /* there will be no further request */

#define HTTPD_REQ_EVENTS(X) \
	X(BYTES)           /* the first bytes of a head */ \
	X(CONTENT_FOLLOWS) /* a whole head, whose content is not complete */ \
	X(CONTENT_WHOLE)   /* the last byte of content, or a head without any */ \
	X(REPLY_BEGUN)     /* the answer's head was given */ \
	X(REPLY_WHOLE)     /* the answer's last byte was given */ \
	X(SENT)            /* the answer is out, but for a little */ \
	X(CLOSE)           /* the connection ends behind this */

enum httpd_req_state {
#define X_(name) HTTPD_REQ_##name,
	HTTPD_REQ_STATES(X_)
#undef X_
		HTTPD_REQ_N_STATES
};

enum httpd_req_event {
#define X_(name) HTTPD_REQ_ON_##name,
	HTTPD_REQ_EVENTS(X_)
#undef X_
		HTTPD_REQ_N_EVENTS
};

extern const struct transitions httpd_req_state_table;

/** Returns the state after the event. Aborts, with a message on stderr, when it cannot happen in
 * this state. */
static inline enum httpd_req_state httpd_req_state_next(
	enum httpd_req_state s, enum httpd_req_event e)
{
	return (enum httpd_req_state)transitions_next(&httpd_req_state_table, s, e);
}

#endif
