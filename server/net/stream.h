/*
 * stream.h: bytes over a non-blocking socket, with or without TLS, on edge-triggered events. Reads
 * go straight into `in`; what stands in `out` is written once per turn of the loop. It knows no
 * protocol. Why not libevent's bufferevents: docs/decisions.md.
 *
 * Reading stops by itself while `in` holds in_max bytes or more, or while paused; so back-pressure
 * reaches the peer's socket. No callback is ever called from inside a stream_* function, nor after
 * stream_free(), which may be called from a callback.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <event2/buffer.h>
#include <openssl/ssl.h>
#include "net/loop.h"

struct stream;

enum stream_end {
	/* The peer ended its direction in order (FIN, or close_notify); `out` may still be written.
	 */
	STREAM_EOF,
	STREAM_ERROR,  /* reset, broken pipe, connect refused; errno may say which */
	STREAM_TLS,    /* handshake or record failure */
	STREAM_TIMEOUT /* connect or handshake took too long */
};

struct stream_cb { /* any member but on_read may be NULL */
	/* Connected and, with TLS, the handshake is complete. */
	void (*on_ready)(struct stream *s, void *ctx);
	/* New bytes stand in `in`; those that the callee leaves stay. */
	void (*on_read)(struct stream *s, struct evbuffer *in, void *ctx);
	/* What is unsent has fallen to out_low or below after having been above it; or
	 * stream_finish() has been carried out. */
	void (*on_drain)(struct stream *s, void *ctx);
	/* Called at most once, except STREAM_EOF, which another end may follow. */
	void (*on_end)(struct stream *s, enum stream_end why, void *ctx);
};

struct stream_opts {
	size_t in_max;            /* reading stops at so many unread bytes; 0: 256 KiB */
	size_t read_size;         /* what one read asks for, 64 KiB at most; 0: 64 KiB */
	size_t out_low;           /* on_drain's threshold; 0: 64 KiB */
	unsigned ready_timeout_s; /* for connect and handshake; 0: none */
};

/**
 * Makes a stream of a connection that was just accepted.
 *
 * @fd   non-blocking; owned from now on, also on failure
 * @ssl  the server's side of a handshake that has not begun, likewise owned; NULL: plain
 * @o    copied; NULL: all 0
 * @cb   borrowed, as long as the stream
 *
 * Returns the stream, for stream_free(), or NULL without memory.
 */
struct stream *stream_accept(struct loop *l, int fd, SSL *ssl, const struct stream_opts *o,
	const struct stream_cb *cb, void *ctx);
/**
 * Begins to connect, and makes a stream of that connection. on_ready or on_end follows.
 *
 * @addr  len bytes, borrowed until return
 * @ssl   the client's side of a handshake; owned from now on, also on failure; NULL: plain
 * @o     as for stream_accept(), as is cb
 *
 * Returns the stream, for stream_free(), or NULL with errno set.
 */
struct stream *stream_connect(struct loop *l, const struct sockaddr *addr, socklen_t len, SSL *ssl,
	const struct stream_opts *o, const struct stream_cb *cb, void *ctx);
/** Closes the connection at once, and frees the stream: what is unsent is lost. NULL is harmless.
 */
void stream_free(struct stream *s);

/* Input --------------------------------------------------------------------- */

/** Returns the unread bytes. The buffer stays the stream's; the owner drains what it has used. */
struct evbuffer *stream_in(struct stream *s);
/**
 * Stops or resumes reading.
 *
 * @on  true: nothing more is read, and what stands in `in` stays, until the peer has ended its
 *      direction. false: reading goes on, and on_read is called soon if `in` holds bytes
 */
void stream_pause(struct stream *s, bool on);
/** Sets how many bytes one read asks for from now on: as many as are wanted in one piece. */
void stream_set_read_size(struct stream *s, size_t bytes);
/** Says that the next bytes are wanted in chains of their own, which can be moved on without being
 * copied. Of plain sockets alone. bytes: how many; 0: none. */
void stream_set_unit(struct stream *s, size_t bytes);
/**
 * Looks at once whether the peer is still there. For an owner that got bytes and waits for more: an
 * edge may report the peer's last bytes and its reset together, without saying so, and a read that
 * got fewer bytes than it asked for is otherwise taken for the last one until the next edge.
 */
void stream_recheck(struct stream *s);

/* Output -------------------------------------------------------------------- */

/** Returns the unsent bytes. The buffer stays the stream's; the owner adds to it, and calls
 * stream_flush_later(). */
struct evbuffer *stream_out(struct stream *s);
/** Writes what stands in `out` at the end of this turn. To be called when bytes were added. */
void stream_flush_later(struct stream *s);
/** Writes what stands in `out` now, and not at the end of the turn, so that the peer begins while
 * this process goes on. An error is reported by on_end, later. */
void stream_flush_now(struct stream *s);
/** Sends close_notify and ends the writing direction, once all of `out` is written. Reading goes
 * on. on_drain says when it is done. */
void stream_finish(struct stream *s);
/** Returns whether stream_finish() has been carried out. */
bool stream_is_finished(const struct stream *s);
/** Sets on_drain's threshold from now on, in unsent bytes; 0: when all is out. */
void stream_set_out_low(struct stream *s, size_t bytes);
/** Returns the number of bytes that the socket has not taken yet: those in `out`, and those that
 * TLS has made of what stood there. */
size_t stream_unsent(const struct stream *s);
/** Returns the number of bytes that the kernel ever took from the stream; with TLS, bytes of
 * records. */
uint64_t stream_written(const struct stream *s);
/** Returns how many of stream_written() the peer's kernel has acknowledged; the rest may still be
 * dropped. One system call. */
uint64_t stream_acked(const struct stream *s);
/**
 * Says how the connection ends when its descriptor is closed, by stream_free() or by the end of
 * this process.
 *
 * @on  true: the kernel drops what the peer has not acknowledged, and resets the connection; false
 *      (as at first): it goes on sending by itself
 */
void stream_set_abortive(struct stream *s, bool on);

/* Memory: net/buffer_policy.h says when --------------------------------------- */

/** Frees the TLS buffers of an idle stream; new ones are taken when bytes come or go. */
void stream_release_buffers(struct stream *s);
/** Sets whether the TLS buffers are freed after every read of less than BUFFER_RELEASE_BELOW_BYTES.
 * For slow, long-lived uploads. At first they are not. */
void stream_set_release_after_read(struct stream *s, bool on);

/** Tells how many bytes were ever read, and how many of `out` were written, for idle timeouts. */
void stream_progress(const struct stream *s, uint64_t *in_bytes, uint64_t *out_bytes);
/** Returns the TLS connection, which stays the stream's; NULL when it is plain. */
SSL *stream_ssl(struct stream *s);

#endif
