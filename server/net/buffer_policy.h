/*
 * buffer_policy.h: how much memory a connection, an upload and a download may hold, and when it is
 * given back: all sizes, watermarks and decisions of that kind, for streams, HTTP, the API and the
 * connection to Redis. docs/memory.md explains them, with what was measured.
 *
 * It keeps no buffer itself, and does no I/O.
 */
#ifndef NET_BUFFER_POLICY_H
#define NET_BUFFER_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <event2/buffer.h>

/* A stream -------------------------------------------------------------- */

/* What one read asks for, unless its owner says otherwise. */
#define BUFFER_READ_BYTES 65536u
/* The place of a whole process into which every read goes first. libevent's head of a chain is part
 * of its 64 KiB. */
#define BUFFER_SPACE_BYTES (65536u - 64u)
/* A read that fills so much of that place keeps it, and another one is made; of less, a copy in
 * memory of its size is kept. */
#define BUFFER_KEEP_SPACE_BYTES (BUFFER_SPACE_BYTES / 4 * 3)
/* A copy from this size on has memory of exactly its size; smaller ones share libevent's chains,
 * which are powers of two. */
#define BUFFER_EXACT_FROM_BYTES 4096u
/* Behind bytes that are wanted in a chain of their own, a read takes so many more. */
#define BUFFER_BEHIND_BYTES 4096u
/* A stream whose owner does not say otherwise stops reading at so many unread bytes. */
#define BUFFER_STREAM_IN_MAX_BYTES (256u * 1024)
/* Read, and written, by one stream before the others get their turn. */
#define BUFFER_TURN_BYTES (256u * 1024)
/* Unsent output that counts as short: on_drain, on_room and the end of a request come at it. */
#define BUFFER_OUT_LOW_BYTES 65536u
/* A short first piece of output (a head, a chunk's framing) is copied into one TLS record with what
 * follows it. */
#define BUFFER_JOIN_BELOW_BYTES 4096u
/* TLS records of one flush go to the kernel together, since each send costs several times what it
 * costs to gather them: four whole records, which the kernel cuts no further on its way to a peer
 * on this machine. In memory of the whole process; what the kernel does not take of it is kept by
 * the connection. */
#define BUFFER_GATHER_BYTES 65483u
/* What a client may send for its handshake: a hello, another one, 16 KiB of certificates, and what
 * is read ahead behind them. */
#define BUFFER_HANDSHAKE_BYTES 49152u
/* A stream that releases its TLS buffers after reads does so when it has read less than this: one
 * that sends more at a time is not slow. */
#define BUFFER_RELEASE_BELOW_BYTES 65536u

/* A request --------------------------------------------------------------- */

/* Unread bytes that may wait in the stream, before the handler's window. */
#define BUFFER_IN_MAX_BYTES 65536u
/* Content that may wait for the handler. */
#define BUFFER_BODY_WINDOW_BYTES 65536u
/* Bytes of an answer that may wait for the client. */
#define BUFFER_REPLY_WINDOW_BYTES (384u * 1024)
/* Content is delivered from this size on; smaller pieces wait for more. */
#define BUFFER_DELIVER_BYTES 4096u
/* Content to come from which on it is worth releasing TLS buffers, should it come slowly. */
#define BUFFER_SLOW_FROM_BYTES 65536u

/* An upload --------------------------------------------------------------- */

/* Of more uploads at once than that, the new ones have the small chunks, and none fills its next
 * chunk while the store is behind. */
#define BUFFER_CROWD 64u
/* So many at once have the large chunks: those whose first chunk was here soon. */
#define BUFFER_LARGE_UPLOADS 32u
#define BUFFER_LARGE_WITHIN_US 500000u
/* Uploads that go on at once when the store has room again. A chunk of each is about half of what
 * the store's queue may hold. */
#define BUFFER_RESUMED 8u

/* The connection to Redis -------------------------------------------------- */

/* Commands not yet written: above the first the sources must pause, until the second. */
#define BUFFER_STORE_HIGH_BYTES ((size_t)1024 * 1024)
#define BUFFER_STORE_LOW_BYTES ((size_t)256 * 1024)
/* At so many commands they are written at once, so that Redis begins while the turn goes on. */
#define BUFFER_STORE_FLUSH_BYTES ((size_t)16 * 1024)
/* Unread answers. */
#define BUFFER_STORE_IN_MAX_BYTES (4 * (size_t)BUFFER_READ_BYTES)

/* Decisions ----------------------------------------------------------------- */

/**
 * Says how large the next read of a request's content should be: as large as what the handler still
 * wants in one piece; but whatever is less than a piece that is delivered is no reason for many
 * reads.
 *
 * @want  bytes that the handler wants in one piece; 0: it does not matter
 * @have  bytes of it that wait for it already
 */
size_t buffer_policy_read_size(size_t want, size_t have);

/**
 * Says whether a request's content may come slowly, for long, and is large: then its connection
 * releases its TLS buffers after every small read.
 *
 * @left  bytes to come, of content whose length is known (not chunked)
 */
bool buffer_policy_release_after_read(bool chunked, uint64_t left);

/**
 * Says whether content is worth a call to its handler. The first piece is, so that what is wrong
 * from the start is refused early; then each waits until it doubles what went before, or for
 * BUFFER_DELIVER_BYTES. A handler that keeps what it gets would otherwise hold a chain for every
 * byte.
 *
 * @n       bytes that wait
 * @before  bytes that were delivered before
 */
bool buffer_policy_deliver(size_t n, uint64_t before);

/** buffer_policy_small_chunks(n_uploads): does one more upload have the small chunks? */
bool buffer_policy_small_chunks(unsigned n_uploads);
/** buffer_policy_large_chunks(n_large, age_us): may an upload whose first chunk is full, so long
 * after its request began, go on with large ones? */
bool buffer_policy_large_chunks(unsigned n_large, uint64_t age_us);

/**
 * Moves bytes from one evbuffer to another so that what is kept long is kept tightly. libevent
 * moves whole chains, and a chain may be far larger than what stands in it: a client that sends
 * little at a time would otherwise cost a multiple of what it sent.
 *
 * @n    the first n bytes of `from`, which has them, go to the end of `to`: copied, or with their
 *       chains if they are many
 * @all  they are all that will ever come, and need not be copied to make room for more
 *
 * Returns 0, or TG_ENOMEM.
 */
int buffer_policy_move(struct evbuffer *from, struct evbuffer *to, size_t n, bool all);

#endif
