/*
 * store_abort.c: the end of uploads that came to nothing, and of those whose commit was on its way
 * when the connection broke. Runs in workers.
 *
 * An abort is sent until it is answered: what Redis refused (its library was flushed, say) or never
 * read would leave chunks that no index entry names, or a blob that nobody was told of.
 */
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "store/store_int.h"

#define TRIES 60u /* that Redis refused */

struct abort_call {
	TAILQ_ENTRY(abort_call) link;
	struct store *store;
	char attempt[ATTEMPT_LEN + 1];
	unsigned n; /* chunks */
	unsigned tries;
	int64_t later_ms;
	bool unknown;
};

int abort_send(struct store *s, const char *attempt, unsigned n, int64_t later_ms, bool unknown,
	rconn_cb *cb, void *ctx)
{
	int shard = token_shard(attempt, TOKEN_LEN);
	struct cmd m;

	cmd_fcall(&m, "tg1_abort", (unsigned)shard);
	cmd_text(&m, attempt);
	cmd_num(&m, n);
	cmd_num(&m, later_ms);
	cmd_text(&m, unknown ? "1" : "0");
	return cmd_send(s, &m, cb, ctx);
}

static void call_over(struct abort_call *a)
{
	a->store->n_aborts--;
	free(a);
}

static void call_wait(struct abort_call *a)
{
	if (a->tries < TRIES) {
		a->later_ms = STORE_STALLED_MS; /* what was sent may arrive yet */
		TAILQ_INSERT_TAIL(&a->store->aborts_due, a, link);
		return;
	}
	log_warn("store-abort",
		"an upload that came to nothing cannot be erased now; its deadline will");
	call_over(a);
}

static void on_aborted(void *ctx, const redisReply *r)
{
	struct abort_call *a = ctx;

	TAILQ_REMOVE(&a->store->aborts_sent, a, link);
	if (store_err(a->store, r) == 0) {
		call_over(a);
		return;
	}
	if (r != NULL)
		a->tries++;
	call_wait(a);
}

static void call_begin(struct abort_call *a)
{
	if (abort_send(a->store, a->attempt, a->n, a->later_ms, a->unknown, on_aborted, a) == 0)
		TAILQ_INSERT_TAIL(&a->store->aborts_sent, a, link);
	else
		call_wait(a);
}

void store_abort(struct store *s, const char *attempt, unsigned n, int64_t later_ms, bool unknown)
{
	/* What may be live has places of its own: the others have an entry in the index, and the
	 * reaper. */
	const unsigned most = unknown ? STORE_ABORTS_MAX : STORE_ABORTS_MAX / 2;
	struct abort_call *a = s->n_aborts < most ? calloc(1, sizeof *a) : NULL;

	if (a == NULL) {
		if (abort_send(s, attempt, n, later_ms, unknown, store_hear, s) != 0 && unknown)
			log_warn("store-abort",
				"an upload whose end is unknown is left to its deadline");
		return;
	}
	*a = (struct abort_call){.store = s, .n = n, .later_ms = later_ms, .unknown = unknown};
	strcpy(a->attempt, attempt);
	s->n_aborts++;
	call_begin(a);
}

/* Those that stand there now: one that fails again stands behind them. */
void store_aborts_send(struct store *s, unsigned most)
{
	struct abort_call *a, *last = TAILQ_LAST(&s->aborts_due, abort_list);

	for (bool more = true; more && most > 0 && (a = TAILQ_FIRST(&s->aborts_due)) != NULL;
		most--) {
		more = a != last;
		TAILQ_REMOVE(&s->aborts_due, a, link);
		call_begin(a);
	}
}

static void list_free(struct abort_list *list)
{
	struct abort_call *a;

	while ((a = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, a, link);
		call_over(a);
	}
}

void store_aborts_free(struct store *s)
{
	list_free(&s->aborts_due);
	list_free(&s->aborts_sent);
}
