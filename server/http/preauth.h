/*
 * preauth.h: connections whose client is not known to be a peer: those in their handshake, and
 * those whose certificate is no peer's. They have a budget of their own, so that they take no place
 * from peers; the oldest goes when it is full, and none of their addresses takes all of it. It does
 * no I/O.
 */
#ifndef HTTP_PREAUTH_H
#define HTTP_PREAUTH_H

#include <stddef.h>
#include <sys/queue.h>
#include <sys/socket.h>

struct preauth;
struct preauth_origin;

struct preauth_entry {                 /* part of a connection; zeroed before first use */
	struct preauth_origin *origin; /* NULL: it is not among them */
	TAILQ_ENTRY(preauth_entry) link, kin;
};

/** preauth_new(max): a budget of max connections, of which one address (IPv6: a /64) may have a
 * quarter. NULL without memory. */
struct preauth *preauth_new(size_t max);
/** preauth_free(s): none is left in it. NULL is fine. */
void preauth_free(struct preauth *s);
/**
 * Adds a connection. Where its address has its quarter, or there is no room at all, another one has
 * to go for it: the oldest of its address, or, if it has none, the oldest of all.
 *
 * @from    the client's address; families other than IPv4 and IPv6 count as one address
 * @victim  who has to go, and is no longer among them; NULL: nobody
 *
 * Returns 0, or TG_ENOMEM.
 */
int preauth_add(struct preauth *s, struct preauth_entry *n, const struct sockaddr *from,
	struct preauth_entry **victim);
/** preauth_remove(s, n): it became a peer's, or ended. Harmless when it is not among them. */
void preauth_remove(struct preauth *s, struct preauth_entry *n);
/** preauth_oldest(s): NULL when there is none. */
struct preauth_entry *preauth_oldest(const struct preauth *s);
size_t preauth_count(const struct preauth *s);

#endif
