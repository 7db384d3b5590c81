/*
 * rounds.c: see rounds.h. No event is lost, because of the order: the trim follows the sync, so an
 * event that is not in the file is still in the store. None is recorded twice, because the caller
 * declares a batch in the store before it is written.
 */
#include <sched.h>
#include <stdlib.h>
#include <timeglas/errors.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "recorder/entry.h"
#include "recorder/gone_check.h"
#include "recorder/rounds.h"
#include "store/outbox.h"

/* How many events of a shard one read asks for. Redis gathers up to 4,096 for one answer, and must
 * not keep the reaper waiting for long. */
#define READ_COUNT 64u
/* The same when the last read left some: up to 16,384 for one answer. Each round costs a sync and
 * two answers of the store, however many events it has. */
#define BEHIND_COUNT 256u
#define READ_BLOCK_MS 200u
#define ROUND_US 20000u       /* between two reads, so that one sync serves many events */
#define QUIET_ROUND_US 50000u /* the same after a read of fewer than FEW events */
#define FEW 100
/* Events are put into the batch in so many slices; between two of them the recorder yields the
 * processor. */
#define SLICES 16
#define SLICE_MIN 16     /* events */
#define SLICES_US 10000u /* after that long the rest is done without yielding */

struct rounds {
	struct rounds_opts opts;
	struct outbox *outbox;
	struct event *timer;
	uint64_t read_us; /* when the last read was sent */
	enum rounds_mode mode;
	enum {
		ALL,
		MORE
	} found;   /* by the last read: MORE: a shard gave as much as was asked for */
	int batch; /* events in the ledger's batch, or in the last one written */
	struct gone_check *gone_check;
	uint64_t batch_shards; /* bit i: the batch has an event of shard i */
	struct entry entry;
};

/* Into the batch ----------------------------------------------------------- */

static int add(struct rounds *r, const struct outbox_event *e)
{
	int err;

	entry_fill(&r->entry, e);
	if (r->entry.forged)
		log_error("outbox",
			"somebody wrote into the store what only the recorder can say (event %s): "
			"find out who has its password; the evidence names it, and it counts for "
			"nothing",
			r->entry.id);
	err = ledger_add(r->opts.ledger, &r->entry.record);
	if (err == 0)
		return gone_check_event(r->gone_check, e, &r->entry);
	if (err != TG_EINVAL)
		return err;
	entry_unreadable(&r->entry, e); /* it does not fit into a line */
	return ledger_add(r->opts.ledger, &r->entry.record);
}

/* Lets other processes go first, but not when the read is urgent, nor when events pile up. */
static void yield_processor(const struct rounds *r, uint64_t until_us)
{
	if (r->mode != ROUNDS_URGENT && r->found == ALL && clock_mono_us() < until_us)
		(void)sched_yield();
}

static int collect(struct rounds *r, struct outbox_batch *b)
{
	const int n = outbox_count(b), slice = n / SLICES > SLICE_MIN ? n / SLICES : SLICE_MIN;
	const uint64_t until_us = clock_mono_us() + SLICES_US;
	struct outbox_event e;
	int err = 0;

	rounds_drop(r);
	r->found = outbox_full(b) ? MORE : ALL;
	while (err == 0 && outbox_next(b, &e)) {
		err = add(r, &e);
		r->batch_shards |= UINT64_C(1) << e.shard;
		if (++r->batch % slice == 0)
			yield_processor(r, until_us);
	}
	if (err != 0)
		rounds_drop(r);
	else
		gone_check_end(r->gone_check);
	return err;
}

void rounds_drop(struct rounds *r)
{
	gone_check_drop(r->gone_check);
	ledger_drop(r->opts.ledger);
	r->batch = 0;
	r->batch_shards = 0;
}

/* Reading ------------------------------------------------------------------ */

static void on_events(void *ctx, int err, struct outbox_batch *b)
{
	struct rounds *r = ctx;
	enum rounds_event e = ROUNDS_READ_FAILED;

	if (err != 0 && err != TG_ESTORE)
		log_error(
			"outbox", "events could not be read from the store: %s", tg_strerror(err));
	if (err == 0) {
		err = collect(r, b);
		e = err != 0 ? ROUNDS_FILE_FAILED : r->batch > 0 ? ROUNDS_EVENTS : ROUNDS_EMPTY;
	}
	r->opts.cb(r->opts.ctx, e, err);
}

int rounds_read(struct rounds *r, enum rounds_mode mode)
{
	event_del(r->timer);
	r->mode = mode;
	r->read_us = clock_mono_us();
	return outbox_read(r->outbox, ledger_mark(r->opts.ledger)->pos,
		r->found == MORE ? BEHIND_COUNT : READ_COUNT,
		mode == ROUNDS_WAIT ? READ_BLOCK_MS : 0);
}

void rounds_hurry(struct rounds *r)
{
	r->mode = ROUNDS_URGENT;
}

uint64_t rounds_complete_us(const struct rounds *r)
{
	return r->found == ALL ? r->read_us : 0;
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct rounds *r = ctx;

	(void)fd, (void)what;
	r->opts.cb(r->opts.ctx, ROUNDS_DUE, 0);
}

void rounds_schedule(struct rounds *r)
{
	const uint64_t now = clock_mono_us();
	const uint64_t at = r->read_us + (r->batch < FEW ? QUIET_ROUND_US : ROUND_US);
	struct timeval wait = {0, 0};

	if (r->found == ALL && at > now)
		wait.tv_usec = (suseconds_t)(at - now);
	event_add(r->timer, &wait);
}

/* Writing ------------------------------------------------------------------ */

static void on_trimmed(void *ctx, int err)
{
	struct rounds *r = ctx;

	if (err != 0)
		r->opts.cb(r->opts.ctx, ROUNDS_TRIM_FAILED, err);
}

int rounds_write(struct rounds *r)
{
	struct ledger *l = r->opts.ledger;
	int err = ledger_commit(l);

	if (err != 0)
		return err;
	metrics_count(M_RECORDED, (uint64_t)r->batch);
	for (unsigned i = 0; i < TOKEN_SHARDS; i++)
		/* Without a connection nothing is trimmed here: reconcile.c does that on the next
		 * one, before anything is read. */
		if ((r->batch_shards >> i & 1) != 0 &&
			outbox_trim(r->outbox, i, &ledger_mark(l)->pos[i]) != 0)
			break;
	return 0;
}

struct rounds *rounds_new(const struct rounds_opts *o)
{
	static const struct outbox_calls calls = {.on_events = on_events, .on_trimmed = on_trimmed};
	struct rounds *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->opts = *o;
	r->outbox = outbox_new(o->store, &calls, r);
	r->timer = event_new(loop_base(o->loop), -1, 0, on_timer, r);
	r->gone_check = gone_check_new(o->store, o->ledger);
	if (r->outbox == NULL || r->timer == NULL || r->gone_check == NULL) {
		rounds_free(r);
		return NULL;
	}
	return r;
}

void rounds_free(struct rounds *r)
{
	if (r == NULL)
		return;
	if (r->gone_check != NULL)
		rounds_drop(r);
	gone_check_free(r->gone_check);
	outbox_free(r->outbox);
	if (r->timer != NULL)
		event_free(r->timer);
	free(r);
}
