/* httpd_req_state.c: the table of transitions. It holds no state and does no work. Runs in
 * workers. */
#include "http/httpd_req_state.h"

/* X(from, event, to); what is not here cannot happen. */
#define TRANSITIONS(X) \
	X(IDLE, BYTES, HEAD) \
	X(IDLE, CLOSE, CLOSED) \
	X(HEAD, CONTENT_FOLLOWS, CONTENT) \
	X(HEAD, CONTENT_WHOLE, HANDLER) \
	X(HEAD, CLOSE, CLOSED) \
	X(CONTENT, CONTENT_WHOLE, HANDLER) \
	X(CONTENT, REPLY_BEGUN, REPLY) \
	X(CONTENT, CLOSE, CLOSED) \
	X(HANDLER, REPLY_BEGUN, REPLY) \
	X(REPLY, REPLY_WHOLE, SEND) \
	X(SEND, SENT, IDLE) \
	X(SEND, CLOSE, CLOSED)

static const uint8_t next[HTTPD_REQ_N_STATES][HTTPD_REQ_N_EVENTS] = {
#define X_(from, event, to) [HTTPD_REQ_##from][HTTPD_REQ_ON_##event] = 1u + HTTPD_REQ_##to,
	TRANSITIONS(X_)
#undef X_
};

#define X_(name) #name,
static const char *const states[] = {HTTPD_REQ_STATES(X_)};
static const char *const events[] = {HTTPD_REQ_EVENTS(X_)};
#undef X_

const struct transitions httpd_req_state_table =
	TRANSITIONS_TABLE("http request", next, states, events);
