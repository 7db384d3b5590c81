/*
 * sock_bio.h: the socket as OpenSSL sees it. OpenSSL's own socket BIO asks the kernel again after every record, to be told that there is nothing; this one
 * knows from a short read that the socket is empty, and says so itself until the next edge. Used by stream_io.c alone.
 */
#ifndef NET_SOCK_BIO_H
#define NET_SOCK_BIO_H

#include <stdbool.h>
#include <openssl/bio.h>

struct sock {
	int fd;
	bool readable, writable; /* true until the kernel or a short count said otherwise; set again at an edge */
	bool hup;                /* the peer's FIN was reported: a short read no longer means that the socket is empty */
};

/** sock_bio(s): s is borrowed, and must outlive the BIO. NULL without memory. */
BIO *sock_bio(struct sock *s);

#endif
