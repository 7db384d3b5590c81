/*
 * httpd.c: the connection: handshake, one request after the other, timers, closing so that the
 * client can read the answer. Callbacks from below and above only note what happened; what follows
 * from it is done in conn_work(), at the end of the loop's turn or when bytes arrive. Runs in
 * workers.
 *
 * Timers: each phase has one. Where bytes should flow, it is set anew when they did.
 */
#include <stdio.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>
#include <timeglas/errors.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/tally.h"
#include "base/random.h"
#include "http/httpd_int.h"
#include "net/tls.h"

/* unread content that may wait here before the handler's window */
#define STREAM_IN_MAX_BYTES 65536u
#define HANDLER_TIMEOUT_S 30 /* the store has not answered */
#define LINGER_S 1           /* without a byte */
#define LINGER_MAX_S 10      /* in all */
#define REST_S 1
#define TICK_MS 20
#define LINGER_TICK_BYTES (320u * 1024)                /* a connection's, for each tick: 16 MB/s */
#define LINGER_ALL_TICK_BYTES (4u * LINGER_TICK_BYTES) /* of all connections that had to wait */
#define STRANGER_S 2                                   /* for its one request */
#define STRANGER_HEAD_MAX 4096u
#define UNKNOWN_DEFAULT 1024u
#define REVERIFIED_PER_TURN 16u /* 0.1 ms each */

static void conn_work(struct conn *c);

/* What strangers can cause at will is told in words, with the last one's address, and not oftener
 * than once a second. */
static struct tally refused = {.event = "tls-refused"},
		    made_room = {.event = "connection-made-room"},
		    full = {.event = "connections-full"}, cut = {.event = "connection-cut"};

static const char *address(const struct conn *c, char out[INET6_ADDRSTRLEN])
{
	const void *a = c->from.any.sa_family == AF_INET6 ? (const void *)&c->from.in6.sin6_addr :
							    (const void *)&c->from.in.sin_addr;
	if ((c->from.any.sa_family != AF_INET && c->from.any.sa_family != AF_INET6) ||
		inet_ntop(c->from.any.sa_family, a, out, INET6_ADDRSTRLEN) == NULL)
		snprintf(out, INET6_ADDRSTRLEN, "a local client");
	return out;
}

/* Making and unmaking ------------------------------------------------------ */

static void conn_free(struct conn *c)
{
	struct httpd *h = c->httpd;
	struct httpd_req *r = c->req;
	bool undelivered = r != NULL && r->hold;
	c->dead = true;
	c->req = NULL;
	if (c->n_held > 0 && !c->revoked)
		(void)held_look(c);
	if (c->abortive && !c->revoked && !undelivered && c->n_held == 0)
		stream_set_abortive(c->stream, false);
	held_drop(c);
	if (r != NULL)
		req_end(r, false);
	if (c->waits)
		TAILQ_REMOVE(&h->waiting, c, wait_link);
	preauth_remove(h->preauth, &c->preauth);
	TAILQ_REMOVE(&h->conns, c, link);
	h->n--;
	metrics_gauge_set(G_CONNECTIONS, (int64_t)h->n);
	event_del(&c->timer);
	loop_cancel(h->loop, &c->task);
	stream_free(c->stream);
	free(c);
}

void conn_kill(struct conn *c)
{
	c->dead = true;
	loop_defer(c->httpd->loop, &c->task);
}

void conn_schedule(struct conn *c)
{
	loop_defer(c->httpd->loop, &c->task);
}

static unsigned stranger_seconds(const struct conn *c, unsigned seconds)
{
	return c->peer == NULL && seconds > STRANGER_S ? STRANGER_S : seconds;
}

static unsigned phase_seconds(const struct conn *c, enum phase ph)
{
	const struct httpd_limits *l = &c->httpd->limits;
	switch (ph) {
	case PH_HANDSHAKE:
		return l->handshake_timeout_s;
	case PH_IDLE:
		return stranger_seconds(c, l->idle_timeout_s);
	case PH_HEAD:
		return stranger_seconds(c, l->head_timeout_s);
	case PH_CONTENT:
		return l->body_idle_s;
	case PH_HANDLER:
		return l->handler_timeout_s != 0 ? l->handler_timeout_s : HANDLER_TIMEOUT_S;
	case PH_SEND:
		return l->send_idle_s;
	case PH_LINGER:
		break;
	}
	return LINGER_S;
}

static unsigned linger_max_s(const struct conn *c)
{
	const unsigned s = c->httpd->limits.linger_max_s;
	return s != 0 ? s : LINGER_MAX_S;
}

/* Until it is acknowledged, a held answer is unsent. */
static bool unsent(const struct conn *c)
{
	return stream_unsent(c->stream) > 0 || c->n_held > 0;
}

static void set_timer(struct conn *c)
{
	/* Lingering begins when the answer is out; until then its reader has a reader's time. */
	enum phase ph = c->phase == PH_LINGER && unsent(c) ? PH_SEND : c->phase;
	unsigned seconds = phase_seconds(c, ph);
	uint64_t now = clock_mono_us(), full_us = seconds * UINT64_C(1000000), wait_us = full_us;
	/* NULL: it ends just now */
	uint64_t by = ph == PH_CONTENT && c->req != NULL ? c->req->content_by_us : 0;
	if (by != 0 && by < now + full_us)
		wait_us = by > now ? by - now : 0;
	c->flushing = ph != c->phase;
	stream_progress(c->stream, &c->seen_in, &c->seen_out);
	c->due_us = now + wait_us;
	/* A timer that fires earlier finds out: phases change several times a request, and in
	 * steady state none of them touches it. */
	if (c->armed_us == 0 || c->due_us < c->armed_us) {
		const struct timeval left = {
			(time_t)(wait_us / 1000000), (suseconds_t)(wait_us % 1000000)};
		c->armed_us = c->due_us;
		event_add(&c->timer,
			wait_us == full_us ? loop_timeout(c->httpd->loop, seconds) : &left);
	}
	if (ph == PH_LINGER && c->linger_until_us == 0)
		c->linger_until_us = c->due_us + (linger_max_s(c) - LINGER_S) * UINT64_C(1000000);
}

/* The timer fired: is the phase's time over? If not, it is set for what is left. */
static bool due(struct conn *c)
{
	uint64_t now = clock_mono_us();
	if (now >= c->due_us) {
		c->armed_us = 0;
		return true;
	}
	uint64_t left = c->due_us - now;
	const struct timeval tv = {(time_t)(left / 1000000), (suseconds_t)(left % 1000000)};
	c->armed_us = c->due_us;
	event_add(&c->timer, &tv);
	return false;
}

void conn_phase(struct conn *c, enum phase ph)
{
	if (c->phase == ph)
		return;
	c->phase = ph;
	set_timer(c);
}

void httpd_req_brief(struct httpd_req *r)
{
	struct conn *c = r->conn;
	if (r->content_done || r->status != 0)
		return;
	r->content_by_us = clock_mono_us() + c->httpd->limits.head_timeout_s * UINT64_C(1000000);
	if (c->phase == PH_CONTENT)
		set_timer(c);
}

void conn_resume(struct conn *c)
{
	/* Nothing was read while it was paused: the client has all of its time to send the next
	 * bytes. */
	if (c->phase == PH_CONTENT)
		set_timer(c);
	conn_schedule(c);
}

/* Closing ------------------------------------------------------------------ */

/* The connection goes on at the next tick. */
static void wait_for_tick(struct conn *c)
{
	static const struct timeval tick = {0, TICK_MS * 1000};
	struct httpd *h = c->httpd;
	if (c->waits)
		return;
	if (TAILQ_EMPTY(&h->waiting))
		event_add(&h->tick, &tick);
	c->waits = true;
	TAILQ_INSERT_TAIL(&h->waiting, c, wait_link);
}

/*
 * A client may be busy sending what is refused, and reads the answer only then. So it is heard out,
 * but no faster than some others are served beside it: the rest waits in the kernel, and with the
 * client.
 */
static void drop_input(struct conn *c)
{
	size_t n = evbuffer_get_length(stream_in(c->stream));
	evbuffer_drain(stream_in(c->stream), n);
	c->allowance -= n < c->allowance ? n : c->allowance;
	if (c->allowance > 0)
		return;
	stream_pause(c->stream, true);
	wait_for_tick(c);
}

/* Those that waited longest have their turn first; what is left of the list waits for the next
 * tick. */
static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct httpd *h = ctx;
	struct conn_list ready = TAILQ_HEAD_INITIALIZER(ready);
	size_t left = LINGER_ALL_TICK_BYTES;
	struct conn *c;
	(void)fd, (void)what;
	TAILQ_CONCAT(&ready, &h->waiting, wait_link);
	while ((c = TAILQ_FIRST(&ready)) != NULL) {
		TAILQ_REMOVE(&ready, c, wait_link);
		c->waits = false;
		if (c->phase == PH_LINGER && left < LINGER_TICK_BYTES) {
			wait_for_tick(c);
			continue;
		}
		if (c->phase == PH_LINGER) {
			left -= LINGER_TICK_BYTES;
			c->allowance = LINGER_TICK_BYTES;
			stream_pause(c->stream, false);
		}
		conn_schedule(c);
	}
}

/* The client's time to read begins when the answer is out. One that has ended its own direction
 * will send nothing that could reset it. */
static void work_linger(struct conn *c)
{
	drop_input(c);
	if (c->n_held > 0)
		(void)held_look(c);
	if (unsent(c))
		return;
	if (c->eof)
		conn_kill(c);
	else if (c->flushing)
		set_timer(c);
}

/* Half-close, then read and drop for a while: closing at once would send a reset, and the client
 * would lose our answer. */
static void linger(struct conn *c)
{
	c->allowance = LINGER_TICK_BYTES;
	conn_phase(c, PH_LINGER);
	stream_finish(c->stream); /* on_drain says when the answer is out */
	work_linger(c);
}

/* Requests ----------------------------------------------------------------- */

/* This layer's own refusal. Where a handler was at work it learns so at once: what it still had to
 * say could only spoil the answer. */
static void refuse(struct conn *c, struct httpd_req *r, int err, const char *why)
{
	c->req = r;
	if (r->status != 0)
		return;
	r->close = true;
	if (tg_error_status(err) == 0)
		err = TG_EINTERNAL;
	httpd_problem(r, err, why, NULL, NULL);
	req_detach(r, false);
}

static void refuse_headless(struct conn *c, int err, const char *why)
{
	int ignored;
	const char *ignored_why;
	struct httpd_req *r = req_new(c, "\r\n", 2, &ignored, &ignored_why);
	if (r == NULL)
		conn_kill(c);
	else
		refuse(c, r, err, why);
}

static const char *head_fault(int err)
{
	return err == TG_EHEADERS ?
		"the request line and the header fields together may have 16 KiB" :
		"this is no HTTP/1.1 request";
}

/* Whoever runs the server finds in the answer, or its log, what the configuration lacks. */
static void refuse_stranger(const struct conn *c, struct httpd_req *r)
{
	char spki[2 * sizeof c->spki + 1], detail[256];
	sodium_bin2hex(spki, sizeof spki, c->spki, sizeof c->spki);
	snprintf(detail, sizeof detail,
		"no peer has this certificate's key: the operator has to configure one with spki = "
		"%s, and to reload",
		spki);
	r->close = true;
	httpd_problem(r, TG_EPEER, detail, NULL, NULL);
}

/* Certificates that were verified before the last reload are verified again before they count. */
static bool still_vouched(struct conn *c)
{
	char from[INET6_ADDRSTRLEN];
	if (c->vouched == c->httpd->reloads)
		return true;
	c->vouched = c->httpd->reloads;
	if (tls_peer_still_good(stream_ssl(c->stream), c->httpd->tls))
		return true;
	tally_note(&cut, "%s: client_ca no longer vouches for its certificate", address(c, from));
	conn_kill(c);
	return false;
}

/* A whole head, if there is one, becomes the connection's request. Returns whether there is one
 * now. */
static bool next_request(struct conn *c)
{
	struct evbuffer *in = stream_in(c->stream);
	size_t have = evbuffer_get_length(in);
	const char *why = NULL;
	int err = 0;
	if (have == 0 || !still_vouched(c))
		return false;
	if (held_full(c)) {
		wait_for_tick(c);
		return false;
	}
	if (c->phase != PH_HEAD) {
		c->head_us = c->next_us != 0 ? c->next_us : clock_mono_us();
		c->next_us = 0;
		c->scanned = 0;
		conn_phase(c, PH_HEAD);
	}
	if (have > H1_HEAD_MAX)
		have = H1_HEAD_MAX;
	const char *p = (const char *)evbuffer_pullup(in, (ev_ssize_t)have);
	long n = p != NULL ? h1_head_end(p, have, &c->scanned) : TG_ENOMEM;
	if (n == 0 && c->peer == NULL && have >= STRANGER_HEAD_MAX)
		n = TG_EHEADERS;
	if (n == 0)
		return false;
	if (n < 0) {
		refuse_headless(c, (int)n, head_fault((int)n));
		return true;
	}
	struct httpd_req *r = req_new(c, p, (size_t)n, &err, &why);
	if (r == NULL) {
		conn_kill(c);
		return false;
	}
	evbuffer_drain(in, (size_t)n);
	if (err != 0) {
		refuse(c, r, err, why);
		return true;
	}
	c->req = r;
	conn_phase(c, r->content_done ? PH_HANDLER : PH_CONTENT);
	if (c->peer == NULL)
		refuse_stranger(c, r);
	else
		c->httpd->calls->on_request(c->httpd->ctx, r);
	return true;
}

/* The answer is complete and (nearly) written: the request ends. Returns whether the connection
 * goes on to the next. */
static bool end_request(struct conn *c)
{
	struct httpd_req *r = c->req;
	bool closing = r->close || (c->eof && evbuffer_get_length(stream_in(c->stream)) == 0);
	c->req = NULL;
	if (r->hold) {
		stream_set_out_low(c->stream, HTTPD_OUT_LOW_BYTES);
		held_add(c, r);
	} else {
		req_end(r, true);
	}
	if (closing) {
		linger(c);
		return false;
	}
	conn_phase(c, PH_IDLE);
	return true;
}

/* At the end of the input: can the content still become complete from what stands here? */
static bool cut_short(const struct conn *c, const struct httpd_req *r)
{
	size_t have = evbuffer_get_length(stream_in(c->stream));
	return !r->content_done && (r->body.chunked ? have == 0 : have < r->body.left);
}

/* One step with the request there is. Returns whether another step may be useful. */
static bool work_request(struct conn *c)
{
	struct httpd_req *r = c->req;
	size_t waiting = stream_unsent(c->stream);
	if (r->replied) {
		if (waiting > (r->hold ? 0 : HTTPD_OUT_LOW_BYTES)) {
			conn_phase(c, PH_SEND);
			return false; /* on_drain comes back here */
		}
		return end_request(c);
	}
	int err = req_content(r, stream_in(c->stream));
	if (c->dead)
		return false;
	if (err != 0) {
		refuse(c, r, err, "the content's chunked framing is malformed");
		return true;
	}
	if (r->replied)
		return true;
	if (r->status == 0 && c->eof && cut_short(c, r)) {
		c->req = NULL;
		/* there is nothing to answer; but answers before it may be unsent */
		req_end(r, false);
		linger(c);
		return false;
	}
	conn_phase(c, r->status != 0 ? PH_SEND : r->content_done ? PH_HANDLER : PH_CONTENT);
	return false;
}

/* A request that waits behind another began when its first byte came, and its clock with it. */
static void note_next(struct conn *c)
{
	if (c->next_us == 0 && c->req != NULL && c->req->content_done &&
		evbuffer_get_length(stream_in(c->stream)) > 0)
		c->next_us = clock_mono_us();
}

static void conn_work(struct conn *c)
{
	for (bool more = true; more && !c->dead;) {
		if (c->phase == PH_LINGER) {
			work_linger(c);
			more = false;
		} else if (c->req != NULL)
			more = work_request(c);
		else if (c->httpd->draining && evbuffer_get_length(stream_in(c->stream)) == 0) {
			linger(c);
			more = false;
		} else
			more = next_request(c);
	}
	if (c->dead)
		return;
	if (c->heard && (c->phase == PH_HEAD || c->phase == PH_CONTENT))
		stream_recheck(c->stream);
	c->heard = false;
	note_next(c);
	if (c->req == NULL && c->eof && c->phase != PH_LINGER && !c->waits)
		linger(c); /* what is answered already may not be written yet */
}

/* What happens ------------------------------------------------------------- */

/* A peer's connection takes one of the peers' places, if there is one. */
static bool become_known(struct conn *c)
{
	struct httpd *h = c->httpd;
	char from[INET6_ADDRSTRLEN];
	if (h->n - preauth_count(h->preauth) >= h->limits.max_connections) {
		tally_note(&full,
			"%s: a peer is refused, since there are max_connections (%u) of them; "
			"raise it",
			address(c, from), h->limits.max_connections);
		conn_kill(c);
		return false;
	}
	preauth_remove(h->preauth, &c->preauth);
	return true;
}

static void on_ready(struct stream *s, void *ctx)
{
	struct conn *c = ctx;
	if (tls_peer_spki(stream_ssl(s), c->spki) == 0)
		c->peer = c->httpd->calls->on_peer(c->httpd->ctx, c->spki);
	c->good_until_ms = tls_peer_expiry_ms(stream_ssl(s));
	metrics_count(M_CONNECTIONS, 1);
	if (c->peer != NULL && !become_known(c))
		return;
	conn_phase(c, PH_IDLE);
	stream_recheck(s);
	if (c->httpd->draining)
		conn_schedule(c);
}

static void on_read(struct stream *s, struct evbuffer *in, void *ctx)
{
	struct conn *c = ctx;
	(void)s, (void)in;
	if (c->dead)
		return;
	c->heard = true;
	conn_work(c);
	if (c->dead)
		conn_kill(c);
}

static void on_drain(struct stream *s, void *ctx)
{
	struct conn *c = ctx;
	struct httpd_req *r = c->req;
	(void)s;
	if (c->dead)
		return;
	if (r != NULL && r->status != 0 && !r->replied && r->handler != NULL &&
		r->handler->on_room != NULL)
		r->handler->on_room(r, r->ctx);
	conn_schedule(c);
}

static const char *handshake_fault(struct stream *s, enum stream_end why)
{
	switch (why) {
	case STREAM_TIMEOUT:
		return "its handshake was not over in handshake_timeout_s";
	case STREAM_EOF:
		return "it left before its handshake was over";
	case STREAM_ERROR:
		return "it was cut off in its handshake, or sent more than one takes";
	case STREAM_TLS:
		break;
	}
	return tls_fault(stream_ssl(s));
}

static void on_end(struct stream *s, enum stream_end why, void *ctx)
{
	struct conn *c = ctx;
	char from[INET6_ADDRSTRLEN];
	if (c->phase == PH_HANDSHAKE) {
		metrics_count(M_TLS_REFUSED, 1);
		tally_note(&refused, "%s: %s", address(c, from), handshake_fault(s, why));
	} else if (why == STREAM_TLS)
		tally_note(&cut, "%s: it broke the rules of TLS, or asked for too many new keys",
			address(c, from));
	c->eof = true;
	if (why != STREAM_EOF || c->phase == PH_HANDSHAKE)
		conn_kill(c);
	else
		conn_schedule(c);
}

static void on_task(struct loop_task *t, void *ctx)
{
	struct conn *c = ctx;
	(void)t;
	/* What ends in here is freed by a task of its own: the stream may still have to say that it
	 * ends. */
	if (c->dead)
		conn_free(c);
	else
		conn_work(c);
}

static bool content_late(const struct httpd_req *r)
{
	return r->content_by_us != 0 && clock_mono_us() >= r->content_by_us;
}

/* The phase's time is over. Where bytes flowed meanwhile, it gets another. */
static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct conn *c = ctx;
	uint64_t in, out;
	(void)fd, (void)what;
	if (c->dead || !due(c))
		return;
	stream_progress(c->stream, &in, &out);
	switch (c->phase) {
	case PH_HEAD:
		refuse_headless(c, TG_ETIMEOUT, "the request's head did not come in time");
		break;
	case PH_CONTENT:
		if (content_late(c->req)) {
			refuse(c, c->req, TG_ETIMEOUT, "the content did not come in time");
			break;
		}
		if (in != c->seen_in || c->req->paused || c->req->left) {
			set_timer(c);
			return;
		}
		refuse(c, c->req, TG_ETIMEOUT, "no content came for too long");
		break;
	case PH_SEND:
		if (out != c->seen_out) {
			set_timer(c);
			return;
		}
		conn_kill(c);
		break;
	case PH_HANDLER:
		refuse(c, c->req, TG_ESTORE,
			"the store did not answer in time; whether the call took effect is not "
			"known");
		break;
	case PH_LINGER:
		/* What is held, and for how long, on_rest() looks at. */
		if (c->flushing ? out != c->seen_out || c->n_held > 0 :
				  in != c->seen_in && clock_mono_us() < c->linger_until_us) {
			set_timer(c);
			return;
		}
		conn_kill(c);
		break;
	case PH_IDLE:
		if (!unsent(c)) {
			linger(c);
			break;
		}
		if (out != c->seen_out || c->n_held > 0) {
			set_timer(c);
			return;
		}
		conn_kill(c);
		break;
	case PH_HANDSHAKE:
		conn_kill(c);
		break;
	}
	conn_schedule(c);
}

/* Connections through which nothing went for REST_S give back their buffers. Those whose readers
 * stand still are shown out. */
static void on_rest(evutil_socket_t fd, short what, void *ctx)
{
	struct httpd *h = ctx;
	struct conn *c;
	char from[INET6_ADDRSTRLEN];
	int64_t now = clock_wall_ms();
	(void)fd, (void)what;
	TAILQ_FOREACH (c, &h->conns, link) {
		if (now >= c->good_until_ms && c->phase != PH_HANDSHAKE && !c->dead) {
			tally_note(&cut,
				"%s: its certificate, or one of its authorities', has expired",
				address(c, from));
			conn_kill(c);
		}
		uint64_t in, out;
		stream_progress(c->stream, &in, &out);
		bool idle = in == c->rest_in && out == c->rest_out;
		if (idle && !c->rested && c->phase != PH_HANDSHAKE)
			stream_release_buffers(c->stream);
		c->rested = idle && c->phase != PH_HANDSHAKE;
		c->rest_in = in;
		c->rest_out = out;
		if (!c->dead && held_stalled(c))
			conn_kill(c);
	}
	struct tally *const all[] = {&refused, &made_room, &full, &cut};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		tally_flush(all[i]);
}

/* After a reload, a few in each turn. */
static void on_reverify(struct loop_task *t, void *ctx)
{
	struct httpd *h = ctx;
	struct conn *c;
	unsigned n = 0;
	TAILQ_FOREACH (c, &h->conns, link) {
		if (c->vouched == h->reloads || c->phase == PH_HANDSHAKE || c->dead)
			continue;
		if (n++ == REVERIFIED_PER_TURN) {
			loop_defer(h->loop, t);
			return;
		}
		(void)still_vouched(c);
	}
}

/* What the worker asks for ------------------------------------------------- */

struct httpd *httpd_new(struct loop *l, SSL_CTX *tls, const struct httpd_limits *limits,
	const struct httpd_calls *calls, void *ctx)
{
	struct httpd *h = calloc(1, sizeof *h);
	if (h == NULL)
		return NULL;
	h->loop = l;
	h->limits = *limits;
	h->calls = calls;
	h->ctx = ctx;
	random_fill(h->id_key, sizeof h->id_key);
	TAILQ_INIT(&h->conns);
	TAILQ_INIT(&h->waiting);
	h->reverify = (struct loop_task){.run = on_reverify, .ctx = h};
	if (h->limits.max_unknown == 0)
		h->limits.max_unknown = UNKNOWN_DEFAULT;
	if ((h->preauth = preauth_new(h->limits.max_unknown)) == NULL) {
		free(h);
		return NULL;
	}
	httpd_set_tls(h, tls);
	event_assign(&h->rest, loop_base(l), -1, EV_PERSIST, on_rest, h);
	event_add(&h->rest, loop_timeout(l, REST_S));
	event_assign(&h->tick, loop_base(l), -1, 0, on_tick, h);
	return h;
}

void httpd_set_tls(struct httpd *h, SSL_CTX *tls)
{
	SSL_CTX_up_ref(tls);
	SSL_CTX_free(h->tls);
	h->tls = tls;
	h->reloads++;
	loop_defer(h->loop, &h->reverify);
}

static void make_room(struct conn *c, const char *why)
{
	char from[INET6_ADDRSTRLEN];
	tally_note(&made_room, "%s: %s", address(c, from), why);
	conn_kill(c);
}

static struct conn *conn_of(struct preauth_entry *n)
{
	return (struct conn *)(void *)((char *)n - offsetof(struct conn, preauth));
}

bool httpd_relieve(struct httpd *h)
{
	struct preauth_entry *n = preauth_oldest(h->preauth);
	if (n == NULL)
		return false;
	preauth_remove(h->preauth, n);
	make_room(conn_of(n), "no descriptor is left, and it was the oldest that is no peer's");
	return true;
}

/* Where does it come from, and who goes for it? */
static int count_in(struct conn *c, int fd)
{
	socklen_t len = sizeof c->from;
	struct preauth_entry *victim;
	if (getpeername(fd, &c->from.any, &len) != 0)
		c->from.any.sa_family = AF_UNSPEC;
	int err = preauth_add(c->httpd->preauth, &c->preauth, &c->from.any, &victim);
	if (err == 0 && victim != NULL)
		make_room(conn_of(victim),
			"the oldest that is no peer's went for another one, of its address or of "
			"all");
	return err;
}

void httpd_accept(struct httpd *h, int fd)
{
	static const struct stream_cb cb = {on_ready, on_read, on_drain, on_end};
	const struct stream_opts opts = {.in_max = STREAM_IN_MAX_BYTES,
		.out_low = HTTPD_OUT_LOW_BYTES,
		.ready_timeout_s = h->limits.handshake_timeout_s};
	SSL *ssl = SSL_new(h->tls);
	struct conn *c = ssl != NULL ? calloc(1, sizeof *c) : NULL;
	if (c == NULL) {
		SSL_free(ssl);
		close(fd);
		return;
	}
	c->httpd = h;
	TAILQ_INIT(&c->held);
	c->task = (struct loop_task){.run = on_task, .ctx = c};
	event_assign(&c->timer, loop_base(h->loop), -1, 0, on_timer, c);
	c->vouched = h->reloads;
	if (count_in(c, fd) != 0) {
		SSL_free(ssl);
		close(fd);
		free(c);
		return;
	}
	if ((c->stream = stream_accept(h->loop, fd, ssl, &opts, &cb, c)) == NULL) {
		preauth_remove(h->preauth, &c->preauth);
		free(c);
		return;
	}
	TAILQ_INSERT_TAIL(&h->conns, c, link);
	h->n++;
	metrics_gauge_set(G_CONNECTIONS, (int64_t)h->n);
}

size_t httpd_connections(const struct httpd *h)
{
	return h->n;
}

void httpd_drain(struct httpd *h)
{
	struct conn *c;
	h->draining = true;
	TAILQ_FOREACH (c, &h->conns, link)
		if (c->phase != PH_HANDSHAKE)
			conn_schedule(c);
}

void httpd_each_peer(
	struct httpd *h, void *(*keep)(void *ctx, const uint8_t spki[32], void *peer), void *ctx)
{
	struct conn *c;
	TAILQ_FOREACH (c, &h->conns, link) {
		bool had = c->peer != NULL;
		if (c->phase == PH_HANDSHAKE)
			continue;
		c->peer = keep(ctx, c->spki, c->peer);
		if (had && c->peer == NULL)
			conn_kill(c);
		else if (!had && c->peer != NULL && !c->dead)
			(void)become_known(c);
	}
}

void httpd_free(struct httpd *h)
{
	struct conn *c;
	if (h == NULL)
		return;
	while ((c = TAILQ_FIRST(&h->conns)) != NULL)
		conn_free(c);
	event_del(&h->rest);
	event_del(&h->tick);
	loop_cancel(h->loop, &h->reverify);
	preauth_free(h->preauth);
	SSL_CTX_free(h->tls);
	free(h);
}
