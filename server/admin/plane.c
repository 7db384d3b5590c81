/*
 * plane.c: accepts, reads requests, writes answers, and closes in time. Only a POST may have
 * content, where that is served at all; any other with content is refused, and its connection ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/event_struct.h>

#include <timeglas/errors.h>

#include "admin/loopback_host.h"
#include "admin/plane.h"
#include "admin/plane_state.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "http/reason.h"
#include "net/listener.h"
#include "net/stream.h"

#define IDLE_S 5 /* until the first byte of a request */
#define HEAD_S 5 /* from there until its head is complete */
#define SEND_S 5 /* until the answer has been taken */
/* until the client has read a last answer, while what it still sends is dropped */
#define LINGER_S 1
#define CONNECTION_S 60 /* all in all */
#define LAST_S 50       /* an answer from here on is the connection's last */
#define READ_BYTES 4096
#define REPLY_HEAD_MAX 512
#define LOG_EVERY_S 60

struct plane_conn {
	struct plane *plane;
	struct stream *stream;
	enum plane_state state;
	bool eof;       /* the client has ended its direction */
	size_t scanned; /* bytes of a head that is not complete yet */
	size_t wanted;  /* bytes of a request whose head is complete; 0: it is not */
	uint64_t began_us;
	struct event timer;
	/* Queued in the turn that accepted the connection, whose request may still stand in the
	 * kernel. It does nothing. */
	struct loop_task accepted;
	TAILQ_ENTRY(plane_conn) link;
};

TAILQ_HEAD(plane_conns, plane_conn);

struct plane {
	struct loop *loop;
	struct listener *listener;
	struct plane_opts opts;
	plane_cb *cb;
	void *ctx;
	struct plane_conns conns; /* the oldest first */
	unsigned n;
	uint64_t logged_us;
};

/* The connection is over; frees it. */
static void conn_end(struct plane_conn *c, enum plane_event why)
{
	c->state = plane_state_next(c->state, why);
	TAILQ_REMOVE(&c->plane->conns, c, link);
	c->plane->n--;
	event_del(&c->timer);
	loop_cancel(c->plane->loop, &c->accepted);
	stream_free(c->stream);
	free(c);
}

/* Time --------------------------------------------------------------------- */

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	conn_end(ctx, PLANE_EV_LATE);
}

/* The time of the present state begins. Nothing that happens within the state prolongs it. */
static void arm_timer(struct plane_conn *c)
{
	static const unsigned seconds[PLANE_STATE_COUNT] = {[PLANE_IDLE] = IDLE_S,
		[PLANE_HEAD] = HEAD_S,
		[PLANE_ANSWER] = SEND_S,
		[PLANE_LAST] = SEND_S + LINGER_S};
	const uint64_t now = clock_mono_us(), end = c->began_us + CONNECTION_S * UINT64_C(1000000);
	uint64_t us = seconds[c->state] * UINT64_C(1000000);

	if (now + us > end)
		us = end > now ? end - now : 0;
	const struct timeval tv = {(time_t)(us / 1000000), (suseconds_t)(us % 1000000)};
	event_add(&c->timer, &tv);
}

static void step(struct plane_conn *c, enum plane_event e)
{
	c->state = plane_state_next(c->state, e);
	arm_timer(c);
}

/* Answers ------------------------------------------------------------------ */

void plane_text(struct plane_answer *out, int status, const char *text)
{
	out->status = status;
	out->body = text != NULL ? strdup(text) : NULL;
	out->n = out->body != NULL ? strlen(out->body) : 0;
}

/* last: the connection ends with this answer. */
static void send_answer(
	struct plane_conn *c, const struct plane_answer *a, bool with_body, bool last)
{
	char head[REPLY_HEAD_MAX];
	struct text t = text_in(head, sizeof head);
	struct evbuffer *out = stream_out(c->stream);
	const int status = a->body == NULL ? 500 : a->status != 0 ? a->status : 200;

	text_add(&t, "HTTP/1.1 ");
	text_num(&t, status);
	text_join(&t, " ", reason_phrase(status),
		"\r\nContent-Type: ", a->type != NULL ? a->type : "text/plain; charset=utf-8",
		"\r\nContent-Length: ");
	text_num(&t, a->body != NULL ? (int64_t)a->n : 0);
	text_join(&t, "\r\n", a->fields != NULL ? a->fields : "",
		"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n",
		last ? "Connection: close\r\n" : "", "\r\n");
	if (evbuffer_add(out, head, text_len(&t)) != 0 ||
		(with_body && a->body != NULL && evbuffer_add(out, a->body, a->n) != 0)) {
		/* Half an answer cannot be framed: the connection ends with what there is of it. */
		stream_set_abortive(c->stream, true);
		last = true;
	}
	step(c, last ? PLANE_EV_LAST_ANSWERED : PLANE_EV_ANSWERED);
	stream_set_out_low(c->stream, 0);
	stream_flush_later(c->stream);
	if (last)
		stream_finish(c->stream);
}

static void refuse(struct plane_conn *c, int status, const char *why)
{
	struct plane_answer a = {0};

	plane_text(&a, status, why);
	send_answer(c, &a, true, true);
	free(a.body);
}

/* Requests ----------------------------------------------------------------- */

static void serve(struct plane_conn *c, const struct h1_head *head, const struct h1_str *content)
{
	const struct h1_str *host = h1_field(head, "Host", NULL);
	struct plane_answer a = {0};
	bool last;

	if (!c->plane->opts.any_host && (host == NULL || !loopback_host(*host))) {
		refuse(c, 421,
			"this address is for this machine alone: send Host: localhost or the admin "
			"address\n");
		return;
	}
	if (head->content_length > 0 && (head->method == H1_GET || head->method == H1_HEAD)) {
		refuse(c, 413, "a request of this method must have no content\n");
		return;
	}
	last = head->close || head->content_length > content->n ||
		clock_mono_us() - c->began_us >= LAST_S * UINT64_C(1000000);
	c->plane->cb(c->plane->ctx, head, content, &a);
	send_answer(c, &a, head->method != H1_HEAD, last);
	free(a.body);
}

static void refuse_head(struct plane_conn *c, int err, const char *why)
{
	char text[256];
	struct text t = text_in(text, sizeof text);
	const int status = tg_error_status(err);

	text_join(&t, why, "\n");
	refuse(c, status != 0 ? status : 500, text);
}

/* How much content of this request is to be read; -1: none can be, and it was refused. */
static long content_of(struct plane_conn *c, const struct h1_head *head)
{
	const size_t max = c->plane->opts.content_max;

	if (max == 0 || head->method != H1_POST)
		return 0;
	if (head->chunked)
		refuse(c, 411, "send a Content-Length\n");
	else if (head->content_length > max)
		refuse(c, 413, "the content is too large\n");
	else
		return (long)head->content_length;
	return -1;
}

/* A complete head of n bytes at p, behind which content follows. Returns how much of the input is
 * used up; 0: content is missing. */
static size_t with_head(struct plane_conn *c, const char *p, size_t n, size_t have)
{
	struct h1_head head;
	struct h1_str content = {p + n, 0};
	const char *why = NULL;
	const int err = h1_head_parse(p, n, &head, &why);
	long more;

	if (err != 0) {
		refuse_head(c, err, why);
		return n;
	}
	more = content_of(c, &head);
	if (more < 0)
		return n;
	c->wanted = n + (size_t)more;
	if (have < c->wanted)
		return 0;
	content.n = (size_t)more;
	serve(c, &head, &content);
	return n + content.n;
}

/* Answers the next request, once it is complete. */
static void next_request(struct plane_conn *c)
{
	struct evbuffer *in = stream_in(c->stream);
	size_t have = evbuffer_get_length(in), most = H1_HEAD_MAX + c->plane->opts.content_max,
	       used;
	const char *p;
	long n;

	if (have == 0)
		return;
	if (c->state == PLANE_IDLE) {
		c->scanned = 0;
		c->wanted = 0;
		step(c, PLANE_EV_BYTES);
	}
	if (have < c->wanted)
		return;
	have = have > most ? most : have;
	p = (const char *)evbuffer_pullup(in, (ev_ssize_t)have);
	if (c->wanted > 0)
		c->scanned = 0;
	n = p != NULL ? h1_head_end(p, have > H1_HEAD_MAX ? H1_HEAD_MAX : have, &c->scanned) :
			TG_ENOMEM;
	if (n == 0)
		return;
	if (n < 0) {
		refuse_head(c, (int)n, h1_head_fault((int)n));
		used = evbuffer_get_length(in);
	} else {
		used = with_head(c, p, (size_t)n, have);
	}
	evbuffer_drain(in, used);
}

/* Bytes came or went, or the client has ended its direction. May free c. */
static void work(struct plane_conn *c)
{
	if (c->state == PLANE_ANSWER && stream_unsent(c->stream) == 0)
		step(c, PLANE_EV_SENT);
	if (c->state == PLANE_IDLE || c->state == PLANE_HEAD)
		next_request(c);
	if (c->state == PLANE_LAST)
		evbuffer_drain(stream_in(c->stream), evbuffer_get_length(stream_in(c->stream)));
	/* In HEAD, the rest of the head will not come any more. */
	if (c->eof && stream_unsent(c->stream) == 0)
		conn_end(c, PLANE_EV_GONE);
}

static void on_read(struct stream *s, struct evbuffer *in, void *ctx)
{
	(void)s, (void)in;
	work(ctx);
}

/* All is written. */
static void on_drain(struct stream *s, void *ctx)
{
	(void)s;
	work(ctx);
}

static void on_end(struct stream *s, enum stream_end why, void *ctx)
{
	struct plane_conn *c = ctx;

	(void)s;
	if (why != STREAM_EOF) {
		conn_end(c, PLANE_EV_GONE);
		return;
	}
	c->eof = true;
	work(c);
}

/* Connections -------------------------------------------------------------- */

static void on_turn_over(struct loop_task *t, void *ctx)
{
	(void)t, (void)ctx;
}

/* No descriptor is left: the oldest connection makes room. One that has come in this turn is read
 * first, and makes room in the next. */
static bool on_relief(void *ctx)
{
	struct plane *p = ctx;
	struct plane_conn *oldest = TAILQ_FIRST(&p->conns);
	const uint64_t now = clock_mono_us();

	if (p->logged_us == 0 || now - p->logged_us >= LOG_EVERY_S * UINT64_C(1000000)) {
		p->logged_us = now;
		log_warn("admin",
			"no descriptor is left, with %u connections to this address: raise "
			"RLIMIT_NOFILE "
			"(LimitNOFILE=); until then %s",
			p->n,
			oldest != NULL ? "each new connection closes the oldest one" :
					 "nobody is served here");
	}
	if (oldest != NULL && !oldest->accepted.queued)
		conn_end(oldest, PLANE_EV_EVICTED);
	return oldest != NULL;
}

static void on_accept(int fd, void *ctx)
{
	static const struct stream_cb cb = {
		.on_read = on_read, .on_drain = on_drain, .on_end = on_end};
	struct plane *p = ctx;
	const struct stream_opts opts = {
		.in_max = H1_HEAD_MAX + p->opts.content_max + READ_BYTES, .read_size = READ_BYTES};
	struct plane_conn *c = calloc(1, sizeof *c);

	if (c == NULL) {
		close(fd);
		return;
	}
	if (p->n >= PLANE_CONNECTIONS_MAX)
		conn_end(TAILQ_FIRST(&p->conns), PLANE_EV_EVICTED);
	c->plane = p;
	c->began_us = clock_mono_us();
	c->accepted = (struct loop_task){.run = on_turn_over, .ctx = c};
	event_assign(&c->timer, loop_base(p->loop), -1, 0, on_timer, c);
	if ((c->stream = stream_accept(p->loop, fd, NULL, &opts, &cb, c)) == NULL) {
		free(c);
		return;
	}
	TAILQ_INSERT_TAIL(&p->conns, c, link);
	p->n++;
	loop_defer(p->loop, &c->accepted);
	arm_timer(c);
}

struct plane *plane_new(struct loop *l, int fd, const struct plane_opts *o, plane_cb *cb, void *ctx)
{
	struct plane *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->loop = l;
	p->opts = *o;
	p->cb = cb;
	p->ctx = ctx;
	TAILQ_INIT(&p->conns);
	if ((p->listener = listener_new(l, fd, on_accept, p)) == NULL) {
		free(p);
		errno = ENOMEM;
		return NULL;
	}
	listener_set_relief(p->listener, on_relief);
	return p;
}

void plane_free(struct plane *p)
{
	struct plane_conn *c;

	if (p == NULL)
		return;
	listener_free(p->listener);
	while ((c = TAILQ_FIRST(&p->conns)) != NULL)
		conn_end(c, PLANE_EV_EVICTED);
	free(p);
}
