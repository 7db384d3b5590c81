/* gconn.c: see gconn.h. It has no clock and no schedule. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/err.h>
#include "bench.h"
#include "gconn.h"

#define READ_BYTES 65536u
#define READ_AHEAD_BYTES 131072u             /* several records in one read */
#define GATHERED_BYTES (4u * (16384u + 64u)) /* four records in one write */
/* bytes at each end; the first ones contain an envelope's share, which differs from blob to blob */
#define COMPARED 64u

enum state { CLOSED, CONNECTING, IDLE, SENDING, AWAITING_HEAD, READING };

struct gconn {
	const struct gconn_calls *calls;
	void *ctx;
	struct event_base *base;
	struct event *ev;
	SSL_CTX *tls;
	SSL *ssl; /* NULL: plain HTTP */
	int fd;
	struct sockaddr_in to, from; /* from: family 0 means any address */
	enum state state;
	const unsigned char *request;
	size_t request_n, sent;
	const unsigned char *want;
	size_t want_n, got; /* bytes of content */
	int status;
	size_t carried; /* bytes of the beginning of an answer that is not complete yet */
	char carry[GCONN_ANSWER_MAX];
};

/* All connections read into this buffer. Nothing in it is needed after a callback. */
static char room[GCONN_ANSWER_MAX + READ_BYTES + 1];

static void on_event(evutil_socket_t fd, short what, void *ctx);

/* Making and ending -------------------------------------------------------- */

SSL_CTX *gconn_tls(const char *ca, const char *cert, const char *key)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

	if (tls == NULL || SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1 ||
		SSL_CTX_load_verify_locations(tls, ca, NULL) != 1 ||
		SSL_CTX_use_certificate_chain_file(tls, cert) != 1 ||
		SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
		bench_die("cannot use %s", cert);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_read_ahead(tls, 1);
	SSL_CTX_set_default_read_buffer_len(tls, READ_AHEAD_BYTES);
	SSL_CTX_set_mode(tls, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return tls;
}

struct gconn *gconn_new(struct event_base *base, const char *host, unsigned port, SSL_CTX *tls,
	const struct gconn_calls *calls, void *ctx)
{
	struct gconn *c = bench_alloc(1, sizeof *c);

	c->base = base;
	c->calls = calls;
	c->ctx = ctx;
	c->tls = tls;
	c->fd = -1;
	c->to.sin_family = AF_INET;
	c->to.sin_port = htons((in_port_t)port);
	if (inet_pton(AF_INET, host, &c->to.sin_addr) != 1)
		bench_die("%s is not an IPv4 address", host);
	return c;
}

void gconn_from(struct gconn *c, unsigned n)
{
	c->from.sin_family = AF_INET;
	c->from.sin_addr.s_addr = htonl(UINT32_C(0x7f010000) + n);
}

/* Sets up TLS. A write to the socket costs more than the records in it, so a buffer gathers some
 * records for each write. */
static void use_tls(struct gconn *c)
{
	BIO *in = BIO_new_socket(c->fd, BIO_NOCLOSE), *out = BIO_new_socket(c->fd, BIO_NOCLOSE),
	    *gather = BIO_new(BIO_f_buffer());

	c->ssl = SSL_new(c->tls);
	if (c->ssl == NULL || in == NULL || out == NULL || gather == NULL ||
		BIO_set_write_buffer_size(gather, GATHERED_BYTES) != 1)
		bench_die("out of memory");
	SSL_set0_rbio(c->ssl, in);
	SSL_set0_wbio(c->ssl, BIO_push(gather, out));
	SSL_set_connect_state(c->ssl);
}

void gconn_open(struct gconn *c)
{
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->from.sin_family != 0 &&
		(setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one) != 0 ||
			bind(c->fd, (const struct sockaddr *)&c->from, sizeof c->from) != 0))
		bench_die("cannot connect from an address of the loopback: %s", strerror(errno));
	if (c->fd < 0 ||
		(connect(c->fd, (const struct sockaddr *)&c->to, sizeof c->to) != 0 &&
			errno != EINPROGRESS))
		bench_die("cannot connect to port %u: %s", ntohs(c->to.sin_port), strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (c->tls != NULL)
		use_tls(c);
	c->ev = event_new(c->base, c->fd, EV_READ | EV_WRITE | EV_ET | EV_PERSIST, on_event, c);
	if (c->ev == NULL || event_add(c->ev, NULL) != 0)
		bench_die("out of memory");
	c->state = CONNECTING;
	c->carried = 0;
}

void gconn_close(struct gconn *c)
{
	if (c->state == CLOSED)
		return;
	event_free(c->ev);
	SSL_free(c->ssl);
	close(c->fd);
	c->ev = NULL;
	c->ssl = NULL;
	c->fd = -1;
	c->state = CLOSED;
}

void gconn_free(struct gconn *c)
{
	if (c == NULL)
		return;
	gconn_close(c);
	free(c);
}

/* Closes the connection and tells why. Returns false, for callers that tell whether to go on. */
static bool fail(struct gconn *c, const char *why)
{
	gconn_close(c);
	c->calls->on_fail(c, why, c->ctx);
	return false;
}

/* The socket --------------------------------------------------------------- */

/* Handles a TLS call that returned r, no success. Returns 0 if it must wait for the socket; -1 if
 * the connection has ended and on_fail was called. */
static int tls_excuse(struct gconn *c, int r)
{
	char why[200];
	int err = SSL_get_error(c->ssl, r);

	if (err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE)
		return 0;
	if (err == SSL_ERROR_SSL)
		snprintf(why, sizeof why, "the connection ended: TLS: %s",
			ERR_reason_error_string(ERR_get_error()));
	else
		snprintf(why, sizeof why, "the connection ended: the server closed it");
	ERR_clear_error();
	fail(c, why);
	return -1;
}

static ssize_t plain_excuse(struct gconn *c, ssize_t n)
{
	char why[200];

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	snprintf(why, sizeof why, "the connection ended: %s",
		n == 0 ? "the server closed it" : strerror(errno));
	fail(c, why);
	return -1;
}

/* Reads at most n bytes. Returns how many; 0: none now; -1: the connection has ended and on_fail
 * was called. */
static ssize_t take_in(struct gconn *c, void *to, size_t n)
{
	ssize_t got = c->ssl != NULL ? SSL_read(c->ssl, to, (int)n) : recv(c->fd, to, n, 0);

	if (got > 0)
		return got;
	return c->ssl != NULL ? tls_excuse(c, (int)got) : plain_excuse(c, got);
}

static void push_out(struct gconn *c)
{
	while (c->sent < c->request_n) {
		const unsigned char *from = c->request + c->sent;
		size_t n = c->request_n - c->sent;
		ssize_t put = c->ssl != NULL ? SSL_write(c->ssl, from, (int)n) :
					       send(c->fd, from, n, MSG_NOSIGNAL);

		if (put <= 0) {
			if (c->ssl != NULL)
				tls_excuse(c, (int)put);
			else
				plain_excuse(c, put);
			return;
		}
		c->sent += (size_t)put;
	}
	if (c->ssl != NULL && BIO_flush(SSL_get_wbio(c->ssl)) != 1) {
		if (!BIO_should_retry(SSL_get_wbio(c->ssl)))
			fail(c, "the connection ended: the server closed it");
		return;
	}
	c->state = AWAITING_HEAD;
}

void gconn_send(struct gconn *c, const void *request, size_t n, const void *want, size_t want_n)
{
	if (c->state != IDLE)
		bench_die("a connection was given a request while it was busy");
	c->request = request;
	c->request_n = n;
	c->sent = 0;
	c->want = want;
	c->want_n = want_n;
	c->state = SENDING;
	push_out(c);
}

/* Answers ------------------------------------------------------------------ */

static void answered(struct gconn *c, const char *content, size_t n)
{
	c->state = IDLE;
	c->carried = 0;
	c->calls->on_answer(c, c->status, content, n, c->ctx);
}

/* p: the bytes from..from+n of the content. True if those of them that lie in lo..hi are what was
 * wanted. */
static bool same(const struct gconn *c, const char *p, size_t from, size_t n, size_t lo, size_t hi)
{
	size_t a = from > lo ? from : lo, b = from + n < hi ? from + n : hi;

	return a >= b || memcmp(p + (a - from), c->want + a, b - a) == 0;
}

/* Compares the next n bytes of content. Returns whether the connection goes on. */
static bool compare(struct gconn *c, const char *p, size_t n)
{
	size_t tail = c->want_n > COMPARED ? c->want_n - COMPARED : 0;

	if (n > c->want_n - c->got ||
		!same(c, p, c->got, n, 0, COMPARED < c->want_n ? COMPARED : c->want_n) ||
		!same(c, p, c->got, n, tail, c->want_n))
		return fail(c, "the content is not what was stored");
	c->got += n;
	return true;
}

/* The value of Content-Length in a head; -1: there is none. */
static long length_of(const char *head, const char *end)
{
	const char *at = head;

	while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		at++;
		if ((*at | 0x20) == 'c' && strncasecmp(at, "Content-Length:", 15) == 0)
			return strtol(at + 15, NULL, 10);
	}
	return -1;
}

static bool keep(struct gconn *c, const char *p, size_t n)
{
	if (n > sizeof c->carry)
		return fail(c, "an answer is too long");
	memcpy(c->carry, p, n);
	c->carried = n;
	return true;
}

/* Ends the answer if all its content is here. Returns whether to read on: after answered() the
 * connection may already have the next request. */
static bool go_on(struct gconn *c)
{
	if (c->got < c->want_n)
		return true;
	answered(c, NULL, c->want_n);
	return false;
}

/* Reads the head of an answer. p: all n bytes that came of the answer so far, and a NUL. Returns
 * whether to read on. */
static bool on_head(struct gconn *c, const char *p, size_t n)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4);
	char why[200];
	size_t head;
	long length;

	if (end == NULL)
		return keep(c, p, n);
	head = (size_t)(end + 4 - p);
	length = length_of(p, end + 2);
	if (n < 13 || memcmp(p, "HTTP/1.1 ", 9) != 0 || length < 0) {
		snprintf(why, sizeof why, "unexpected answer: %.*s", (int)strcspn(p, "\r\n"), p);
		return fail(c, why);
	}
	c->status = (int)strtol(p + 9, NULL, 10);
	if (c->want == NULL || c->status != 200) {
		if (n - head < (size_t)length)
			return keep(c, p, n);
		answered(c, p + head, (size_t)length);
		return false;
	}
	if ((size_t)length != c->want_n) {
		snprintf(why, sizeof why, "%ld bytes came back of %zu", length, c->want_n);
		return fail(c, why);
	}
	c->state = READING;
	c->got = 0;
	return compare(c, p + head, n - head) && go_on(c);
}

static void receive(struct gconn *c)
{
	bool more = true;
	ssize_t n;

	while (more) {
		size_t before = c->state == READING ? 0 : c->carried;

		memcpy(room, c->carry, before);
		n = take_in(c, room + before, READ_BYTES);
		if (n <= 0)
			return;
		room[before + (size_t)n] = '\0';
		if (c->state == READING)
			more = compare(c, room, (size_t)n) && go_on(c);
		else
			more = on_head(c, room, before + (size_t)n);
	}
}

static void shake_hands(struct gconn *c)
{
	int r = c->ssl != NULL ? SSL_do_handshake(c->ssl) : 1;

	if (r != 1) {
		tls_excuse(c, r);
		return;
	}
	c->state = IDLE;
	c->calls->on_open(c, c->ctx);
}

static void on_event(evutil_socket_t fd, short what, void *ctx)
{
	struct gconn *c = ctx;

	(void)fd;
	(void)what;
	if (c->state == CONNECTING) {
		shake_hands(c);
		return;
	}
	if (c->state == SENDING)
		push_out(c);
	/* An answer may have come while the request was still being sent. Its event is then past,
	 * so read now. */
	if (c->state == AWAITING_HEAD || c->state == READING)
		receive(c);
}
