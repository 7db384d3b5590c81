/*
 * stream_io.h: one non-blocking descriptor, plain or TLS: bytes between it and evbuffers, and what
 * may be tried next. Used by stream.c alone; it knows no events and calls nobody back.
 */
#ifndef NET_STREAM_IO_H
#define NET_STREAM_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <event2/buffer.h>
#include <openssl/ssl.h>
#include "net/sock.h"

/* Results that are no count. */
enum {
	IO_BLOCKED = 0, /* nothing now: an edge will tell */
	IO_EOF = -1,    /* the peer has ended its direction in order */
	IO_ERROR = -2,  /* reset, broken, or no memory */
	IO_TLS = -3     /* the peer broke the rules of TLS, or asked for more than it may */
};

struct stream_io {
	struct sock sock; /* what the socket itself is known to have */
	SSL *ssl;         /* NULL: plain */
	/* sticky: true until there was nothing, or no room; true again at the next edge */
	bool can_read, can_write;
	bool read_wants_write, write_wants_read; /* TLS may block in the other direction */
	size_t pending; /* bytes of a TLS write that must be offered again */
	/* bytes to come that are wanted in a chain of their own (plain sockets) */
	size_t unit;
	unsigned records; /* that came, whatever they hold: stream_io_charge() takes them */
	unsigned updates; /* of the peer's keys, since updates_us */
	uint64_t updates_us;
	bool cut; /* it asks for more than it may: the next call says IO_TLS */
	/* IO_… that stopped a read which had some bytes: the next call's answer */
	int read_end;
};

/** stream_io_init(io, fd, ssl, server): owns fd and ssl from now on; io stays where it is. server:
 * which side of the handshake this is. Returns false without memory: then stream_io_close() it. */
bool stream_io_init(struct stream_io *io, int fd, SSL *ssl, bool server);
/** stream_io_close(io): closes at once. */
void stream_io_close(struct stream_io *io);
/** stream_io_event(io, what): an edge was reported: EV_READ, EV_WRITE, EV_CLOSED. */
void stream_io_event(struct stream_io *io, short what);
/** stream_io_error(io): the socket's pending error, which is cleared; 0 when there is none. */
int stream_io_error(const struct stream_io *io);
/** stream_io_handshake(io): goes on with it. Returns 1 when it is complete, IO_BLOCKED, IO_ERROR or
 * IO_TLS. A client may send BUFFER_HANDSHAKE_BYTES for it. */
int stream_io_handshake(struct stream_io *io);
/**
 * Reads into the end of `in`, in memory that is in proportion to what came.
 *
 * @size  bytes at most; of these BUFFER_SPACE_BYTES
 *
 * Returns the count, or IO_…; an error behind some bytes comes with the next call. At most 64 TLS
 * records are opened; while io->can_read is still true, more may be there.
 */
ssize_t stream_io_read(struct stream_io *io, struct evbuffer *in, size_t size);
/**
 * Tells what one stream_io_read() cost, in bytes: a record that holds few of them, or none, costs
 * as much as one of 4 KiB.
 *
 * @n  what stream_io_read() returned; less than 0 counts for nothing
 */
size_t stream_io_charge(struct stream_io *io, ssize_t n);
/**
 * Writes what stands in `out`, until that is empty, or the socket full, or budget bytes were
 * written. What is written is drained; up to BUFFER_GATHER_BYTES of it may be kept here for lack of
 * room in the socket, and go first next time.
 *
 * Returns the count, IO_BLOCKED for none, or IO_ERROR or IO_TLS.
 */
ssize_t stream_io_flush(struct stream_io *io, struct evbuffer *out, size_t budget);
/** stream_io_unsent(io): bytes (of TLS records) that were written and are kept. */
size_t stream_io_unsent(const struct stream_io *io);
/** stream_io_acked(io): of the bytes that the kernel took, those that the peer's kernel has
 * acknowledged. A system call. */
uint64_t stream_io_acked(const struct stream_io *io);
/** stream_io_release_buffers(io): TLS frees its buffers, if nothing stands in them; the next bytes
 * take new ones. */
void stream_io_release_buffers(struct stream_io *io);
/** stream_io_finish(io): close_notify and FIN. Returns 1 when done, otherwise IO_…. */
int stream_io_finish(struct stream_io *io);

#endif
