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
	int fd;
	/* true until the kernel or a short count said otherwise; set again at an edge */
	bool readable, writable;
	/* the peer's FIN was reported: after a short read the end of file is still to be read */
	bool hup;
	/* bytes that may still be read from it, SIZE_MAX: any; behind the last it is broken */
	size_t left;
	bool gathers;           /* between sock_gather() and sock_flush() */
	uint64_t written;       /* bytes that the kernel took, ever */
	struct sock_kept *kept; /* gathered records that the kernel had no room for; NULL: none */
};

/** sock_bio(s): a BIO over it, for SSL_set_bio(). s is borrowed, and must outlive the BIO. NULL
 * without memory. */
BIO *sock_bio(struct sock *s);
/** sock_gather(s): what the BIO is given from now on is gathered in memory of the whole process:
 * until sock_flush(s) or sock_discard(s) only s may gather. */
void sock_gather(struct sock *s);
/**
 * sock_flush(s): gives the kernel what is kept, and then what was gathered; it keeps what there is
 * no room for. Returns 0, or -1 when the socket is broken or there is no memory.
 */
int sock_flush(struct sock *s);
/** sock_unsent(s): bytes that are kept. */
size_t sock_unsent(const struct sock *s);
/** sock_discard(s): it is broken, or closed: what it gathered and what is kept is dropped. */
void sock_discard(struct sock *s);

#endif
