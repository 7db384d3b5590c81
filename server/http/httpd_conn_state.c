/* httpd_conn_state.c: the table of transitions. It holds no state and does no work. Runs in
 * workers. */
#include "http/httpd_conn_state.h"

/* X(from, event, to); what is not here cannot happen. */
#define TRANSITIONS(X) \
	X(HANDSHAKE, READY, OPEN) \
	X(HANDSHAKE, KILL, DEAD) \
	X(OPEN, CLOSE, FLUSH) \
	X(OPEN, KILL, DEAD) \
	X(FLUSH, FLUSHED, LINGER) \
	X(FLUSH, KILL, DEAD) \
	X(LINGER, KILL, DEAD) \
	X(DEAD, KILL, DEAD)

static const uint8_t next[HTTPD_CONN_N_STATES][HTTPD_CONN_N_EVENTS] = {
#define X_(from, event, to) [HTTPD_CONN_##from][HTTPD_CONN_ON_##event] = 1u + HTTPD_CONN_##to,
	TRANSITIONS(X_)
#undef X_
};

#define X_(name) #name,
static const char *const states[] = {HTTPD_CONN_STATES(X_)};
static const char *const events[] = {HTTPD_CONN_EVENTS(X_)};
#undef X_

const struct transitions httpd_conn_state_table =
	TRANSITIONS_TABLE("http connection", next, states, events);
