/*
 * abort.c: the end of uploads that came to nothing, and of those whose commit was on its way
 * when the connection broke. Runs in workers.
 *
 * An abort is sent until it is answered: what Redis refused (its library was flushed, say) or never
 * read would leave chunks that no index entry names, or a blob that nobody was told of.
 */
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/token.h"
#include "store/abort.h"
#include "store/cmd.h"
#include "store/error.h"
#include "store/schema.h"
#include "store/state.h"

#define TRIES 60u /* after so many refusals of Redis an abort is given up */

struct abort_entry {
	TAILQ_ENTRY(abort_entry) link;
	struct store *store;
	char attempt[ATTEMPT_LEN + 1];
	unsigned n;     /* chunks */
	unsigned tries; /* that Redis refused */
	int64_t later_ms;
	bool unknown;
};

int abort_send(struct store *s, const char *attempt, unsigned n, int64_t later_ms, bool unknown,
	rconn_cb *cb, void *ctx)
{
	int shard = token_shard(attempt, TOKEN_LEN);
	struct cmd m;

	cmd_fcall(&m, "tg2_abort", (unsigned)shard);
	cmd_text(&m, attempt);
	cmd_num(&m, n);
	cmd_num(&m, later_ms);
	cmd_text(&m, unknown ? "1" : "0");
	return cmd_send(s, &m, cb, ctx);
}

static void entry_over(struct abort_entry *a)
{
	a->store->aborts.n--;
	free(a);
}

static void entry_wait(struct abort_entry *a)
{
	if (a->tries < TRIES) {
		a->later_ms = STORE_STALLED_MS; /* what was sent may arrive yet */
		TAILQ_INSERT_TAIL(&a->store->aborts.due, a, link);
		return;
	}
	log_warn("store-abort",
		"an upload that came to nothing cannot be erased now; its deadline will");
	entry_over(a);
}

static void on_aborted(void *ctx, const redisReply *r)
{
	struct abort_entry *a = ctx;

	TAILQ_REMOVE(&a->store->aborts.sent, a, link);
	if (error_of(a->store, r) == 0) {
		entry_over(a);
		return;
	}
	if (r != NULL)
		a->tries++;
	entry_wait(a);
}

static void entry_begin(struct abort_entry *a)
{
	if (abort_send(a->store, a->attempt, a->n, a->later_ms, a->unknown, on_aborted, a) == 0)
		TAILQ_INSERT_TAIL(&a->store->aborts.sent, a, link);
	else
		entry_wait(a);
}

void abort_until_done(
	struct store *s, const char *attempt, unsigned n, int64_t later_ms, bool unknown)
{
	/* Half of the places are kept for uploads that may be live: only an abort ends those. Of
	 * the others the reaper finds an entry in the index. */
	const unsigned most = unknown ? ABORT_MAX : ABORT_MAX / 2;
	struct abort_entry *a = s->aborts.n < most ? calloc(1, sizeof *a) : NULL;

	if (a == NULL) {
		if (abort_send(s, attempt, n, later_ms, unknown, error_heard, s) != 0 && unknown)
			log_warn("store-abort",
				"an upload whose end is unknown is left to its deadline");
		return;
	}
	*a = (struct abort_entry){.store = s, .n = n, .later_ms = later_ms, .unknown = unknown};
	strcpy(a->attempt, attempt);
	s->aborts.n++;
	entry_begin(a);
}

/* Takes each of those that wait now once: one that fails again is appended behind `last`. */
void abort_resend(struct store *s, unsigned most)
{
	struct abort_entry *a, *last = TAILQ_LAST(&s->aborts.due, abort_list);

	for (bool more = true; more && most > 0 && (a = TAILQ_FIRST(&s->aborts.due)) != NULL;
		most--) {
		more = a != last;
		TAILQ_REMOVE(&s->aborts.due, a, link);
		entry_begin(a);
	}
}

void abort_init(struct store *s)
{
	TAILQ_INIT(&s->aborts.due);
	TAILQ_INIT(&s->aborts.sent);
}

static void list_free(struct abort_list *list)
{
	struct abort_entry *a;

	while ((a = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, a, link);
		entry_over(a);
	}
}

void abort_free_all(struct store *s)
{
	list_free(&s->aborts.due);
	list_free(&s->aborts.sent);
}
