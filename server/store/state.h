/*
 * state.h: the struct of a store, which store.c makes and frees. The modules of this folder include
 * it, and nobody else; each part that is named after a file is that file's own.
 */
#ifndef STORE_STATE_H
#define STORE_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <event2/event.h>
#include "net/loop.h"
#include "redis/rconn.h"

struct query;
struct abort_entry;
struct store_calls;
LIST_HEAD(query_list, query);
TAILQ_HEAD(abort_list, abort_entry);

struct store {
	struct loop *loop;
	struct rconn *conn;
	const struct store_calls *calls;
	void *ctx;
	bool up;         /* connected, the library loaded, the time known */
	int64_t skew_ms; /* the store's clock minus clock_mono_us() */
	/* the last stamp that an answer on this connection has told; 0: none since it was up, or
	 * since reads have waited. store_read.c says what it is for. */
	int64_t stamp;
	struct event *heartbeat;
	struct {               /* library.c */
		bool checking; /* library_check() is under way */
		struct event *retry;
		void (*on_loaded)(struct store *s);
		void (*on_failed)(struct store *s, const char *why);
	} library;
	struct query_list queries;           /* query.c */
	struct {                             /* abort.c */
		struct abort_list due, sent; /* to be sent (again); on their way */
		unsigned n;
	} aborts;
};

#endif
