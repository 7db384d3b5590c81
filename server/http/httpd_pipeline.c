/*
 * httpd_pipeline.c: see httpd_pipeline.h. All of it happens in httpd_pipeline_on_work(), in steps
 * of httpd_req_state.c, until nothing more can be done without further input, a handler's
 * answer, or room in the output. Runs in workers.
 *
 * Each state has a time limit. Where bytes should flow, it begins anew when some did.
 */
#include <stddef.h>

#include <timeglas/errors.h>

#include "base/clock.h"
#include "http/httpd_pipeline.h"
#include "http/httpd_problem.h"
#include "http/httpd_req.h"

#define HANDLER_TIMEOUT_S 30
#define STRANGER_S 2 /* for the one request of a client that is no peer */
#define STRANGER_HEAD_MAX 4096u
#define UNACKED_MAX 16u /* with so many revocable answers under way the next request waits */

static unsigned stranger_seconds(const struct httpd_pipeline *p, unsigned seconds)
{
	return p->conn.peer == NULL && seconds > STRANGER_S ? STRANGER_S : seconds;
}

static unsigned state_seconds(const struct httpd_pipeline *p)
{
	const struct httpd_limits *l = &p->group->conns.limits;

	switch (p->state) {
	case HTTPD_REQ_IDLE:
		return stranger_seconds(p, l->idle_timeout_s);
	case HTTPD_REQ_HEAD:
		return stranger_seconds(p, l->head_timeout_s);
	case HTTPD_REQ_CONTENT:
		return l->body_idle_s;
	case HTTPD_REQ_HANDLER:
		return l->handler_timeout_s != 0 ? l->handler_timeout_s : HANDLER_TIMEOUT_S;
	case HTTPD_REQ_REPLY:
	case HTTPD_REQ_SEND:
	case HTTPD_REQ_CLOSED:
	case HTTPD_REQ_N_STATES:
		break;
	}
	return l->send_idle_s;
}

static void step(struct httpd_pipeline *p, enum httpd_req_event e)
{
	p->state = httpd_req_state_next(p->state, e);
	/* In SEND the time of REPLY goes on. */
	if (p->state != HTTPD_REQ_SEND && p->state != HTTPD_REQ_CLOSED)
		httpd_conn_arm(&p->conn, state_seconds(p));
}

static void end_pipeline(struct httpd_pipeline *p)
{
	step(p, HTTPD_REQ_ON_CLOSE);
	httpd_conn_finish(&p->conn);
}

/* Makes the steps that the answer has come to since the last call. */
static void note_reply(struct httpd_pipeline *p)
{
	const enum httpd_reply_progress progress = p->req->reply.progress;

	if (progress != HTTPD_REPLY_NONE &&
		(p->state == HTTPD_REQ_CONTENT || p->state == HTTPD_REQ_HANDLER))
		step(p, HTTPD_REQ_ON_REPLY_BEGUN);
	if (progress == HTTPD_REPLY_WHOLE && p->state == HTTPD_REQ_REPLY)
		step(p, HTTPD_REQ_ON_REPLY_WHOLE);
}

/* Refusing ----------------------------------------------------------------- */

/* The handler is told the end at once, so that it does not add to this answer. */
void httpd_pipeline_refuse(
	struct httpd_pipeline *p, struct httpd_req *r, int code, const char *detail)
{
	if (r->reply.progress == HTTPD_REPLY_NONE) {
		r->reply.close = true;
		httpd_problem(&r->reply, tg_error_status(code) != 0 ? code : TG_EINTERNAL, detail,
			NULL, NULL);
		httpd_req_detach(r, false);
	}
	httpd_conn_schedule(&p->conn);
}

/* Answers a head that is malformed, or that comes too slowly, with a request made up for it. */
static void refuse_head(struct httpd_pipeline *p, int code, const char *detail)
{
	const char *ignored_why;
	int ignored;

	p->req = httpd_req_new(
		&p->conn, &p->group->ids, p->head_us, "\r\n", 2, &ignored, &ignored_why);
	if (p->req == NULL) {
		httpd_conn_kill(&p->conn);
		return;
	}
	step(p, HTTPD_REQ_ON_CONTENT_WHOLE);
	httpd_pipeline_refuse(p, p->req, code, detail);
}

/* The next request --------------------------------------------------------- */

static bool too_many_unacked(struct httpd_pipeline *p)
{
	if (p->conn.unacked.n >= UNACKED_MAX)
		(void)httpd_conn_look_acked(&p->conn);
	return p->conn.unacked.n >= UNACKED_MAX;
}

static void begin_head(struct httpd_pipeline *p)
{
	p->head_us = p->next_us != 0 ? p->next_us : clock_mono_us();
	p->next_us = 0;
	p->scanned = 0;
	step(p, HTTPD_REQ_ON_BYTES);
}

/* A head of n bytes stands at p. Returns whether there is a request now. */
static bool begin_request(struct httpd_pipeline *p, struct evbuffer *in, const char *head, size_t n)
{
	const char *why = NULL;
	int err = 0;
	struct httpd_req *r =
		httpd_req_new(&p->conn, &p->group->ids, p->head_us, head, n, &err, &why);

	if (r == NULL) {
		httpd_conn_kill(&p->conn);
		return false;
	}
	evbuffer_drain(in, n);
	p->req = r;
	step(p,
		r->content == HTTPD_REQ_COMING ? HTTPD_REQ_ON_CONTENT_FOLLOWS :
						 HTTPD_REQ_ON_CONTENT_WHOLE);
	if (err != 0)
		httpd_pipeline_refuse(p, r, err, why);
	else
		p->group->calls.on_request(p, r);
	return true;
}

/* A whole head, if there is one, becomes the connection's request. Returns whether there is one
 * now. */
static bool next_request(struct httpd_pipeline *p)
{
	struct evbuffer *in = stream_in(p->conn.stream);
	size_t have = evbuffer_get_length(in);

	if (have == 0 || !p->group->calls.may_serve(p))
		return false;
	if (too_many_unacked(p)) {
		httpd_conn_wait(&p->conn);
		return false;
	}
	if (p->state == HTTPD_REQ_IDLE)
		begin_head(p);
	if (have > H1_HEAD_MAX)
		have = H1_HEAD_MAX;
	const char *head = (const char *)evbuffer_pullup(in, (ev_ssize_t)have);
	long n = head != NULL ? h1_head_end(head, have, &p->scanned) : TG_ENOMEM;
	if (n == 0 && p->conn.peer == NULL && have >= STRANGER_HEAD_MAX)
		n = TG_EHEADERS;
	if (n == 0)
		return false;
	if (n > 0)
		return begin_request(p, in, head, (size_t)n);
	refuse_head(p, (int)n, h1_head_fault((int)n));
	return true;
}

/* The request under way ---------------------------------------------------- */

static void on_unacked_end(struct unacked_entry *e, bool acked)
{
	struct httpd_req *r = (struct httpd_req *)(void *)((char *)e -
		offsetof(struct httpd_req, reply) - offsetof(struct httpd_reply, unacked));

	httpd_req_free(r, acked);
}

/* Nothing more of it is to be read or written. */
static void leave_request(struct httpd_pipeline *p, struct httpd_req *r)
{
	p->req = NULL;
	httpd_req_leave(r);
	p->group->calls.on_log(p, r);
}

/* The answer is complete, and little of it is unsent. Returns whether the connection goes on to the
 * next request. */
static bool end_request(struct httpd_pipeline *p)
{
	struct httpd_req *r = p->req;
	const bool closing = r->reply.close ||
		(p->conn.eof && evbuffer_get_length(stream_in(p->conn.stream)) == 0);

	leave_request(p, r);
	if (r->reply.revocable)
		httpd_reply_await_ack(&r->reply, on_unacked_end);
	else
		httpd_req_free(r, true);
	if (httpd_conn_is_dead(&p->conn))
		return false;
	if (closing) {
		end_pipeline(p);
		return false;
	}
	step(p, HTTPD_REQ_ON_SENT);
	return true;
}

/* The client has ended its direction before its content was complete. There is nobody to answer,
 * but earlier answers may be unsent. */
static void cut_off(struct httpd_pipeline *p)
{
	struct httpd_req *r = p->req;

	leave_request(p, r);
	httpd_req_free(r, false);
	if (!httpd_conn_is_dead(&p->conn))
		end_pipeline(p);
}

/* Moves content on. Returns whether another step may be useful. */
static bool work_content(struct httpd_pipeline *p)
{
	struct httpd_req *r = p->req;
	const int err = httpd_req_read(r);

	if (httpd_conn_is_dead(&p->conn))
		return false;
	if (err != 0) {
		httpd_pipeline_refuse(p, r, err, "the content's chunked framing is malformed");
		return true;
	}
	if (r->reply.progress == HTTPD_REPLY_WHOLE)
		return true;
	if (r->reply.progress == HTTPD_REPLY_NONE && p->conn.eof && httpd_req_cut_short(r)) {
		cut_off(p);
		return false;
	}
	if (p->state == HTTPD_REQ_CONTENT && r->content != HTTPD_REQ_COMING)
		step(p, HTTPD_REQ_ON_CONTENT_WHOLE);
	note_reply(p);
	return false;
}

/* One step with the request there is. Returns whether another step may be useful. */
static bool work_request(struct httpd_pipeline *p)
{
	note_reply(p);
	if (p->state != HTTPD_REQ_SEND)
		return work_content(p);
	return httpd_reply_is_sent(&p->req->reply) && end_request(p); /* otherwise on_room comes */
}

static bool has_input(const struct httpd_pipeline *p)
{
	return evbuffer_get_length(stream_in(p->conn.stream)) > 0;
}

static bool work_once(struct httpd_pipeline *p)
{
	if (p->req != NULL)
		return work_request(p);
	if (!p->group->conns.draining || has_input(p))
		return next_request(p);
	end_pipeline(p);
	return false;
}

void httpd_pipeline_on_work(struct httpd_conn *c)
{
	struct httpd_pipeline *p = httpd_pipeline_of(c);

	while (c->state == HTTPD_CONN_OPEN && work_once(p))
		;
	if (c->state != HTTPD_CONN_OPEN)
		return;
	if (c->heard && (p->state == HTTPD_REQ_HEAD || p->state == HTTPD_REQ_CONTENT))
		stream_recheck(c->stream);
	/* A request that waits behind another has begun when its first byte came: its age is
	 * counted from then. */
	if (p->next_us == 0 && p->req != NULL && p->req->content != HTTPD_REQ_COMING &&
		has_input(p))
		p->next_us = clock_mono_us();
	if (p->req == NULL && c->eof && !c->waits)
		end_pipeline(p); /* what is answered already may not be written yet */
}

void httpd_pipeline_on_room(struct httpd_conn *c)
{
	struct httpd_req *r = httpd_pipeline_of(c)->req;

	if (r != NULL && r->reply.progress == HTTPD_REPLY_BEGUN && r->handler != NULL &&
		r->handler->on_room != NULL)
		r->handler->on_room(r, r->ctx);
}

/* Time --------------------------------------------------------------------- */

static void content_timeout(struct httpd_pipeline *p, bool in)
{
	struct httpd_req *r = p->req;

	if (httpd_conn_limit_over(&p->conn))
		httpd_pipeline_refuse(p, r, TG_ETIMEOUT, "the content did not come in time");
	else if (in || r->paused || r->left)
		httpd_conn_rearm(&p->conn);
	else
		httpd_pipeline_refuse(p, r, TG_ETIMEOUT, "no content came for too long");
}

/* Earlier answers may still be unsent or unacknowledged. While they move on, the wait begins anew.
 */
static void idle_timeout(struct httpd_pipeline *p, bool out)
{
	if (!httpd_conn_unsent(&p->conn))
		end_pipeline(p);
	else if (out || p->conn.unacked.n > 0)
		httpd_conn_rearm(&p->conn);
	else
		httpd_conn_kill(&p->conn);
}

void httpd_pipeline_on_timeout(struct httpd_conn *c, bool in, bool out)
{
	struct httpd_pipeline *p = httpd_pipeline_of(c);

	switch (p->state) {
	case HTTPD_REQ_IDLE:
		idle_timeout(p, out);
		break;
	case HTTPD_REQ_HEAD:
		refuse_head(p, TG_ETIMEOUT, "the request's head did not come in time");
		break;
	case HTTPD_REQ_CONTENT:
		content_timeout(p, in);
		break;
	case HTTPD_REQ_HANDLER:
		httpd_pipeline_refuse(
			p, p->req, p->group->calls.late_code, p->group->calls.late_detail);
		break;
	case HTTPD_REQ_REPLY:
	case HTTPD_REQ_SEND:
		if (out)
			httpd_conn_rearm(c);
		else
			httpd_conn_kill(c);
		break;
	case HTTPD_REQ_CLOSED:
	case HTTPD_REQ_N_STATES:
		break;
	}
}

/* Making and unmaking ------------------------------------------------------ */

struct httpd_pipeline *httpd_pipeline_of(struct httpd_conn *c)
{
	return (struct httpd_pipeline *)(void *)((char *)c - offsetof(struct httpd_pipeline, conn));
}

int httpd_pipeline_open(struct httpd_pipeline *p, struct httpd_pipeline_group *g, int fd, SSL *ssl)
{
	p->group = g;
	p->state = HTTPD_REQ_IDLE;
	return httpd_conn_open(&p->conn, &g->conns, fd, ssl);
}

void httpd_pipeline_begin(struct httpd_pipeline *p)
{
	httpd_conn_arm(&p->conn, state_seconds(p));
	stream_recheck(p->conn.stream);
}

void httpd_pipeline_close(struct httpd_pipeline *p)
{
	struct httpd_req *r = p->req;

	httpd_conn_settle(&p->conn, r == NULL || !r->reply.revocable);
	if (r != NULL) {
		leave_request(p, r);
		httpd_req_free(r, false);
	}
	httpd_conn_close(&p->conn);
}
