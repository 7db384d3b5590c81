/* httpd_fixture.h: a server whose handler does what the path says, and TLS clients that share its
 * loop. Used by test_httpd*.c alone. */
#ifndef HTTPD_FIXTURE_H
#define HTTPD_FIXTURE_H

#include <errno.h>
#include <time.h>
#include <openssl/err.h>
#include <timeglas/errors.h>
#include "tls_setup.h"
#include "http/httpd.h"
#include "net/tls.h"

#define PATIENCE_MS 20000 /* for what has to happen; memcheck is slow */

struct world {
	struct loop *l;
	struct httpd *h;
	unsigned fds;
	unsigned requests, handled, done, done_ok, logged, bodies, ends, rooms, peers;
	int last_status;
	uint64_t content, age_us;
	struct job *job; /* the youngest that is not done */
	bool unknown_peer;
};

struct job {
	struct world *w;
	struct httpd_req *r;
	const char *path; /* valid as long as the head */
	size_t path_n;
	uint64_t got, to_send;
	struct evbuffer *kept;
	bool is_done;
};

static inline uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The handler -------------------------------------------------------------- */

static inline bool at(const struct job *j, const char *path)
{
	return j->path_n == strlen(path) && memcmp(j->path, path, j->path_n) == 0;
}

static inline void job_text(struct job *j)
{
	char text[32];
	int n = snprintf(text, sizeof text, "%llu", (unsigned long long)j->got);

	httpd_reply(httpd_req_reply(j->r), 200, NULL, "text/plain", text, (size_t)n);
}

/* A streamed answer, as far as there is room: blocks of 10000 bytes. */
static inline void job_more(struct job *j)
{
	static const char block[10000];
	struct evbuffer *b = evbuffer_new();

	while (j->to_send > 0 && httpd_reply_room(httpd_req_reply(j->r)) >= sizeof block) {
		size_t n = j->to_send < sizeof block ? (size_t)j->to_send : sizeof block;

		j->to_send -= n; /* first: the last byte may be the answer's end */
		evbuffer_add(b, block, n);
		httpd_reply_data(httpd_req_reply(j->r), b);
		assert_int_equal(evbuffer_get_length(b), 0);
	}
	evbuffer_free(b);
}

static inline void job_begin(struct job *j, uint64_t n)
{
	j->to_send = n;
	httpd_reply_begin(httpd_req_reply(j->r), 200, NULL, NULL, n);
	job_more(j);
}

static inline void job_body(struct httpd_req *r, struct evbuffer *data, void *ctx)
{
	struct job *j = ctx;
	size_t n = evbuffer_get_length(data);

	assert_false(j->is_done);
	assert_true(n > 0);
	j->w->bodies++;
	if (at(j, "/half")) { /* takes some, and says when it wants the rest */
		n = n > 1 ? n / 2 : n;
		httpd_req_pause(r, true);
	}
	if (at(j, "/keep"))
		evbuffer_remove_buffer(data, j->kept, n);
	else
		evbuffer_drain(data, n);
	j->got += n;
	j->w->content += n;
	if (at(j, "/abort-in-body"))
		httpd_reply_abort(httpd_req_reply(r));
	else if (at(j, "/refuse-in-body"))
		httpd_problem(httpd_req_reply(r), TG_EENVELOPE, "no", NULL, NULL);
}

static inline void job_end(struct httpd_req *r, void *ctx)
{
	struct job *j = ctx;

	assert_false(j->is_done);
	j->w->ends++;
	if (at(j, "/big"))
		job_begin(j, 3000000);
	else if (at(j, "/middle"))
		job_begin(j, 60000);
	else if (at(j, "/revocable") || at(j, "/revocable-small")) {
		httpd_reply_set_revocable(httpd_req_reply(j->r));
		job_begin(j, at(j, "/revocable") ? 400000 : 100);
	} else if (at(j, "/abort-in-reply")) {
		httpd_reply_begin(httpd_req_reply(r), 200, NULL, NULL, 100000);
		job_more(&(struct job){.w = j->w, .r = r, .to_send = 10000});
		httpd_reply_abort(httpd_req_reply(r));
	} else if (at(j, "/too-much")) {
		httpd_reply_begin(httpd_req_reply(r), 200, NULL, NULL, 5);
		job_more(&(struct job){.w = j->w, .r = r, .to_send = 10});
	} else if (!at(j, "/hang") && !at(j, "/abort-in-room"))
		job_text(j);
	else if (at(j, "/abort-in-room"))
		job_begin(j, 3000000);
}

static inline void job_room(struct httpd_req *r, void *ctx)
{
	struct job *j = ctx;

	assert_false(j->is_done);
	j->w->rooms++;
	if (at(j, "/abort-in-room"))
		httpd_reply_abort(httpd_req_reply(r));
	else
		job_more(j);
}

static inline void job_done(struct httpd_req *r, bool ok, void *ctx)
{
	struct job *j = ctx;

	assert_false(j->is_done);
	j->is_done = true;
	j->w->done++;
	j->w->done_ok += ok;
	httpd_req_pause(r, false); /* late calls are harmless */
	if (at(j, "/abort-in-done"))
		httpd_reply_abort(httpd_req_reply(r));
	if (j->w->job == j)
		j->w->job = NULL;
	evbuffer_free(j->kept);
	free(j);
}

static void *world_peer(void *ctx, const uint8_t spki[32])
{
	struct world *w = ctx;

	(void)spki;
	w->peers++;
	return w->unknown_peer ? NULL : w;
}

static inline void world_request(void *ctx, struct httpd_req *r)
{
	static const struct httpd_handler handler = {job_body, job_end, job_room, job_done};
	struct world *w = ctx;
	const struct h1_head *h = httpd_req_head(r);
	struct job *j = calloc(1, sizeof *j);

	assert_ptr_equal(httpd_req_peer(r), w);
	*j = (struct job){
		.w = w, .r = r, .path = h->path.p, .path_n = h->path.n, .kept = evbuffer_new()};
	w->requests++;
	w->age_us = httpd_req_age_us(r);
	httpd_req_label(r, "test");
	if (at(j, "/at-once")) {
		httpd_reply(httpd_req_reply(r), 200, "X: y\r\n", "text/plain", "at once", 7);
		evbuffer_free(j->kept);
		free(j);
		return;
	}
	w->handled++;
	w->job = j;
	httpd_req_handle(r, &handler, j);
	if (at(j, "/refuse"))
		httpd_problem(
			httpd_req_reply(r), TG_EKIND, "no such \"kind\"", "X: y\r\n", ",\"a\":1");
	else if (at(j, "/paused"))
		httpd_req_pause(r, true);
	else if (at(j, "/abort"))
		httpd_reply_abort(httpd_req_reply(r));
	else if (at(j, "/drain-all"))
		httpd_drain(w->h);
}

static inline void world_log(void *ctx, struct httpd_req *r, int status, const char *slug,
	uint64_t in_bytes, uint64_t out_bytes, uint64_t duration_us)
{
	struct world *w = ctx;

	(void)in_bytes, (void)out_bytes;
	assert_true(duration_us < 600000000);
	assert_true(httpd_req_get_label(r) == NULL || strcmp(httpd_req_get_label(r), "test") == 0);
	assert_true((slug != NULL) == (status >= 400));
	w->logged++;
	w->last_status = status;
}

static inline void world_open(struct world *w, const struct httpd_limits *limits)
{
	static const struct httpd_calls calls = {.on_peer = world_peer,
		.on_request = world_request,
		.on_log = world_log,
		.late_code = TG_ESTORE,
		.late_detail = "no answer in time"};
	struct httpd_limits l = {0};

	if (limits)
		l = *limits;
	l.max_connections = l.max_connections ? l.max_connections : 100;
	l.handshake_timeout_s = l.handshake_timeout_s ? l.handshake_timeout_s : 60;
	l.head_timeout_s = l.head_timeout_s ? l.head_timeout_s : 60;
	l.body_idle_s = l.body_idle_s ? l.body_idle_s : 60;
	l.send_idle_s = l.send_idle_s ? l.send_idle_s : 60;
	l.idle_timeout_s = l.idle_timeout_s ? l.idle_timeout_s : 60;
	l.body_window_bytes = l.body_window_bytes ? l.body_window_bytes : 131072;
	l.reply_window_bytes = l.reply_window_bytes ? l.reply_window_bytes : 262144;
	*w = (struct world){.fds = open_fds()};
	w->l = loop_new();
	w->h = httpd_new(w->l, server_ctx, &l, &calls, w);
	assert_non_null(w->h);
}

/* Every request that got a handler was told its end, every descriptor is closed. */
static inline void world_close(struct world *w)
{
	httpd_free(w->h);
	assert_int_equal(w->done, w->handled);
	assert_true(w->logged >= w->requests);
	assert_null(w->job);
	loop_free(w->l);
	assert_int_equal(open_fds(), w->fds);
}

/* Runs the loop until a condition holds. */
#define UNTIL(w, condition) \
	do { \
		const uint64_t until_ = now_ms() + PATIENCE_MS; \
		while (!(condition)) { \
			if (now_ms() > until_) \
				fail_msg("never: %s", #condition); \
			loop_run_for((w)->l, 1); \
		} \
	} while (0)

/* Clients ------------------------------------------------------------------ */

struct client {
	struct world *w;
	int fd;
	SSL *ssl;
	bool broken, ended;
	size_t have;
	char buf[65536];
};
struct answer {
	int status;
	bool close;
	uint64_t length, got;
	char head[2048], body[4096];
};

/* small: few bytes fit into the kernel's buffers, so that what is not read soon stays with the
 * server. */
static inline void pair_of(int fd[2], bool small)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof sa;
	const int out = 8192, in = 65536;
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (small) {
		setsockopt(l, SOL_SOCKET, SO_SNDBUF, &out, sizeof out);
		setsockopt(fd[0], SOL_SOCKET, SO_RCVBUF, &out, sizeof out);
		setsockopt(l, SOL_SOCKET, SO_RCVBUF, &in, sizeof in);
		setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &in, sizeof in);
	}
	assert_int_equal(bind(l, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&sa, &len), 0);
	assert_int_equal(connect(fd[0], (struct sockaddr *)&sa, sizeof sa), 0);
	fd[1] = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	evutil_make_socket_nonblocking(fd[0]);
	close(l);
}

/* Whether an SSL call that returned rc is to be repeated, after a turn of the loop. */
static inline bool client_waits(struct client *c, int rc)
{
	int e = SSL_get_error(c->ssl, rc);

	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) {
		loop_run_for(c->w->l, 1);
		return true;
	}
	c->ended = e == SSL_ERROR_ZERO_RETURN;
	c->broken = !c->ended;
	ERR_clear_error();
	return false;
}

static inline void client_open_as(struct world *w, struct client *c, bool small)
{
	const uint64_t until = now_ms() + PATIENCE_MS;
	const int one = 1;
	int fd[2], rc;

	pair_of(fd, small);
	memset(c, 0, offsetof(struct client, buf));
	c->w = w;
	c->fd = fd[0];
	setsockopt(fd[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	c->ssl = SSL_new(client_ctx);
	/* after a try that was given up */
	SSL_set_mode(c->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_set_fd(c->ssl, c->fd);
	httpd_accept(w->h, fd[1]);
	while ((rc = SSL_connect(c->ssl)) != 1 && now_ms() < until && client_waits(c, rc))
		;
}

static inline void client_open(struct world *w, struct client *c)
{
	client_open_as(w, c, false);
	assert_false(c->broken);
}

static inline void client_close(struct client *c)
{
	SSL_free(c->ssl);
	close(c->fd);
}

/* Returns how much could be sent; less than n when the connection broke, or (try) when the server
 * took no more. */
static inline size_t client_send_most(struct client *c, const void *p, size_t n, bool try)
{
	const uint64_t until = now_ms() + PATIENCE_MS;
	unsigned waits = 0;
	size_t sent = 0;

	while (sent < n && now_ms() < until && !(try && waits > 100)) {
		size_t k = n - sent < 16384 ? n - sent : 16384;
		int rc = SSL_write(c->ssl, (const char *)p + sent, (int)k);

		if (rc > 0) {
			sent += (size_t)rc;
			waits = 0;
		} else if (!client_waits(c, rc)) {
			break;
		}
		waits++;
	}
	return sent;
}

static inline void client_send(struct client *c, const char *text)
{
	assert_int_equal(client_send_most(c, text, strlen(text), false), strlen(text));
}

static inline void client_half_close(struct client *c)
{
	SSL_shutdown(c->ssl);
	shutdown(c->fd, SHUT_WR);
}

/* More into buf. False: at the end. */
static inline bool client_more(struct client *c)
{
	const uint64_t until = now_ms() + PATIENCE_MS;
	int rc;

	if (c->ended || c->broken)
		return false;
	while ((rc = SSL_read(c->ssl, c->buf + c->have, (int)(sizeof c->buf - 1 - c->have))) <= 0) {
		if (now_ms() > until)
			fail_msg("nothing came");
		if (!client_waits(c, rc))
			return false;
	}
	c->have += (size_t)rc;
	c->buf[c->have] = '\0';
	return true;
}

static inline void client_take(struct client *c, size_t n)
{
	for (size_t i = n; i < c->have; i++) /* memcheck takes a fortified memmove for a memcpy */
		c->buf[i - n] = c->buf[i];
	c->have -= n;
	c->buf[c->have] = '\0';
}

/* Reads one answer; false when the connection ended before its end. */
static inline bool client_answer(struct client *c, struct answer *a, bool no_content)
{
	char *end, *length;

	memset(a, 0, sizeof *a);
	c->buf[c->have] = '\0';
	while ((end = strstr(c->buf, "\r\n\r\n")) == NULL)
		if (!client_more(c))
			return false;
	end += 4;
	snprintf(a->head, sizeof a->head, "%.*s", (int)(end - c->buf), c->buf);
	assert_int_equal(sscanf(a->head, "HTTP/1.1 %d ", &a->status), 1);
	a->close = strstr(a->head, "\r\nConnection: close\r\n") != NULL;
	length = strstr(a->head, "\r\nContent-Length: ");
	a->length = length ? strtoull(length + 18, NULL, 10) : 0;
	client_take(c, (size_t)(end - c->buf));
	while (!no_content && a->got < a->length) {
		size_t n;

		if (c->have == 0 && !client_more(c))
			return false;
		n = c->have < a->length - a->got ? c->have : (size_t)(a->length - a->got);
		if (a->got < sizeof a->body - 1)
			memcpy(a->body + a->got, c->buf,
				n < sizeof a->body - 1 - a->got ? n : sizeof a->body - 1 - a->got);
		a->got += n;
		client_take(c, n);
	}
	return true;
}

static inline void client_expect(struct client *c, int status, const char *body, bool closing)
{
	struct answer a;

	assert_true(client_answer(c, &a, false));
	assert_int_equal(a.status, status);
	assert_int_equal(a.close, closing);
	if (body)
		assert_string_equal(a.body, body);
}

/* Nothing but an orderly end follows. */
static inline void client_expect_end(struct client *c)
{
	assert_int_equal(c->have, 0);
	assert_false(client_more(c));
	assert_true(c->ended);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define POST(path, length) "POST " path " HTTP/1.1\r\nHost: h\r\nContent-Length: " length "\r\n\r\n"
#define SLACK_MS 4000 /* a loaded machine, memcheck */

/* Until nobody is connected any more; returns how long that took. */
static inline uint64_t gone_after(struct world *w, uint64_t began)
{
	UNTIL(w, httpd_connections(w->h) == 0);
	return now_ms() - began;
}

#endif
