/*
 * httpd_conn.h: one TLS connection of a server: its stream, its one timer, what it drops while it
 * closes, and which of its answers the peer's kernel has not acknowledged. It knows no HTTP: what
 * requests are, the layers above know (httpd_reply.h, httpd_req.h, httpd_pipeline.h, httpd.h), and
 * they are told by struct httpd_conn_calls.
 *
 * Life (httpd_conn_state.c has the table): HANDSHAKE → OPEN → FLUSH → LINGER → DEAD. Private to
 * server/http.
 */
#ifndef HTTP_HTTPD_CONN_H
#define HTTP_HTTPD_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <event2/event_struct.h>
#include <openssl/ssl.h>

#include "http/httpd_limits.h"
#include "http/httpd_conn_state.h"
#include "http/unacked.h"
#include "net/loop.h"
#include "net/stream.h"

struct httpd_conn;

/* What the owner provides. None is called for a connection that is DEAD, but for on_over. */
struct httpd_conn_calls {
	/* HANDSHAKE became OPEN. */
	void (*on_ready)(struct httpd_conn *c);
	/* OPEN: bytes came, the client ended its direction, or httpd_conn_schedule() was called. */
	void (*on_work)(struct httpd_conn *c);
	/* OPEN: unsent output fell to BUFFER_OUT_LOW_BYTES, or to what stream_set_out_low() said.
	 */
	void (*on_room)(struct httpd_conn *c);
	/* OPEN: the wait that httpd_conn_arm() set is over. in: bytes were read since it began;
	 * out: bytes were written. on_work follows at the end of the turn. */
	void (*on_timeout)(struct httpd_conn *c, bool in, bool out);
	/* For the log: the stream has ended; the state is still the one before. After this call the
	 * connection is killed, unless it is past its handshake and why is STREAM_EOF. */
	void (*on_end)(struct httpd_conn *c, enum stream_end why);
	/* DEAD, at the end of a turn: the callee frees the connection, by httpd_conn_settle() and
	 * httpd_conn_close(). */
	void (*on_over)(struct httpd_conn *c);
};

TAILQ_HEAD(httpd_conn_list, httpd_conn);

/* What all connections of a server share. */
struct httpd_conn_group {
	struct loop *loop;
	struct httpd_limits limits;
	bool draining; /* answers say "Connection: close", idle connections end */
	const struct httpd_conn_calls *calls;
	/* Those that go on at the next tick: they have dropped their share of input, or have too
	 * many unacknowledged answers. */
	struct httpd_conn_list waiting;
	struct event tick;
};

/* What the peer sees when the descriptor is closed, also by the death of this process. */
enum httpd_conn_close_as {
	HTTPD_CONN_IN_ORDER,         /* the kernel goes on sending by itself */
	HTTPD_CONN_RESET_IF_UNACKED, /* a reset, unless httpd_conn_settle() finds all acknowledged
				      */
	HTTPD_CONN_RESET             /* a reset: an answer was taken back */
};

struct httpd_conn { /* embedded in the owner's struct, which is zeroed at first */
	struct httpd_conn_group *group;
	struct stream *stream;
	enum httpd_conn_state state;
	/* The owner's context for this connection's requests; NULL: its client is no peer. */
	void *peer;
	bool eof;   /* the client has ended its direction */
	bool heard; /* bytes have come since on_work last returned */
	enum httpd_conn_close_as close_as;

	struct unacked unacked;

	/* The timer: how long the present wait may last, and what had flowed when it began. */
	unsigned period_s;
	bool period_is_new;           /* its wait begins when on_work has returned */
	uint64_t limit_us;            /* ends the wait, whatever flows; 0: none */
	uint64_t due_us;              /* the end of the wait */
	uint64_t armed_us;            /* when the event fires; 0: it does not */
	uint64_t seen_in, seen_out;   /* progress when the wait began */
	uint64_t swept_in, swept_out; /* progress at the last sweep */
	bool swept_idle; /* nothing flowed before the last sweep: its buffers are freed */
	struct event timer;

	/* FLUSH and LINGER */
	size_t drop_allowance;    /* bytes that may be dropped before the next tick */
	uint64_t linger_until_us; /* 0: not lingering yet */

	bool waits; /* is in group->waiting */
	TAILQ_ENTRY(httpd_conn) wait_link;
	struct loop_task task;
};

/** Begins a group without connections. limits are copied; l and calls are borrowed, and outlive it.
 */
void httpd_conn_group_init(struct httpd_conn_group *g, struct loop *l,
	const struct httpd_limits *limits, const struct httpd_conn_calls *calls);
/** Ends a group, of which no connection is left. */
void httpd_conn_group_end(struct httpd_conn_group *g);

/** Begins the handshake. Owns fd and ssl, also on failure. Returns 0; or TG_ENOMEM, and then there
 * is nothing to close. */
int httpd_conn_open(struct httpd_conn *c, struct httpd_conn_group *g, int fd, SSL *ssl);
/** Calls on_work, or does what closing needs, at the end of this turn. */
void httpd_conn_schedule(struct httpd_conn *c);
/** Makes the connection DEAD: no callback comes any more but on_over, at the end of this turn. */
void httpd_conn_kill(struct httpd_conn *c);
/** Returns whether the connection is DEAD. */
static inline bool httpd_conn_is_dead(const struct httpd_conn *c)
{
	return c->state == HTTPD_CONN_DEAD;
}
/**
 * Ends an OPEN connection so that the client can read the last answer: half-closes it once all is
 * written, then reads and drops what comes until the client closes, nothing comes for 1 s, or
 * limits.linger_max_s are over. Closing at once would send a reset, and the answer would be lost.
 */
void httpd_conn_finish(struct httpd_conn *c);

/** Sets a wait of that length, which begins when on_work returns. It replaces the one before and
 * its limit. on_timeout is called at its end. */
void httpd_conn_arm(struct httpd_conn *c, unsigned seconds);
/** Begins a wait of the same length now. Its limit stays. */
void httpd_conn_rearm(struct httpd_conn *c);
/** Limits the present wait, and those that httpd_conn_rearm() begins: they end so many seconds from
 * now at the latest. */
void httpd_conn_limit(struct httpd_conn *c, unsigned seconds);
/** Returns whether that limit was set and is over. */
bool httpd_conn_limit_over(const struct httpd_conn *c);

/** Calls on_work of an open connection once, at the next tick of the group, 20 ms from now at most.
 * Does nothing when it waits already. A connection that closes goes on dropping its input instead,
 * as its turn comes. */
void httpd_conn_wait(struct httpd_conn *c);
/** Returns whether there is output that the socket has not taken, or an answer that must be
 * acknowledged and is not. */
bool httpd_conn_unsent(const struct httpd_conn *c);
/** Asks the kernel what the peer's kernel has acknowledged; the answers that are complete there
 * end. Returns a number of bytes, as stream_acked(). A system call. */
uint64_t httpd_conn_look_acked(struct httpd_conn *c);
/** From now on closing the descriptor resets the connection (HTTPD_CONN_RESET_IF_UNACKED). */
void httpd_conn_set_abortive(struct httpd_conn *c);

/**
 * To be called once a second: frees the TLS buffers of a connection through which nothing went
 * since the last call, and kills one whose peer has acknowledged nothing of an answer for
 * send_idle_s.
 */
void httpd_conn_sweep(struct httpd_conn *c);

/**
 * First step of freeing: the answers that wait to be acknowledged end.
 *
 * @whole  false: an answer that must be acknowledged was not even written, so that closing the
 *         descriptor has to reset the connection
 */
void httpd_conn_settle(struct httpd_conn *c, bool whole);
/** Second step of freeing: frees the stream. c's memory is the owner's. */
void httpd_conn_close(struct httpd_conn *c);

#endif
