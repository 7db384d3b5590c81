/*
 * unacked.h: a list of answers that were handed to the kernel whole, and that the peer's kernel has
 * not acknowledged to the end. They are in the order in which they were written, so each is told by
 * a count of bytes alone. It does no I/O: who asks the kernel passes on what that said.
 */
#ifndef HTTP_UNACKED_H
#define HTTP_UNACKED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct unacked_entry; /* part of an answer */

/** Called once for an entry that has left its list, which the callee may free. acked: the peer's
 * kernel has all of it; false: the connection has ended before that. */
typedef void unacked_cb(struct unacked_entry *e, bool acked);

struct unacked_entry {
	uint64_t upto; /* bytes written to the connection when its last one was; 0: not in a list */
	unacked_cb *cb;
	TAILQ_ENTRY(unacked_entry) link;
};

TAILQ_HEAD(unacked_list, unacked_entry);

struct unacked {
	struct unacked_list all; /* the oldest first */
	unsigned n;
	uint64_t acked, grown_us; /* bytes that were acknowledged, and when that last changed */
};

void unacked_init(struct unacked *u);
/**
 * Adds an answer.
 *
 * @upto  bytes ever written to the connection, its last one among them; more than 0
 * @cb    called by unacked_advance() or unacked_drop()
 */
void unacked_add(struct unacked *u, struct unacked_entry *e, uint64_t upto, unacked_cb *cb);
/** unacked_advance(u, acked): the peer's kernel has acknowledged so many bytes: calls back for each
 * entry that ends at or before them. */
void unacked_advance(struct unacked *u, uint64_t acked);
/** unacked_stalled(u, us): is there an entry, and was nothing acknowledged for more than us? */
bool unacked_stalled(const struct unacked *u, uint64_t us);
/** unacked_drop(u): the connection has ended: calls back for all that are left. */
void unacked_drop(struct unacked *u);

#endif
