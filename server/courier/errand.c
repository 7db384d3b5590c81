/* errand.c: see errand.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event_struct.h>
#include <openssl/x509v3.h>
#include <timeglas/errors.h>
#include "base/clock.h"
#include "courier/answer.h"
#include "courier/errand.h"
#include "courier/lookup.h"
#include "net/stream.h"
#include "net/tls.h"

#define KNOWN_US UINT64_C(60000000)

struct errand {
	struct loop *loop;
	const struct target *t;
	struct errand_known *known;
	SSL_CTX *tls;
	struct lookup *lookup; /* under way; then the stream begins */
	struct stream *stream;
	struct event timer;
	char *body; /* n bytes, until they are in the stream */
	size_t n;
	errand_cb *cb;
	void *ctx;
};

static void tell(struct errand *e, int status, const char *text, size_t n)
{
	errand_cb *const cb = e->cb;

	e->cb = NULL;
	if (cb != NULL)
		cb(e->ctx, status, text, n, WITNESS_F_ANSWER); /* frees e */
}

static void fail(struct errand *e, enum metric_witness_failure kind, const char *why)
{
	errand_cb *const cb = e->cb;

	e->cb = NULL;
	if (cb != NULL)
		cb(e->ctx, 0, why, strlen(why), kind); /* frees e */
}

/* over: nothing more will come. */
static void look(struct errand *e, bool over)
{
	struct evbuffer *in = stream_in(e->stream);
	const size_t n = evbuffer_get_length(in);
	struct answer a;

	switch (answer_scan((const char *)evbuffer_pullup(in, -1), n, over, &a)) {
	case ANSWER_WHOLE:
		tell(e, a.status, a.text, a.n);
		break;
	case ANSWER_BAD:
		fail(e, WITNESS_F_ANSWER, a.why);
		break;
	case ANSWER_MORE:
		break;
	}
}

static void on_read(struct stream *s, struct evbuffer *in, void *ctx)
{
	(void)s, (void)in;
	look(ctx, false);
}

static void on_end(struct stream *s, enum stream_end why, void *ctx)
{
	(void)s;
	if (why == STREAM_EOF)
		look(ctx, true);
	else if (why == STREAM_TLS)
		fail(ctx, WITNESS_F_TLS,
			"TLS failed: its certificate is not one of witness_ca's for this name, or "
			"one side refused the other's version");
	else
		fail(ctx, WITNESS_F_CONNECTION, "the connection failed");
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct errand *e = ctx;

	(void)fd, (void)what;
	if (e->lookup != NULL)
		fail(e, WITNESS_F_ADDRESS, "its name was not looked up in time");
	else
		fail(e, WITNESS_F_TIME, "it took too long");
}

/* Returns NULL without memory. */
static SSL *new_tls(SSL_CTX *ctx, const struct target *t)
{
	unsigned char ip[16];
	const bool is_ip =
		inet_pton(AF_INET, t->host, ip) == 1 || inet_pton(AF_INET6, t->host, ip) == 1;
	SSL *ssl = SSL_new(ctx);

	if (ssl == NULL)
		return NULL;
	SSL_set_connect_state(ssl);
	if (is_ip ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), t->host) == 1 :
		    SSL_set1_host(ssl, t->host) == 1 && SSL_set_tlsext_host_name(ssl, t->host) == 1)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

static bool write_request(struct errand *e)
{
	struct evbuffer *out = stream_out(e->stream);
	char head[2 * POLICY_URL_MAX + 256];
	const int len = snprintf(head, sizeof head,
		"POST %s/add-checkpoint HTTP/1.1\r\nHost: %s\r\nContent-Length: %zu\r\n"
		"Content-Type: text/plain\r\nConnection: close\r\n\r\n",
		e->t->prefix, e->t->authority, e->n);

	if (evbuffer_add(out, head, (size_t)len) != 0 || evbuffer_add(out, e->body, e->n) != 0)
		return false;
	stream_flush_later(e->stream);
	return true;
}

/* Connects to the address whose turn it is. */
static bool connect_to(struct errand *e)
{
	static const struct stream_cb calls = {.on_read = on_read, .on_end = on_end};
	static const struct stream_opts opts = {
		.in_max = ANSWER_HEAD_MAX + ANSWER_BODY_MAX + 4096, .read_size = 4096};
	const struct target_addresses *x = &e->known->found;
	const unsigned i = e->known->next;
	SSL *ssl = NULL;

	if (e->t->tls && (e->tls == NULL || (ssl = new_tls(e->tls, e->t)) == NULL))
		return false;
	e->stream = stream_connect(e->loop, (const struct sockaddr *)&x->at[i].sa, x->at[i].len,
		ssl, &opts, &calls, e);
	return e->stream != NULL && write_request(e);
}

static void on_found(void *ctx, const struct target_addresses *found)
{
	struct errand *e = ctx;

	lookup_free(e->lookup);
	e->lookup = NULL;
	*e->known = (struct errand_known){*found, 0, clock_mono_us() + KNOWN_US};
	if (found->n == 0)
		fail(e, WITNESS_F_ADDRESS, "its name has no address");
	else if (!connect_to(e))
		fail(e, WITNESS_F_CONNECTION, "no connection can be begun");
}

void errand_known_failed(struct errand_known *k)
{
	if (++k->next >= k->found.n)
		*k = (struct errand_known){0};
}

static bool begin(struct errand *e)
{
	struct errand_known *k = e->known;

	if (k->found.n > 0 && clock_mono_us() < k->until_us)
		return connect_to(e);
	k->next = 0;
	if (target_is_numeric(e->t, &k->found))
		return connect_to(e);
	e->lookup = lookup_start(e->loop, e->t, on_found, e);
	return e->lookup != NULL;
}

struct errand *errand_start(struct loop *l, const struct target *t, struct errand_known *known,
	SSL_CTX *tls, const char *body, size_t n, errand_cb *cb, void *ctx)
{
	static const struct timeval limit = {.tv_sec = ERRAND_S};
	struct errand *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	e->loop = l;
	e->t = t;
	e->known = known;
	e->tls = tls;
	e->cb = cb;
	e->ctx = ctx;
	e->n = n;
	e->body = malloc(n);
	event_assign(&e->timer, loop_base(l), -1, 0, on_timer, e);
	if (e->body != NULL) {
		memcpy(e->body, body, n);
		if (begin(e) && event_add(&e->timer, &limit) == 0)
			return e;
	}
	errand_free(e);
	return NULL;
}

void errand_free(struct errand *e)
{
	if (e == NULL)
		return;
	event_del(&e->timer);
	lookup_free(e->lookup);
	stream_free(e->stream);
	free(e->body);
	free(e);
}
