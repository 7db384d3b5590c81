/* httpd_conn_state.h: the states of a TLS connection, from accept to close, and what changes them.
 * docs/states/httpd_conn.svg is the drawing. What is done in each is in httpd_conn.c. */
#ifndef HTTP_HTTPD_CONN_STATE_H
#define HTTP_HTTPD_CONN_STATE_H

#include "base/transitions.h"

#define HTTPD_CONN_STATES(X) \
	X(HANDSHAKE) /* TLS is not up yet */ \
	X(OPEN)      /* requests are served */ \
	X(FLUSH)     /* no more of them; the last answer is on its way out, input is dropped */ \
	X(LINGER)    /* the answer is out; input is dropped until the client has closed */ \
	X(DEAD)      /* over: freed at the end of this turn */

#define HTTPD_CONN_EVENTS(X) \
	X(READY)   /* the handshake is complete */ \
	X(CLOSE)   /* no further request is to be read */ \
	X(FLUSHED) /* the kernel has all output, and no answer waits to be acknowledged */ \
	X(KILL)    /* broken, late, refused or done */

enum httpd_conn_state {
#define X_(name) HTTPD_CONN_##name,
	HTTPD_CONN_STATES(X_)
#undef X_
		HTTPD_CONN_N_STATES
};

enum httpd_conn_event {
#define X_(name) HTTPD_CONN_ON_##name,
	HTTPD_CONN_EVENTS(X_)
#undef X_
		HTTPD_CONN_N_EVENTS
};

extern const struct transitions httpd_conn_state_table;

/** Returns the state after the event. Aborts, with a message on stderr, when it cannot happen in
 * this state. */
static inline enum httpd_conn_state httpd_conn_state_next(
	enum httpd_conn_state s, enum httpd_conn_event e)
{
	return (enum httpd_conn_state)transitions_next(&httpd_conn_state_table, s, e);
}

#endif
