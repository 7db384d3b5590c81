/*
 * httpd.c: see httpd.h. It decides which connections of one worker may be made and may stay, and
 * logs those that may not. What happens on a connection is decided by the layers below. Runs in
 * workers.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <timeglas/errors.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/tally.h"
#include "core/hex.h"
#include "http/httpd.h"
#include "http/httpd_pipeline.h"
#include "http/preauth.h"
#include "net/tls.h"

#define SWEEP_S 1
#define UNKNOWN_DEFAULT 1024u
#define REVERIFIED_PER_TURN 16u /* certificates, 0.1 ms each */

struct member { /* a connection */
	struct httpd_pipeline pipeline;
	struct httpd *httpd;
	uint8_t spki[32];             /* of the client's certificate, once the handshake is over */
	struct preauth_entry preauth; /* until it is a peer's */
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} from;
	int64_t good_until_ms; /* when the first of its certificates expires, Unix ms */
	unsigned verified_at;  /* the value of `reloads` when its certificates were verified */
	TAILQ_ENTRY(member) link;
};

TAILQ_HEAD(member_list, member);

struct httpd {
	struct httpd_pipeline_group group;
	const struct httpd_calls *calls;
	void *ctx;
	SSL_CTX *tls;
	unsigned reloads; /* of the TLS context */
	struct member_list members;
	size_t n;
	struct preauth *preauth;
	/* verifies the certificates of connections that are older than the TLS context */
	struct loop_task reverify;
	struct event sweep;
};

/* Any client can cause these as often as it likes, so each is logged at most once a second, with
 * the address of the last client and a count. */
static struct tally refused = {.event = "tls-refused"},
		    made_room = {.event = "connection-made-room"},
		    full = {.event = "connections-full"}, cut = {.event = "connection-cut"};

static struct member *member_of(struct httpd_pipeline *p)
{
	return (struct member *)(void *)((char *)p - offsetof(struct member, pipeline));
}

static struct member *member_of_conn(struct httpd_conn *c)
{
	return member_of(httpd_pipeline_of(c));
}

static struct httpd_conn *conn_of(struct member *m)
{
	return &m->pipeline.conn;
}

static bool is_dead(const struct member *m)
{
	return m->pipeline.conn.state == HTTPD_CONN_DEAD;
}

static bool in_handshake(const struct member *m)
{
	return m->pipeline.conn.state == HTTPD_CONN_HANDSHAKE;
}

static const char *address(const struct member *m, char out[INET6_ADDRSTRLEN])
{
	const void *a = m->from.any.sa_family == AF_INET6 ? (const void *)&m->from.in6.sin6_addr :
							    (const void *)&m->from.in.sin_addr;

	if ((m->from.any.sa_family != AF_INET && m->from.any.sa_family != AF_INET6) ||
		inet_ntop(m->from.any.sa_family, a, out, INET6_ADDRSTRLEN) == NULL)
		snprintf(out, INET6_ADDRSTRLEN, "a local client");
	return out;
}

static void member_free(struct member *m)
{
	struct httpd *h = m->httpd;

	httpd_pipeline_close(&m->pipeline);
	preauth_remove(h->preauth, &m->preauth);
	TAILQ_REMOVE(&h->members, m, link);
	h->n--;
	metrics_gauge_set(G_CONNECTIONS, (int64_t)h->n);
	free(m);
}

/* Who may be here ---------------------------------------------------------- */

/* A peer's connection leaves preauth for one of the max_connections, if one is free; otherwise it
 * is killed. */
static bool become_known(struct member *m)
{
	struct httpd *h = m->httpd;
	char from[INET6_ADDRSTRLEN];
	const unsigned max = h->group.conns.limits.max_connections;

	if (h->n - preauth_count(h->preauth) >= max) {
		tally_note(&full,
			"%s: a peer is refused, since max_connections (%u) of them are connected; "
			"raise it",
			address(m, from), max);
		httpd_conn_kill(conn_of(m));
		return false;
	}
	preauth_remove(h->preauth, &m->preauth);
	return true;
}

/* Certificates that were verified before the last reload are verified again before they count. */
static bool still_vouched(struct member *m)
{
	char from[INET6_ADDRSTRLEN];

	if (m->verified_at == m->httpd->reloads)
		return true;
	m->verified_at = m->httpd->reloads;
	if (tls_peer_still_good(stream_ssl(conn_of(m)->stream), m->httpd->tls))
		return true;
	tally_note(&cut, "%s: closed, since client_ca no longer accepts its certificate",
		address(m, from));
	httpd_conn_kill(conn_of(m));
	return false;
}

static void expire(struct member *m, int64_t now_ms)
{
	char from[INET6_ADDRSTRLEN];

	if (now_ms < m->good_until_ms || in_handshake(m) || is_dead(m))
		return;
	tally_note(&cut,
		"%s: closed, since its certificate, or one of its authorities', has expired",
		address(m, from));
	httpd_conn_kill(conn_of(m));
}

/* Verifies certificates again after a reload, a few in each turn. */
static void on_reverify(struct loop_task *t, void *ctx)
{
	struct httpd *h = ctx;
	struct member *m;
	unsigned n = 0;

	TAILQ_FOREACH (m, &h->members, link) {
		if (m->verified_at == h->reloads || in_handshake(m) || is_dead(m))
			continue;
		if (n++ == REVERIFIED_PER_TURN) {
			loop_defer(h->group.conns.loop, t);
			return;
		}
		(void)still_vouched(m);
	}
}

/* Once a second. */
static void on_sweep(evutil_socket_t fd, short what, void *ctx)
{
	struct tally *const all[] = {&refused, &made_room, &full, &cut};
	struct httpd *h = ctx;
	struct member *m;
	const int64_t now_ms = clock_wall_ms();

	(void)fd, (void)what;
	TAILQ_FOREACH (m, &h->members, link) {
		expire(m, now_ms);
		httpd_conn_sweep(conn_of(m));
	}
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		tally_flush(all[i]);
}

/* What connections say ----------------------------------------------------- */

static void on_ready(struct httpd_conn *c)
{
	struct member *m = member_of_conn(c);
	struct httpd *h = m->httpd;
	SSL *ssl = stream_ssl(c->stream);

	if (tls_peer_spki(ssl, m->spki) == 0)
		c->peer = h->calls->on_peer(h->ctx, m->spki);
	m->good_until_ms = tls_peer_expiry_ms(ssl);
	metrics_count(M_CONNECTIONS, 1);
	if (c->peer != NULL && !become_known(m))
		return;
	httpd_pipeline_begin(&m->pipeline);
	if (h->group.conns.draining)
		httpd_conn_schedule(c);
}

static const char *handshake_fault(struct stream *s, enum stream_end why)
{
	switch (why) {
	case STREAM_TIMEOUT:
		return "its handshake was not over in handshake_timeout_s";
	case STREAM_EOF:
		return "it closed the connection before its handshake was over";
	case STREAM_ERROR:
		return "its connection broke during the handshake, or it sent more than a "
		       "handshake takes";
	case STREAM_TLS:
		break;
	}
	return tls_fault(stream_ssl(s));
}

static void on_end(struct httpd_conn *c, enum stream_end why)
{
	struct member *m = member_of_conn(c);
	char from[INET6_ADDRSTRLEN];

	if (in_handshake(m)) {
		metrics_count(M_TLS_REFUSED, 1);
		tally_note(&refused, "%s: %s", address(m, from), handshake_fault(c->stream, why));
	} else if (why == STREAM_TLS) {
		tally_note(&cut,
			"%s: closed, since it broke the rules of TLS, or updated its keys too "
			"often",
			address(m, from));
	}
}

static void on_over(struct httpd_conn *c)
{
	member_free(member_of_conn(c));
}

static bool may_serve(struct httpd_pipeline *p)
{
	return still_vouched(member_of(p));
}

/* The answer says what an operator has to add to the configuration. */
static void refuse_stranger(struct member *m, struct httpd_req *r)
{
	char spki[2 * sizeof m->spki + 1], detail[256];

	snprintf(detail, sizeof detail,
		"no peer has this certificate's key: the operator has to configure one with spki = "
		"%s, and to reload",
		tg_hex_encode(m->spki, sizeof m->spki, spki));
	httpd_pipeline_refuse(&m->pipeline, r, TG_EPEER, detail);
}

static void on_request(struct httpd_pipeline *p, struct httpd_req *r)
{
	struct member *m = member_of(p);

	if (p->conn.peer == NULL)
		refuse_stranger(m, r);
	else
		m->httpd->calls->on_request(m->httpd->ctx, r);
}

static void on_log(struct httpd_pipeline *p, struct httpd_req *r)
{
	const struct httpd *h = member_of(p)->httpd;

	h->calls->on_log(h->ctx, r, r->reply.status, r->reply.slug, r->in_bytes,
		r->reply.content_bytes, httpd_req_age_us(r));
}

/* What the worker asks for ------------------------------------------------- */

struct httpd *httpd_new(struct loop *l, SSL_CTX *tls, const struct httpd_limits *limits,
	const struct httpd_calls *calls, void *ctx)
{
	static const struct httpd_conn_calls conn_calls = {
		.on_ready = on_ready,
		.on_work = httpd_pipeline_on_work,
		.on_room = httpd_pipeline_on_room,
		.on_timeout = httpd_pipeline_on_timeout,
		.on_end = on_end,
		.on_over = on_over,
	};
	struct httpd *h = calloc(1, sizeof *h);

	if (h == NULL)
		return NULL;
	h->preauth = preauth_new(limits->max_unknown != 0 ? limits->max_unknown : UNKNOWN_DEFAULT);
	if (h->preauth == NULL) {
		free(h);
		return NULL;
	}
	h->calls = calls;
	h->ctx = ctx;
	TAILQ_INIT(&h->members);
	httpd_conn_group_init(&h->group.conns, l, limits, &conn_calls);
	httpd_req_ids_init(&h->group.ids);
	h->group.calls = (struct httpd_pipeline_calls){
		.may_serve = may_serve,
		.on_request = on_request,
		.on_log = on_log,
		.late_code = calls->late_code,
		.late_detail = calls->late_detail,
	};
	h->reverify = (struct loop_task){.run = on_reverify, .ctx = h};
	httpd_set_tls(h, tls);
	event_assign(&h->sweep, loop_base(l), -1, EV_PERSIST, on_sweep, h);
	event_add(&h->sweep, loop_timeout(l, SWEEP_S));
	return h;
}

void httpd_set_tls(struct httpd *h, SSL_CTX *tls)
{
	SSL_CTX_up_ref(tls);
	SSL_CTX_free(h->tls);
	h->tls = tls;
	h->reloads++;
	loop_defer(h->group.conns.loop, &h->reverify);
}

static void evict(struct preauth_entry *e, const char *why)
{
	struct member *m = (struct member *)(void *)((char *)e - offsetof(struct member, preauth));
	char from[INET6_ADDRSTRLEN];

	tally_note(&made_room, "%s: %s", address(m, from), why);
	httpd_conn_kill(conn_of(m));
}

bool httpd_relieve(struct httpd *h)
{
	struct preauth_entry *e = preauth_oldest(h->preauth);

	if (e == NULL)
		return false;
	preauth_remove(h->preauth, e);
	evict(e, "closed, since no descriptor is left: it was the oldest that is no peer's");
	return true;
}

/* Counts the new connection of fd among those of its address, and evicts another one for it where
 * there is no room. Returns 0 or TG_ENOMEM. */
static int count_in(struct member *m, int fd)
{
	socklen_t len = sizeof m->from;
	struct preauth_entry *victim;

	if (getpeername(fd, &m->from.any, &len) != 0)
		m->from.any.sa_family = AF_UNSPEC;
	int err = preauth_add(m->httpd->preauth, &m->preauth, &m->from.any, &victim);
	if (err == 0 && victim != NULL)
		evict(victim,
			"closed for a newer connection: it was the oldest that is no peer's, of "
			"its "
			"address or of all");
	return err;
}

void httpd_accept(struct httpd *h, int fd)
{
	SSL *ssl = SSL_new(h->tls);
	struct member *m = ssl != NULL ? calloc(1, sizeof *m) : NULL;

	if (m != NULL) {
		m->httpd = h;
		m->verified_at = h->reloads;
	}
	if (m == NULL || count_in(m, fd) != 0) {
		SSL_free(ssl);
		close(fd);
		free(m);
		return;
	}
	if (httpd_pipeline_open(&m->pipeline, &h->group, fd, ssl) != 0) {
		preauth_remove(h->preauth, &m->preauth);
		free(m);
		return;
	}
	TAILQ_INSERT_TAIL(&h->members, m, link);
	h->n++;
	metrics_gauge_set(G_CONNECTIONS, (int64_t)h->n);
}

size_t httpd_connections(const struct httpd *h)
{
	return h->n;
}

void httpd_drain(struct httpd *h)
{
	struct member *m;

	h->group.conns.draining = true;
	TAILQ_FOREACH (m, &h->members, link)
		if (!in_handshake(m))
			httpd_conn_schedule(conn_of(m));
}

void httpd_each_peer(
	struct httpd *h, void *(*keep)(void *ctx, const uint8_t spki[32], void *peer), void *ctx)
{
	struct member *m;

	TAILQ_FOREACH (m, &h->members, link) {
		struct httpd_conn *c = conn_of(m);
		const bool had = c->peer != NULL;

		if (in_handshake(m))
			continue;
		c->peer = keep(ctx, m->spki, c->peer);
		if (had && c->peer == NULL)
			httpd_conn_kill(c);
		else if (!had && c->peer != NULL && !is_dead(m))
			(void)become_known(m);
	}
}

void httpd_free(struct httpd *h)
{
	struct member *m;

	if (h == NULL)
		return;
	while ((m = TAILQ_FIRST(&h->members)) != NULL)
		member_free(m);
	event_del(&h->sweep);
	httpd_conn_group_end(&h->group.conns);
	loop_cancel(h->group.conns.loop, &h->reverify);
	preauth_free(h->preauth);
	SSL_CTX_free(h->tls);
	free(h);
}
