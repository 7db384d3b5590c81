/*
 * worker.c: one data-plane process: accepts, and lets http, api and store do the rest. SIGTERM:
 * uploads are refused and transfers finish; with the embedded store it goes on serving fetches
 * until a second SIGTERM, since what is in there dies with us. SIGHUP: certificates and peers anew,
 * as the master has checked them; it opens no file. While another worker does not serve, it accepts
 * from that one's socket, too.
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
	"an answer that has become short has room for any chunk");
#define DRAIN_POLL_MS 20
#define PATIENCE_S 1 /* with a store that is not there yet */
#define GIVE_BACK_S 1
#define STILL_LOOKS 4 /* another worker that has not beaten for so many looks is stood in for */

struct other {                     /* another worker, as we see it */
	struct listener *listener; /* on its socket, while it does not serve */
	uint64_t beats;
	unsigned still; /* looks since they changed */
};

struct worker {
	const struct child_env *env;
	struct conf *conf;
	/* replaced by a reload; kept until the next one, since answers may still name its peers */
	struct conf *old_conf;
	struct loop *loop;
	struct httpd *httpd;
	struct api *api;
	struct store *store;
	struct listener *listener;
	struct event *on_term, *on_hup, *on_int, *poll, *patience, *give_back, *look;
	struct other other[CONF_WORKERS_MAX];
	bool serving, draining, finishing;
	int status;
};

static void on_accept(int fd, void *ctx)
{
	struct worker *w = ctx;
	httpd_accept(w->httpd, fd);
}

/* Who comes before the store connection is up waits in the listen queue for it, but not for long:
 * then 503 is the better answer. */
static void begin(struct worker *w)
{
	if (w->finishing)
		return;
	listener_enable(w->listener, true);
	w->serving = true;
	heartbeat_set_serving(true);
}

static bool on_short(void *ctx)
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
			listener_set_relief(o->listener, on_short);
	} else if (!on && o->listener != NULL) {
		listener_free(o->listener);
		o->listener = NULL;
	}
}

/* Connections that the kernel gives to the socket of a worker that has died, or hangs, would wait
 * until another is there. */
static void on_look(evutil_socket_t fd, short what, void *ctx)
{
	struct worker *w = ctx;
	(void)fd, (void)what;
	for (unsigned i = 0; i < w->env->n_workers && i < CONF_WORKERS_MAX; i++) {
		struct other *o = &w->other[i];
		uint64_t beats = heartbeat_count(w->env->heartbeat, CHILD_SLOT_WORKER(i));
		o->still = beats == o->beats ? o->still + 1 : 0;
		o->beats = beats;
		if (i != w->env->index)
			stand_in(w, i,
				w->serving &&
					(o->still >= STILL_LOOKS ||
						!heartbeat_is_serving(
							w->env->heartbeat, CHILD_SLOT_WORKER(i))));
	}
}

static void on_patience(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	begin(ctx);
}

static void on_store_up(struct store *s, void *ctx)
{
	(void)s;
	begin(ctx);
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

static void finish(struct worker *w)
{
	static const struct timeval every = {0, DRAIN_POLL_MS * 1000};
	if (w->finishing)
		return;
	w->finishing = true;
	w->serving = false;
	heartbeat_set_serving(false);
	event_del(w->look);
	for (unsigned i = 0; i < CONF_WORKERS_MAX; i++)
		stand_in(w, i, false);
	listener_enable(w->listener, false);
	httpd_drain(w->httpd);
	event_add(w->poll, &every);
}

static void on_term(evutil_socket_t sig, short what, void *ctx)
{
	struct worker *w = ctx;
	(void)sig, (void)what;
	api_drain(w->api);
	if (w->draining || !w->env->embedded_store)
		finish(w);
	w->draining = true;
}

static void on_poll(evutil_socket_t fd, short what, void *ctx)
{
	struct worker *w = ctx;
	(void)fd, (void)what;
	if (httpd_connections(w->httpd) == 0)
		loop_stop(w->loop);
}

static void on_give_back(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what, (void)ctx;
	wipe_give_back();
}

static void *keep_peer(void *ctx, const uint8_t spki[32], void *peer)
{
	const struct worker *w = ctx;
	const struct conf_peer *was = peer, *is = conf_peer_by_spki(w->conf, spki);
	/* Who lost a role, or is called otherwise, may have a call under way that began with it. */
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

/* Configuration and TLS together, or neither. */
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

/* The master has checked the same bytes, so that it fails is a matter of memory. Who cannot take
 * them over must not serve by the old ones: its successor inherits the new ones. */
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
		"cannot take over what the master has checked (%s); this worker ends, and another "
		"one begins with it",
		err);
	w->status = EXIT_FAILURE;
	loop_stop(w->loop);
}

static void on_int(evutil_socket_t sig, short what, void *ctx)
{
	/* a terminal's Ctrl-C reaches the whole group; the master decides */
	(void)sig, (void)what, (void)ctx;
}

static int add_signals(struct worker *w)
{
	struct event_base *b = loop_base(w->loop);
	sigset_t hup;
	w->on_term = evsignal_new(b, SIGTERM, on_term, w);
	w->on_hup = evsignal_new(b, SIGHUP, on_hup, w);
	w->on_int = evsignal_new(b, SIGINT, on_int, w);
	w->poll = event_new(b, -1, EV_PERSIST, on_poll, w);
	if (w->on_term == NULL || w->on_hup == NULL || w->on_int == NULL || w->poll == NULL)
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
	static const struct timeval look_every = {0, HEARTBEAT_EVERY_MS * 1000};
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
	w->listener = listener_new(w->loop, w->env->listen_fd, on_accept, w);
	w->patience = evtimer_new(loop_base(w->loop), on_patience, w);
	w->give_back = event_new(loop_base(w->loop), -1, EV_PERSIST, on_give_back, w);
	w->look = event_new(loop_base(w->loop), -1, EV_PERSIST, on_look, w);
	if (w->listener == NULL || w->patience == NULL || w->give_back == NULL ||
		event_add(w->give_back, loop_timeout(w->loop, GIVE_BACK_S)) != 0 ||
		w->look == NULL || event_add(w->look, &look_every) != 0)
		return -1;
	listener_set_relief(w->listener, on_short);
	listener_enable(w->listener, false);
	return evtimer_add(w->patience, loop_timeout(w->loop, PATIENCE_S));
}

static void stop(struct worker *w)
{
	listener_free(w->listener);
	for (unsigned i = 0; i < CONF_WORKERS_MAX; i++)
		listener_free(w->other[i].listener);
	httpd_free(w->httpd);
	store_free(w->store);
	api_free(w->api);
	struct event *ev[] = {
		w->on_term, w->on_hup, w->on_int, w->poll, w->patience, w->give_back, w->look};
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
