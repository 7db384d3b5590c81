/*
 * newcomers.h: connections whose client is not known to be a peer: those in their handshake, and
 * strangers. They have a budget of their own, so that they take no place from peers; the oldest
 * goes when it is full, and none of their addresses takes all of it. It does no I/O.
 */
#ifndef HTTP_NEWCOMERS_H
#define HTTP_NEWCOMERS_H

#include <stddef.h>
#include <sys/queue.h>
#include <sys/socket.h>

struct newcomers;
struct newcomers_origin;

struct newcomer {                        /* part of a connection; zeroed before first use */
	struct newcomers_origin *origin; /* NULL: it is not among them */
	TAILQ_ENTRY(newcomer) link, kin;
};

/** newcomers_new(max): a budget of max connections, of which one address (IPv6: a /64) may have a
 * quarter. NULL without memory. */
struct newcomers *newcomers_new(size_t max);
void newcomers_free(struct newcomers *s); /* empty */
/**
 * Adds a connection. Where its address has its quarter, or there is no room at all, another one has
 * to go for it: the oldest of its address, or else the oldest.
 *
 * @from    the client's address; families other than IPv4 and IPv6 count as one address
 * @victim  who has to go, and is no longer among them; NULL: nobody
 *
 * Returns 0, or TG_ENOMEM.
 */
int newcomers_add(struct newcomers *s, struct newcomer *n, const struct sockaddr *from,
	struct newcomer **victim);
/** newcomers_remove(s, n): it became a peer's, or ended. Harmless when it is not among them. */
void newcomers_remove(struct newcomers *s, struct newcomer *n);
/** newcomers_oldest(s): NULL when there is none. */
struct newcomer *newcomers_oldest(const struct newcomers *s);
size_t newcomers_count(const struct newcomers *s);

#endif
