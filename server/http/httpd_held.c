/*
 * httpd_held.c: held answers that were handed to the kernel whole, and that the peer's kernel has
 * not acknowledged yet. What stands in a send buffer can still be taken back, so their handlers go
 * on watching whether it may be sent (httpd_reply_revoke), while the connection serves its next
 * requests.
 *
 * Asking the kernel costs a system call. So it is asked when some answers have gathered, and once a
 * second; an ordinary request pays nothing. The descriptor of a connection that ever held an answer
 * is closed by a reset, whoever closes it (also the death of this process), until conn_free() finds
 * that nothing is held. Runs in workers.
 */
#include "base/clock.h"
#include "http/httpd_int.h"

#define LOOK_FROM 4u /* answers on one connection: then the kernel is asked at once */
#define HELD_MAX 16u /* then the connection's next request waits */

static void held_end(struct conn *c, struct httpd_req *r, bool ok)
{
	TAILQ_REMOVE(&c->held, r, held_link);
	c->n_held--;
	req_free(r, ok);
}

uint64_t held_look(struct conn *c)
{
	struct httpd_req *r;
	uint64_t acked = stream_acked(c->stream);

	if (acked != c->acked) {
		c->acked = acked;
		c->acked_us = clock_mono_us();
	}
	while ((r = TAILQ_FIRST(&c->held)) != NULL && r->held_to <= acked)
		held_end(c, r, true);
	if (c->n_held == 0 && c->phase == PH_LINGER)
		conn_schedule(c);
	return acked;
}

void held_add(struct conn *c, struct httpd_req *r)
{
	req_log(r);
	r->held_to = stream_written(c->stream);
	if (c->n_held == 0)
		c->acked_us = clock_mono_us();
	TAILQ_INSERT_TAIL(&c->held, r, held_link);
	if (++c->n_held >= LOOK_FROM)
		(void)held_look(c);
}

bool held_full(struct conn *c)
{
	if (c->n_held >= HELD_MAX)
		(void)held_look(c);
	return c->n_held >= HELD_MAX;
}

bool held_stalled(struct conn *c)
{
	if (c->n_held > 0)
		(void)held_look(c);
	return c->n_held > 0 &&
		clock_mono_us() - c->acked_us > c->httpd->limits.send_idle_s * UINT64_C(1000000);
}

void held_drop(struct conn *c)
{
	while (!TAILQ_EMPTY(&c->held))
		held_end(c, TAILQ_FIRST(&c->held), false);
}

/* What the layer above asks ------------------------------------------------ */

void httpd_reply_hold(struct httpd_req *r)
{
	struct conn *c = r->conn;

	r->hold = true;
	if (c->abortive || c->dead)
		return;
	c->abortive = true;
	stream_set_abortive(c->stream, true);
}

bool httpd_reply_delivered(struct httpd_req *r)
{
	const uint64_t held_to = r->held_to;

	/* The request may be freed by this look. */
	return held_to != 0 && held_look(r->conn) >= held_to;
}

void httpd_reply_revoke(struct httpd_req *r)
{
	struct conn *c = r->conn;

	if (httpd_reply_delivered(r))
		return;
	c->revoked = true;
	conn_kill(c);
}
