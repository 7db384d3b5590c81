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
	IO_BLOCKED = 0, /* nothing can be done before the next edge */
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
	unsigned records; /* that came, also empty ones, since stream_io_charge() */
	unsigned updates; /* of the peer's keys, since updates_us */
	uint64_t updates_us;
	bool cut; /* the peer asks for more than it may: the next call returns IO_TLS */
	/* the IO_… that stopped a read which had some bytes: the next read returns it */
	int read_end;
};

/**
 * Begins to use a descriptor.
 *
 * @io      stays where it is until stream_io_close(): OpenSSL knows its address
 * @fd      non-blocking; owned from now on, as is ssl
 * @ssl     NULL: plain
 * @server  which side of the handshake this is
 *
 * Returns false without memory; stream_io_close() is due then, too.
 */
bool stream_io_init(struct stream_io *io, int fd, SSL *ssl, bool server);
/** Closes the descriptor at once, and frees ssl. */
void stream_io_close(struct stream_io *io);
/** Notes the edges that were reported: EV_READ, EV_WRITE, EV_CLOSED. */
void stream_io_event(struct stream_io *io, short what);
/** Returns the socket's pending error (an errno), which it clears; 0 when there is none. */
int stream_io_error(const struct stream_io *io);
/** Goes on with the handshake, for which a client may send BUFFER_HANDSHAKE_BYTES. Returns 1 when
 * it is complete, IO_BLOCKED, IO_ERROR or IO_TLS. */
int stream_io_handshake(struct stream_io *io);
/**
 * Reads to the end of `in`, in memory that is in proportion to what came. It opens at most 64 TLS
 * records; while io->can_read is still true, more bytes may be there.
 *
 * @size  bytes at most; BUFFER_SPACE_BYTES where it is more
 *
 * Returns the count, or IO_…; an error behind some bytes is returned by the next call.
 */
ssize_t stream_io_read(struct stream_io *io, struct evbuffer *in, size_t size);
/**
 * Returns what one stream_io_read() cost, in bytes: a TLS record that holds less costs as much as
 * one of 4 KiB.
 *
 * @n  what stream_io_read() returned; less than 0 counts for nothing
 */
size_t stream_io_charge(struct stream_io *io, ssize_t n);
/**
 * Writes what stands in `out`, until that is empty, or the socket full, or budget bytes were
 * written. What is written is drained; up to BUFFER_GATHER_BYTES of records may be kept here for
 * lack of room in the socket, and go first next time.
 *
 * Returns the count, IO_BLOCKED for none, or IO_ERROR or IO_TLS.
 */
ssize_t stream_io_flush(struct stream_io *io, struct evbuffer *out, size_t budget);
/** Returns the number of bytes (of TLS records) that were written and are kept. */
size_t stream_io_unsent(const struct stream_io *io);
/** Returns how many of the bytes that the kernel took the peer's kernel has acknowledged. A system
 * call. */
uint64_t stream_io_acked(const struct stream_io *io);
/** Frees the buffers of TLS, if nothing stands in them; new ones are taken for the next bytes. */
void stream_io_release_buffers(struct stream_io *io);
/** Sends close_notify and FIN. Returns 1 when that is done, otherwise IO_…. */
int stream_io_finish(struct stream_io *io);

#endif
