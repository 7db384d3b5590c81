/*
 * preauth.h: connections whose client is not known to be a peer: those in their handshake, and
 * those whose certificate is no peer's. They have a budget of their own, so that they take no place
 * from peers. When it is full the oldest has to go, and no address may have more than a quarter of
 * it. It does no I/O.
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

/** Makes a budget of max connections, of which one address (IPv6: a /64) may have a quarter.
 * Returns it, for preauth_free(), or NULL without memory. */
struct preauth *preauth_new(size_t max);
/** Frees the budget, of which no connection is left. NULL is harmless. */
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
/** Removes a connection, which became a peer's or has ended. Does nothing when it is not there. */
void preauth_remove(struct preauth *s, struct preauth_entry *n);
/** Returns the oldest connection; NULL: there is none. */
struct preauth_entry *preauth_oldest(const struct preauth *s);
/** Returns how many connections there are. */
size_t preauth_count(const struct preauth *s);

#endif
