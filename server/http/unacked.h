/*
 * unacked.h: a list of answers that the kernel has whole, and of which the peer's kernel has not
 * acknowledged the last byte. They stand in the order in which they were written, so a count of
 * acknowledged bytes says which of them are complete. It does no I/O: the caller asks the kernel.
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

/** Begins with an empty list. */
void unacked_init(struct unacked *u);
/**
 * Adds an answer.
 *
 * @e     not in a list; borrowed until cb
 * @upto  how many bytes were ever written to the connection, up to the answer's last; more than 0
 * @cb    called by unacked_advance() or unacked_drop()
 */
void unacked_add(struct unacked *u, struct unacked_entry *e, uint64_t upto, unacked_cb *cb);
/** Takes note that the peer's kernel has acknowledged so many bytes, and calls back for each entry
 * that ends there or before. */
void unacked_advance(struct unacked *u, uint64_t acked);
/** Returns whether there is an entry, and nothing was acknowledged for more than us microseconds.
 */
bool unacked_stalled(const struct unacked *u, uint64_t us);
/** Ends the list with the connection: calls back for all that are left, acked false. */
void unacked_drop(struct unacked *u);

#endif
