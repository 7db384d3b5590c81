/*
 * sock.h: the socket as OpenSSL sees it. OpenSSL's own socket BIO asks the kernel again after every
 * record, to be told that there is nothing; this one knows from a short read that the socket is
 * empty, and says so itself until the next edge. And it can gather records, to hand several to the
 * kernel at once. Used by stream_io.c alone.
 */
#ifndef NET_SOCK_H
#define NET_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/bio.h>

struct sock_kept;

struct sock {
	int fd; /* stream_io.c's */
	/* true until the kernel or a short count said otherwise; set again at an edge */
	bool readable, writable;
	/* the peer's FIN was reported: after a short read the end of file is still to be read */
	bool hup;
	/* bytes that may still be read, SIZE_MAX: any number; once it is 0, reading fails with
	 * EMSGSIZE */
	size_t left;
	bool gathers;           /* between sock_gather() and sock_flush() */
	uint64_t written;       /* bytes that the kernel took, ever */
	struct sock_kept *kept; /* gathered records that the kernel had no room for; NULL: none */
};

/** Returns a BIO over the socket, for SSL_set_bio(), or NULL without memory. s is borrowed, and
 * outlives the BIO. */
BIO *sock_bio(struct sock *s);
/** From now on, what is written to the BIO is gathered. The memory for it is the process's: until
 * sock_flush() or sock_discard() of s, no other socket may gather. */
void sock_gather(struct sock *s);
/** Ends gathering. Sends the records left over from earlier flushes, then those gathered now. What
 * the kernel does not take stays with the socket. Returns 0, or -1 when the socket is broken or
 * there is no memory. */
int sock_flush(struct sock *s);
/** Returns the number of bytes that are kept. */
size_t sock_unsent(const struct sock *s);
/** Drops what was gathered and what is kept: the socket is broken, or is being closed. */
void sock_discard(struct sock *s);

#endif
