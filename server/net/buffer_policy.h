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
/* A read that fills so much of that place takes it along, and another one is made. Less is copied
 * into memory of its size. */
#define BUFFER_KEEP_SPACE_BYTES (BUFFER_SPACE_BYTES / 4 * 3)
/* A copy from this size on has memory of exactly its size; smaller ones share libevent's chains,
 * which are powers of two. */
#define BUFFER_EXACT_FROM_BYTES 4096u
/* A read for bytes that are wanted in a chain of their own takes up to so many of those that follow
 * them. */
#define BUFFER_BEHIND_BYTES 4096u
/* A stream whose owner does not say otherwise stops reading at so many unread bytes. */
#define BUFFER_STREAM_IN_MAX_BYTES (256u * 1024)
/* One stream reads so much, and writes so much, before the others get their turn. */
#define BUFFER_TURN_BYTES (256u * 1024)
/* At so little unsent output on_drain and on_room are called, and a request that was answered
 * ends. */
#define BUFFER_OUT_LOW_BYTES 65536u
/* A short first piece of output (a head, a chunk's framing) is copied into one TLS record with what
 * follows it. */
#define BUFFER_JOIN_BELOW_BYTES 4096u
/* TLS records of one flush go to the kernel together, since a send costs several times what it
 * costs to copy them. This is the largest TCP segment to a peer on the same machine, and nearly
 * four records. The memory is the process's; what the kernel does not take of it is kept by the
 * connection. */
#define BUFFER_GATHER_BYTES 65483u
/* What a client may send for its handshake: a hello, a second one, 16 KiB of certificates, and what
 * is read ahead behind them. */
#define BUFFER_HANDSHAKE_BYTES 49152u
/* A stream that releases its TLS buffers after reads does so when it has read less than this in a
 * turn. A client that sends more in a turn is not slow, and would need them again. */
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
/* From so much content to come on, TLS buffers are released if it comes slowly. */
#define BUFFER_SLOW_FROM_BYTES 65536u

/* An upload --------------------------------------------------------------- */

/* Beyond so many uploads at once, new ones have small chunks, and none fills its next chunk while
 * the store is behind. */
#define BUFFER_CROWD 64u
/* So many uploads at once may have large chunks, if their first chunk was here within that time. */
#define BUFFER_LARGE_UPLOADS 32u
#define BUFFER_LARGE_WITHIN_US 500000u
/* Uploads that go on at once when the store has room again. A chunk of each is about half of what
 * the store's queue may hold. */
#define BUFFER_RESUMED 8u

/* The connection to Redis -------------------------------------------------- */

/* Commands that are not written yet: above HIGH their sources must pause, until LOW is reached. */
#define BUFFER_STORE_HIGH_BYTES ((size_t)1024 * 1024)
#define BUFFER_STORE_LOW_BYTES ((size_t)256 * 1024)
/* At so many commands they are written at once, so that Redis begins while the turn goes on. */
#define BUFFER_STORE_FLUSH_BYTES ((size_t)16 * 1024)
/* Unread answers: at so many, reading stops. */
#define BUFFER_STORE_IN_MAX_BYTES (4 * (size_t)BUFFER_READ_BYTES)

/* Decisions ----------------------------------------------------------------- */

/**
 * Returns how many bytes the next read of a request's content should ask for: what the handler
 * still wants in one piece, but at least BUFFER_DELIVER_BYTES, so that a small rest does not cost
 * many reads.
 *
 * @want  bytes that the handler wants in one piece; 0: it does not matter
 * @have  bytes of it that wait for it already
 */
size_t buffer_policy_read_size(size_t want, size_t have);

/**
 * Returns whether a request's content is large enough, or may be, that its connection should free
 * its TLS buffers after every small read, in case it comes slowly.
 *
 * @left  bytes to come, of content whose length is known (not chunked)
 */
bool buffer_policy_release_after_read(bool chunked, uint64_t left);

/**
 * Returns whether content that waits should be delivered to its handler now. The first piece is, so
 * that what is wrong from the start is refused early. Later pieces wait until they are as large as
 * all before them, or have BUFFER_DELIVER_BYTES: a handler that keeps what it gets would otherwise
 * hold a chain for every byte.
 *
 * @n       bytes that wait
 * @before  bytes that were delivered before
 */
bool buffer_policy_deliver(size_t n, uint64_t before);

/** Returns whether one more upload, beside n_uploads, has small chunks. */
bool buffer_policy_small_chunks(unsigned n_uploads);
/** Returns whether an upload whose first chunk is full goes on with large ones. n_large: how many
 * uploads have them already. age_us: since its request began. */
bool buffer_policy_large_chunks(unsigned n_large, uint64_t age_us);

/**
 * Moves bytes from one evbuffer to the end of another so that they take little more memory than
 * their number. libevent moves whole chains, and a chain may be far larger than what stands in it:
 * a client that sends little at a time would otherwise cost a multiple of what it sent.
 *
 * @n    how many of the first bytes of `from`, which has them; few are copied, 16 KiB or more are
 *       moved with their chains
 * @all  nothing will follow them: they are moved with their chains, however few they are
 *
 * Returns 0, or TG_ENOMEM.
 */
int buffer_policy_move(struct evbuffer *from, struct evbuffer *to, size_t n, bool all);

#endif
