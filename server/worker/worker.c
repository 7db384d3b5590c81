/*
 * worker.c: one process that serves clients: it makes the layers (http, api, store) and their
 * connections to each other, takes signals, and accepts connections. What a request does is decided
 * in server/api.
 *
 * SIGTERM: uploads are refused and the requests under way are finished. With an embedded store,
 * whose content ends with the server, fetches are served on until a second SIGTERM. SIGHUP: takes
 * over certificates and peers as the master has checked them; no file is opened. A worker also
 * accepts from the socket of another one that does not serve.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include <timeglas/errors.h>

#include "api/api.h"
#include "base/handover.h"
#include "base/heartbeat.h"
#include "base/log.h"
#include "conf/conf.h"
#include "http/httpd.h"
#include "net/buffer_policy.h"
#include "net/listener.h"
#include "net/tls.h"
#include "wipe/wipe.h"
#include "worker/worker.h"
#include "store/store.h"
#include "store/types.h"

_Static_assert(STORE_CHUNK_LARGE_BYTES + BUFFER_OUT_LOW_BYTES <= BUFFER_REPLY_WINDOW_BYTES,
	"an answer at its low mark has room for one more chunk");

#define DRAIN_POLL_MS 20
/* A worker without a store connection accepts after that: 503 is better than no answer. */
#define STORE_WAIT_S 1
/* How often free memory is given back to the system. */
#define GIVE_BACK_S 1
/* Checks in a row without a heartbeat, HEARTBEAT_EVERY_MS apart, after which a worker is taken to
 * hang. */
#define MISSED_MAX 4

/* They follow each other in this order; some may be skipped. */
enum worker_state {
	WORKER_WAITING,  /* for the store connection; nothing is accepted */
	WORKER_SERVING,  /* accepts connections */
	WORKER_DRAINING, /* as SERVING, without uploads */
	WORKER_FINISHING /* accepts nothing; ends with its last connection */
};

struct other {                     /* another worker of this server */
	struct listener *listener; /* ours on its socket, while it does not serve; or NULL */
	uint64_t heartbeats;       /* their number at the last check */
	unsigned missed;           /* checks in a row that found no new one */
};

struct worker {
	const struct child_env *env;
	struct conf *conf; /* env->conf, or an own copy after a reload */
	/* The one before the last reload; freed by the next. A connection that was being closed
	 * during the reload may still point to one of its peers. */
	struct conf *old_conf;
	struct loop *loop;
	struct httpd *httpd;
	struct api *api;
	struct store *store;
	struct proof_ask *proofs;
	struct listener *listener;
	struct event *on_term, *on_hup, *on_int;
	struct event *poll_end;   /* while FINISHING */
	struct event *store_wait; /* ends WAITING */
	struct event *give_back;  /* memory */
	struct event *check_others;
	struct other other[CONF_WORKERS_MAX]; /* by index; our own is not used */
	enum worker_state state;              /* changed by advance() alone */
	int status;                           /* the exit status */
};

static void on_accept(int fd, void *ctx)
{
	struct worker *w = ctx;

	httpd_accept(w->httpd, fd);
}

/* No descriptor is left for a new connection. Returns whether an idle one was closed for it. */
static bool on_no_descriptor(void *ctx)
{
	struct worker *w = ctx;

	return httpd_relieve(w->httpd);
}

static void stand_in(struct worker *w, unsigned i, bool on)
{
	struct other *o = &w->other[i];

	if (on && o->listener == NULL) {
		o->listener = listener_new(w->loop, w->env->worker_fds[i], on_accept, w);
		if (o->listener != NULL)
			listener_set_relief(o->listener, on_no_descriptor);
	} else if (!on && o->listener != NULL) {
		listener_free(o->listener);
		o->listener = NULL;
	}
}

static bool serves(struct worker *w, unsigned i)
{
	const unsigned slot = CHILD_SLOT_WORKER(i);
	const uint64_t heartbeats = heartbeat_count(w->env->heartbeat, slot);
	struct other *o = &w->other[i];

	o->missed = heartbeats == o->heartbeats ? o->missed + 1 : 0;
	o->heartbeats = heartbeats;
	return o->missed < MISSED_MAX && heartbeat_is_serving(w->env->heartbeat, slot);
}

/* The kernel chooses a socket for each connection, also that of a worker that has died or hangs:
 * there it would wait until the master has replaced the worker. */
static void on_check_others(evutil_socket_t fd, short what, void *ctx)
{
	struct worker *w = ctx;
	const bool can = w->state == WORKER_SERVING || w->state == WORKER_DRAINING;

	(void)fd, (void)what;
	for (unsigned i = 0; i < w->env->n_workers && i < CONF_WORKERS_MAX; i++)
		if (i != w->env->index)
			stand_in(w, i, !serves(w, i) && can);
}

/* States ------------------------------------------------------------------- */

static void begin_accepting(struct worker *w)
{
	listener_enable(w->listener, true);
	heartbeat_set_serving(true);
}

static void finish(struct worker *w)
{
	static const struct timeval every = {0, DRAIN_POLL_MS * 1000};

	heartbeat_set_serving(false);
	event_del(w->check_others);
	for (unsigned i = 0; i < CONF_WORKERS_MAX; i++)
		stand_in(w, i, false);
	listener_enable(w->listener, false);
	httpd_drain(w->httpd);
	event_add(w->poll_end, &every);
}

/* Goes on to a state, unless this one or a later one is reached. */
static void advance(struct worker *w, enum worker_state to)
{
	const enum worker_state was = w->state;

	if (to <= was)
		return;
	w->state = to;
	if (to >= WORKER_DRAINING)
		api_drain(w->api);
	if (to == WORKER_FINISHING)
		finish(w);
	else if (was == WORKER_WAITING)
		begin_accepting(w);
}

static void on_store_wait(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	advance(ctx, WORKER_SERVING);
}

static void on_store_up(struct store *s, void *ctx)
{
	(void)s;
	advance(ctx, WORKER_SERVING);
}

static void on_store_down(struct store *s, void *ctx)
{
	struct worker *w = ctx;

	api_store_calls.on_down(s, w->api);
}

static void on_store_low(struct store *s, void *ctx)
{
	struct worker *w = ctx;

	api_store_calls.on_low(s, w->api);
}

static void on_term(evutil_socket_t sig, short what, void *ctx)
{
	struct worker *w = ctx;
	const bool first = w->state < WORKER_DRAINING;

	(void)sig, (void)what;
	advance(w, first && w->env->embedded_store ? WORKER_DRAINING : WORKER_FINISHING);
}

static void on_poll_end(evutil_socket_t fd, short what, void *ctx)
{
	struct worker *w = ctx;

	(void)fd, (void)what;
	if (httpd_connections(w->httpd) == 0 && api_end(w->api))
		loop_stop(w->loop);
}

static void on_give_back(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what, (void)ctx;
	wipe_give_back();
}

/* Reloads ------------------------------------------------------------------ */

/* Called for each connection: returns the peer that it belongs to from now on, or NULL: it is
 * closed. A peer that has lost a role or has another name may have a call under way that began with
 * the old ones, so its connection is closed, too. */
static void *keep_peer(void *ctx, const uint8_t spki[32], void *peer)
{
	const struct worker *w = ctx;
	const struct conf_peer *was = peer, *is = conf_peer_by_spki(w->conf, spki);

	if (was != NULL && is != NULL &&
		((was->roles & ~is->roles) != 0 || strcmp(was->name, is->name) != 0))
		return NULL;
	return (void *)(uintptr_t)is;
}

static SSL_CTX *tls_of(const struct handover_bytes part[HANDOVER_PARTS], char *err, size_t cap)
{
	const struct tls_pem cert = {
		"certificate", part[HANDOVER_CERTIFICATE].b, part[HANDOVER_CERTIFICATE].n};
	const struct tls_pem key = {"key", part[HANDOVER_KEY].b, part[HANDOVER_KEY].n};
	const struct tls_pem client_ca = {
		"client_ca", part[HANDOVER_CLIENT_CA].b, part[HANDOVER_CLIENT_CA].n};

	return tls_server_ctx(&cert, &key, &client_ca, err, cap);
}

/* Takes configuration and TLS, or neither. Returns 0, or a negative code with err. */
static int take_over(struct worker *w, char *err, size_t cap)
{
	struct handover_bytes part[HANDOVER_PARTS];
	struct conf *fresh = NULL;
	SSL_CTX *tls = NULL;
	void *copy = NULL;
	int rc = handover_take(w->env->handover, &copy, part);

	if (rc == 0 && (fresh = conf_copy(part[HANDOVER_CONF].b)) == NULL)
		rc = TG_ENOMEM;
	snprintf(err, cap, "%s", rc != 0 ? tg_strerror(rc) : "");
	if (rc == 0 && (tls = tls_of(part, err, cap)) == NULL)
		rc = TG_ENOMEM;
	sodium_free(copy);
	if (rc != 0) {
		conf_free(fresh);
		return rc;
	}
	if (w->old_conf != NULL && w->old_conf != w->env->conf)
		conf_free(w->old_conf);
	w->old_conf = w->conf;
	w->conf = fresh;
	api_set_conf(w->api, fresh);
	httpd_each_peer(w->httpd, keep_peer, w);
	httpd_set_tls(w->httpd, tls);
	SSL_CTX_free(tls);
	return 0;
}

/* The master has checked the same bytes, so this fails for want of memory only. A worker must not
 * serve on with the old ones; the one that replaces it inherits the new ones. */
static void on_hup(evutil_socket_t sig, short what, void *ctx)
{
	struct worker *w = ctx;
	char err[256];

	(void)sig, (void)what;
	if (take_over(w, err, sizeof err) == 0) {
		log_info("reload", "certificates and peers are in force");
		return;
	}
	log_error("reload",
		"this worker cannot take over the new certificates and peers (%s); it ends, and "
		"another one begins with them",
		err);
	w->status = EXIT_FAILURE;
	loop_stop(w->loop);
}

static void on_int(evutil_socket_t sig, short what, void *ctx)
{
	/* Ctrl-C reaches every process of a terminal; the master acts on it. */
	(void)sig, (void)what, (void)ctx;
}

static int add_signals(struct worker *w)
{
	struct event_base *b = loop_base(w->loop);
	sigset_t hup;

	w->on_term = evsignal_new(b, SIGTERM, on_term, w);
	w->on_hup = evsignal_new(b, SIGHUP, on_hup, w);
	w->on_int = evsignal_new(b, SIGINT, on_int, w);
	w->poll_end = event_new(b, -1, EV_PERSIST, on_poll_end, w);
	if (w->on_term == NULL || w->on_hup == NULL || w->on_int == NULL || w->poll_end == NULL)
		return TG_ENOMEM;
	if (event_add(w->on_term, NULL) != 0 || event_add(w->on_hup, NULL) != 0 ||
		event_add(w->on_int, NULL) != 0)
		return TG_ENOMEM;
	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	return sigprocmask(SIG_UNBLOCK, &hup, NULL);
}

static int start(struct worker *w)
{
	static const struct store_calls store_calls = {
		.on_up = on_store_up, .on_down = on_store_down, .on_low = on_store_low};
	static const struct timeval check_every = {0, HEARTBEAT_EVERY_MS * 1000};
	const struct conf *c = w->conf;
	const struct httpd_limits limits = {
		.max_connections = c->max_connections,
		.max_unknown = c->max_unknown,
		.handshake_timeout_s = c->handshake_timeout_s,
		.head_timeout_s = c->head_timeout_s,
		.body_idle_s = c->body_idle_s,
		.send_idle_s = c->send_idle_s,
		.idle_timeout_s = c->idle_timeout_s,
		.body_window_bytes = BUFFER_BODY_WINDOW_BYTES,
		.reply_window_bytes = BUFFER_REPLY_WINDOW_BYTES,
	};
	char err[256] = "";

	if ((w->loop = loop_new()) != NULL && (w->api = api_new(w->loop, c)) != NULL)
		w->httpd = httpd_new(w->loop, w->env->tls, &limits, &api_calls, w->api);
	if (w->httpd == NULL || add_signals(w) != 0)
		return -1;
	if ((w->store = store_new(w->loop, w->env->store_url, &store_calls, w, err, sizeof err)) ==
		NULL) {
		log_error("store", "%s", err);
		return -1;
	}
	api_set_store(w->api, w->store);
	if ((w->proofs = proof_ask_new(w->loop, w->env->proof_fds[w->env->index])) == NULL)
		return -1;
	api_set_proofs(w->api, w->proofs);
	w->listener = listener_new(w->loop, w->env->listen_fd, on_accept, w);
	w->store_wait = evtimer_new(loop_base(w->loop), on_store_wait, w);
	w->give_back = event_new(loop_base(w->loop), -1, EV_PERSIST, on_give_back, w);
	w->check_others = event_new(loop_base(w->loop), -1, EV_PERSIST, on_check_others, w);
	if (w->listener == NULL || w->store_wait == NULL || w->give_back == NULL ||
		event_add(w->give_back, loop_timeout(w->loop, GIVE_BACK_S)) != 0 ||
		w->check_others == NULL || event_add(w->check_others, &check_every) != 0)
		return -1;
	listener_set_relief(w->listener, on_no_descriptor);
	listener_enable(w->listener, false);
	return evtimer_add(w->store_wait, loop_timeout(w->loop, STORE_WAIT_S));
}

static void stop(struct worker *w)
{
	listener_free(w->listener);
	for (unsigned i = 0; i < CONF_WORKERS_MAX; i++)
		listener_free(w->other[i].listener);
	httpd_free(w->httpd);
	store_free(w->store);
	proof_ask_free(w->proofs);
	api_free(w->api);
	struct event *ev[] = {w->on_term, w->on_hup, w->on_int, w->poll_end, w->store_wait,
		w->give_back, w->check_others};
	for (size_t i = 0; i < sizeof ev / sizeof *ev; i++)
		if (ev[i] != NULL)
			event_free(ev[i]);
	loop_free(w->loop);
	if (w->conf != w->env->conf)
		conf_free(w->conf);
	if (w->old_conf != NULL && w->old_conf != w->env->conf)
		conf_free(w->old_conf);
}

int worker_main(const struct child_env *env)
{
	struct worker w = {.env = env, .conf = env->conf, .status = EXIT_SUCCESS};

	if (start(&w) != 0) {
		log_error("worker", "cannot start");
		w.status = EXIT_FAILURE;
	} else if (loop_run(w.loop) != 0) {
		w.status = EXIT_FAILURE;
	}
	stop(&w);
	return w.status;
}
