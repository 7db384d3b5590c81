/*
 * httpd_script.h: a server whose handlers echo, give and hold content, and a client with a script:
 * a stream over TLS on loopback, in the same loop. For test_httpd.c, test_httpd_refusals.c and
 * test_httpd_limits.c; httpd_fixture.h has a client that is a socket.
 */
#ifndef TESTS_HTTPD_SCRIPT_H
#define TESTS_HTTPD_SCRIPT_H

#include "check.h"
#include "tls_setup.h"
#include "base/clock.h"
#include "http/httpd.h"
#include "net/stream.h"
#include "net/tls.h"

static int the_peer;

#define BIG_BYTES 3000001u

struct world;

struct handling { /* one request under way */
	struct world *w;
	struct httpd_req *r;
	uint64_t got, left; /* content seen; answer bytes still to give */
	bool pause_each, ended;
	struct event *later;
};

struct world {
	struct loop *l;
	struct httpd *h;
	struct stream *s; /* the client */
	struct evbuffer *answer;
	size_t want;             /* stop when the answer has that many bytes */
	bool gone, stop_on_done; /* the client's stream ended */
	enum stream_end why;
	unsigned requests, done_ok, done_failed, logs, on_ends;
	int last_status;
	char last_slug[32];
	uint64_t last_in, last_out;
	bool no_peer;
	size_t drip; /* client: bytes per turn; 0: all at once */
	struct evbuffer *to_send;
	struct event *dripper;
	size_t max_waiting;
	unsigned fds;
};

/* The layer above ---------------------------------------------------------- */

static inline void unpause(evutil_socket_t fd, short what, void *arg)
{
	struct handling *x = arg;

	(void)fd, (void)what;
	httpd_req_pause(x->r, false);
}

static inline void echo_body(struct httpd_req *r, struct evbuffer *data, void *ctx)
{
	const struct timeval soon = {.tv_usec = 1000};
	struct handling *x = ctx;
	size_t n = evbuffer_get_length(data);

	assert_false(x->ended);
	if (n > x->w->max_waiting)
		x->w->max_waiting = n;
	x->got += n;
	evbuffer_drain(data, n);
	if (x->pause_each) {
		httpd_req_pause(r, true);
		evtimer_add(x->later, &soon);
	}
}

static inline void echo_end(struct httpd_req *r, void *ctx)
{
	struct handling *x = ctx;
	char text[64];
	int n = snprintf(text, sizeof text, "%llu", (unsigned long long)x->got);

	x->ended = true;
	x->w->on_ends++;
	httpd_reply(httpd_req_reply(r), 200, NULL, "text/plain", text, (size_t)n);
}

static inline void give(struct httpd_req *r, void *ctx)
{
	struct handling *x = ctx;
	struct evbuffer *b = evbuffer_new();

	while (x->left > 0 && httpd_reply_room(httpd_req_reply(r)) > 0) {
		char block[5000];
		size_t n = x->left < sizeof block ? (size_t)x->left : sizeof block;

		memset(block, 'x', n);
		evbuffer_add(b, block, n);
		x->left -= n;
		httpd_reply_data(httpd_req_reply(r), b);
	}
	evbuffer_free(b);
}

static inline void on_done(struct httpd_req *r, bool ok, void *ctx)
{
	struct handling *x = ctx;
	struct world *w = x->w;

	assert_ptr_equal(r, x->r);
	w->done_ok += ok;
	w->done_failed += !ok;
	if (x->later)
		event_free(x->later);
	free(x);
	if (w->stop_on_done)
		loop_stop(w->l);
}

static inline void hoard(struct httpd_req *r, struct evbuffer *data, void *ctx)
{
	struct handling *x = ctx;

	(void)r;
	if (evbuffer_get_length(data) > x->w->max_waiting)
		x->w->max_waiting = evbuffer_get_length(data);
}

static const struct httpd_handler hoarder = {.on_body = hoard, .on_done = on_done};
static const struct httpd_handler echo = {
	.on_body = echo_body, .on_end = echo_end, .on_done = on_done};
static const struct httpd_handler giver = {.on_room = give, .on_done = on_done};
static const struct httpd_handler silent = {.on_done = on_done};

static inline void *on_peer(void *ctx, const uint8_t spki[32])
{
	struct world *w = ctx;
	uint8_t want[32];
	char err[128];

	assert_int_equal(pem_spki(pki.client, want, err, sizeof err), 0);
	assert_memory_equal(want, spki, 32);
	return w->no_peer ? NULL : &the_peer;
}

static inline void on_request(void *ctx, struct httpd_req *r)
{
	struct world *w = ctx;
	const struct h1_str path = httpd_req_head(r)->path;
	struct handling *x = calloc(1, sizeof *x);

	w->requests++;
	x->w = w;
	x->r = r;
	assert_ptr_equal(httpd_req_peer(r), &the_peer);
	httpd_req_label(r, "test");
	if (path.n >= 5 && memcmp(path.p, "/echo", 5) == 0) {
		x->pause_each = path.n > 5; /* /echo-slowly */
		x->later = evtimer_new(loop_base(w->l), unpause, x);
		httpd_req_handle(r, &echo, x);
	} else if (path.n == 6 && memcmp(path.p, "/hoard", 6) == 0) {
		httpd_req_handle(r, &hoarder, x);
	} else if (path.n == 4 && memcmp(path.p, "/big", 4) == 0) {
		httpd_req_handle(r, &giver, x);
		x->left = BIG_BYTES;
		httpd_reply_begin(httpd_req_reply(r), 200, "ETag: \"a\"\r\n",
			"application/octet-stream", BIG_BYTES);
		if (httpd_req_head(r)->method != H1_HEAD)
			give(r, x);
	} else if (path.n == 7 && memcmp(path.p, "/refuse", 7) == 0) {
		httpd_req_handle(r, &silent, x);
		httpd_problem(httpd_req_reply(r), TG_EISSUER, "say \"which\"", NULL, ",\"more\":1");
	} else if (path.n == 5 && memcmp(path.p, "/busy", 5) == 0) {
		httpd_req_handle(r, &silent, x);
		httpd_problem(httpd_req_reply(r), TG_EFULL, "come again", "X-More: yes\r\n", NULL);
	} else if ((path.n == 7 && memcmp(path.p, "/fields", 7) == 0) ||
		(path.n == 12 && memcmp(path.p, "/more-fields", 12) == 0)) {
		static char fields[HTTPD_REPLY_FIELDS_MAX + 2];
		size_t n = path.n == 7 ? HTTPD_REPLY_FIELDS_MAX : HTTPD_REPLY_FIELDS_MAX + 1;

		memset(fields, 'x', sizeof fields);
		memcpy(fields, "X-Long: ", 8);
		memcpy(fields + n - 2, "\r\n", 3);
		httpd_req_handle(r, &silent, x);
		httpd_problem(httpd_req_reply(r), TG_EFULL, "come again", fields, NULL);
	} else if (path.n == 6 && memcmp(path.p, "/abort", 6) == 0) {
		httpd_req_handle(r, &silent, x);
		httpd_reply_begin(httpd_req_reply(r), 200, NULL, "text/plain", 10);
		httpd_reply_abort(httpd_req_reply(r));
	} else {
		httpd_req_handle(r, &silent, x); /* never answered */
	}
}

static inline void on_log(void *ctx, struct httpd_req *r, int status, const char *slug,
	uint64_t in_bytes, uint64_t out_bytes, uint64_t duration_us)
{
	struct world *w = ctx;

	(void)r;
	w->logs++;
	w->last_status = status;
	snprintf(w->last_slug, sizeof w->last_slug, "%s", slug ? slug : "");
	w->last_in = in_bytes;
	w->last_out = out_bytes;
	assert_true(duration_us < 60000000);
}

static const struct httpd_calls calls = {.on_peer = on_peer,
	.on_request = on_request,
	.on_log = on_log,
	.late_code = TG_ESTORE,
	.late_detail = "no answer in time"};

/* The client --------------------------------------------------------------- */

static inline void c_read(struct stream *s, struct evbuffer *in, void *ctx)
{
	struct world *w = ctx;

	(void)s;
	evbuffer_add_buffer(w->answer, in);
	if (w->want && evbuffer_get_length(w->answer) >= w->want)
		loop_stop(w->l);
}

static inline void c_end(struct stream *s, enum stream_end why, void *ctx)
{
	struct world *w = ctx;

	(void)s;
	w->gone = true;
	w->why = why;
	loop_stop(w->l);
}

static inline void c_drip(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval now = {0, 0};
	struct world *w = arg;

	(void)fd, (void)what;
	evbuffer_remove_buffer(w->to_send, stream_out(w->s), w->drip);
	stream_flush_later(w->s);
	if (evbuffer_get_length(w->to_send) > 0)
		evtimer_add(w->dripper, &now);
}

static inline void send_bytes(struct world *w, const void *p, size_t n)
{
	evbuffer_add(w->to_send, p, n);
	if (w->drip) {
		c_drip(-1, 0, w);
		return;
	}
	evbuffer_add_buffer(stream_out(w->s), w->to_send);
	stream_flush_later(w->s);
}

static inline void send_text(struct world *w, const char *text)
{
	send_bytes(w, text, strlen(text));
}

static inline void send_content(struct world *w, size_t n)
{
	char *p = calloc(1, n);

	send_bytes(w, p, n);
	free(p);
}

static inline void connect_client(struct world *w)
{
	static const struct stream_cb cb = {NULL, c_read, NULL, c_end};
	int fd[2];
	SSL *ssl = SSL_new(client_ctx);

	assert_int_equal(tcp_pair(fd), 0);
	httpd_accept(w->h, fd[1]);
	w->s = stream_accept(w->l, fd[0], ssl, NULL, &cb, w);
	SSL_set_connect_state(ssl);
	w->gone = false;
}

static const struct httpd_limits patient = {.max_connections = 10,
	.handshake_timeout_s = 10,
	.head_timeout_s = 10,
	.body_idle_s = 10,
	.send_idle_s = 10,
	.idle_timeout_s = 10,
	.body_window_bytes = 131072,
	.reply_window_bytes = 262144};
static const struct httpd_limits hasty = {.max_connections = 1,
	.handshake_timeout_s = 1,
	.head_timeout_s = 1,
	.body_idle_s = 1,
	.send_idle_s = 1,
	.idle_timeout_s = 1,
	.body_window_bytes = 131072,
	.reply_window_bytes = 262144};

static inline void open_world(struct world *w, const struct httpd_limits *limits)
{
	*w = (struct world){.fds = open_fds()};
	w->l = loop_new();
	w->h = httpd_new(w->l, server_ctx, limits, &calls, w);
	w->answer = evbuffer_new();
	w->to_send = evbuffer_new();
	w->dripper = evtimer_new(loop_base(w->l), c_drip, w);
	connect_client(w);
}

static inline void close_world(struct world *w)
{
	stream_free(w->s);
	httpd_free(w->h);
	event_free(w->dripper);
	evbuffer_free(w->answer);
	evbuffer_free(w->to_send);
	loop_free(w->l);
	assert_int_equal(w->done_ok + w->done_failed, w->requests);
	assert_int_equal(open_fds(), w->fds);
}

/* The answer so far, NUL-terminated. */
static const char *answer(struct world *w)
{
	evbuffer_add(w->answer, "", 1);
	return (const char *)evbuffer_pullup(w->answer, -1);
}

static inline unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

static inline void until_gone(struct world *w)
{
	while (!w->gone)
		if (!loop_run_for(w->l, 10000))
			fail_msg("the connection was not closed");
}

#define GET(path, more) "GET " path " HTTP/1.1\r\nHost: x\r\n" more "\r\n"
#define POST(path, length, more) \
	"POST " path " HTTP/1.1\r\nHost: x\r\nContent-Length: " length "\r\n" more "\r\n"

#endif
