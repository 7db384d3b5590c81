/*
 * store_put_step.c: what the files that work on an upload share: its state, its refusal, its time,
 * the answers to its chunks, and its end in memory. Sends nothing. Runs in workers.
 */
#include <stdlib.h>
#include "base/clock.h"
#include "store/error.h"
#include "store/state.h"
#include "store/store_put_step.h"

void store_put_step(struct store_put *p, enum store_put_event e)
{
	p->state = store_put_state_next(p->state, e);
}

int store_put_step_refuse(struct store_put *p, int err)
{
	if (p->err == 0) {
		p->err = err;
		store_put_step(p, STORE_PUT_EV_REFUSED);
	}
	return p->err;
}

void store_put_step_refuse_later(struct store_put *p, int err)
{
	if (p->err != 0)
		return;
	(void)store_put_step_refuse(p, err);
	if (p->state == STORE_PUT_STATE_FAILED)
		p->calls.on_refused(p, err, p->ctx);
}

int64_t store_put_step_left_ms(const struct store_put *p)
{
	return (int64_t)p->opts.ttl_s * 1000 - (int64_t)((clock_mono_us() - p->born_us) / 1000);
}

void store_put_step_on_set(void *ctx, const redisReply *r)
{
	struct store_put *p = ctx;
	int err = error_of(p->store, r);

	p->unanswered--;
	if (err != 0)
		store_put_step_refuse_later(p, err);
	else if (store_put_state_takes_chunks(p->state) && p->unanswered < STORE_PUT_UNANSWERED_MAX)
		p->calls.on_room(p, p->ctx);
}

void store_put_step_free(struct store_put *p)
{
	rconn_forget(p->store->conn, p);
	loop_cancel(p->store->loop, &p->checked);
	if (event_initialized(&p->heartbeat))
		event_del(&p->heartbeat);
	if (p->piece != NULL)
		evbuffer_free(p->piece);
	free(p);
}
