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
	/* OPEN: the time that httpd_conn_arm() gave is over. in, out: bytes were read, or written,
	 * since it began. on_work follows at the end of the turn. */
	void (*on_timeout)(struct httpd_conn *c, bool in, bool out);
	/* The stream has ended; anything but STREAM_EOF of an OPEN connection kills it, after this
	 * call. For the log: the state is still the one before. */
	void (*on_end)(struct httpd_conn *c, enum stream_end why);
	/* DEAD, at the end of a turn: the callee frees it (httpd_conn_settle, httpd_conn_close). */
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
	bool heard; /* bytes came since on_work last returned */
	enum httpd_conn_close_as close_as;

	struct unacked unacked;

	/* The timer: how long the present wait may last, and what had flowed when it began. */
	unsigned period_s;
	bool period_is_new;           /* it begins when on_work has returned */
	uint64_t limit_us;            /* ends the wait whatever flows; 0: none */
	uint64_t due_us, armed_us;    /* the wait's end; when the event fires, 0: it does not */
	uint64_t seen_in, seen_out;   /* progress when the wait began */
	uint64_t swept_in, swept_out; /* progress at the last sweep */
	bool swept_idle;              /* its buffers were released */
	struct event timer;

	/* FLUSH and LINGER */
	size_t drop_allowance;    /* bytes that may be dropped before the next tick */
	uint64_t linger_until_us; /* 0: not lingering yet */

	bool waits; /* is in group->waiting */
	TAILQ_ENTRY(httpd_conn) wait_link;
	struct loop_task task;
};

/** httpd_conn_group_init(g, l, limits, calls): all borrowed, and outlive it. */
void httpd_conn_group_init(struct httpd_conn_group *g, struct loop *l,
	const struct httpd_limits *limits, const struct httpd_conn_calls *calls);
void httpd_conn_group_end(struct httpd_conn_group *g); /* no connection is left */

/** httpd_conn_open(c, g, fd, ssl): begins the handshake. Owns fd and ssl, also on failure. Returns
 * 0, or TG_ENOMEM: c is as it was. */
int httpd_conn_open(struct httpd_conn *c, struct httpd_conn_group *g, int fd, SSL *ssl);
/** httpd_conn_schedule(c): on_work, or what closing needs, at the end of this turn. */
void httpd_conn_schedule(struct httpd_conn *c);
/** httpd_conn_kill(c): DEAD: nothing more is delivered; on_over follows at the end of this turn. */
void httpd_conn_kill(struct httpd_conn *c);
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

/** httpd_conn_arm(c, seconds): a wait of that length begins when on_work returns; it replaces the
 * one before, and its limit. */
void httpd_conn_arm(struct httpd_conn *c, unsigned seconds);
/** httpd_conn_rearm(c): the same wait begins anew, now. */
void httpd_conn_rearm(struct httpd_conn *c);
/** httpd_conn_limit(c, seconds): the present wait, and httpd_conn_rearm()ed ones, end so many
 * seconds from now. */
void httpd_conn_limit(struct httpd_conn *c, unsigned seconds);
/** httpd_conn_limit_over(c): is that time over? */
bool httpd_conn_limit_over(const struct httpd_conn *c);

/** httpd_conn_wait(c): on_work at the next tick, 20 ms from now at most. */
void httpd_conn_wait(struct httpd_conn *c);
/** httpd_conn_unsent(c): is there output that the socket has not taken, or an answer that must be
 * acknowledged and is not? */
bool httpd_conn_unsent(const struct httpd_conn *c);
/** httpd_conn_look_acked(c): asks the kernel what the peer's kernel has acknowledged; the answers
 * that are complete there end. Returns bytes, as stream_acked(). A system call. */
uint64_t httpd_conn_look_acked(struct httpd_conn *c);
/** httpd_conn_set_abortive(c): from now on closing the descriptor resets the connection, whoever
 * closes it (also the death of this process), until httpd_conn_settle() finds all acknowledged. */
void httpd_conn_set_abortive(struct httpd_conn *c);

/**
 * Once a second: releases the buffers of a connection through which nothing went since the last
 * time, and kills one whose peer has acknowledged nothing of an answer for send_idle_s.
 */
void httpd_conn_sweep(struct httpd_conn *c);

/**
 * First step of freeing: its unacknowledged answers end.
 *
 * @whole  false: an answer that must be acknowledged was not even written: the descriptor's closing
 *         resets the connection
 */
void httpd_conn_settle(struct httpd_conn *c, bool whole);
/** httpd_conn_close(c): second step: the stream is freed; c's memory is the owner's. */
void httpd_conn_close(struct httpd_conn *c);

#endif
