/*
 * admin.c: the admin plane: three small documents over plain HTTP for this machine's supervisor and Prometheus. It changes nothing and asks the store
 * nothing: what it says is in the shared metrics. evhttp is good enough here, where nobody hostile can connect and no body is accepted. A process of its own.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "admin/admin.h"
#include "base/board.h"
#include "base/log.h"
#include "conf/conf.h"

#define HEADERS_MAX_BYTES 8192
#define TIMEOUT_S 5

struct admin {
	const struct child_env *env;
	struct event_base *base;
	struct evhttp *http;
	struct event *on_term, *on_hup;
};

typedef void page_fn(const struct admin *a, struct evhttp_request *req);

static void answer(struct evhttp_request *req, int status, const char *reason, const char *type, struct evbuffer *body)
{
	struct evkeyvalq *out = evhttp_request_get_output_headers(req);

	evhttp_add_header(out, "Content-Type", type);
	evhttp_add_header(out, "Cache-Control", "no-store");
	evhttp_send_reply(req, status, reason, body);
}

static void answer_text(struct evhttp_request *req, int status, const char *reason, const char *type, const char *text)
{
	struct evbuffer *b = evbuffer_new();

	if (b == NULL || evbuffer_add(b, text, strlen(text)) != 0)
		evhttp_send_error(req, HTTP_INTERNAL, NULL);
	else
		answer(req, status, reason, type, b);
	if (b != NULL)
		evbuffer_free(b);
}

static void on_healthz(const struct admin *a, struct evhttp_request *req)
{
	(void)a;
	answer_text(req, HTTP_OK, "OK", "text/plain; charset=utf-8", "ok\n");
}

static void write_store(enum attest found, const char *vouched_by, struct jsonw *out)
{
	char text[256];

	snprintf(text, sizeof text, "%s%s%s%s", board_attest_ok(found) ? "" : "not attested: ", board_attest_text(found),
	    found == ATTEST_VOUCHED ? ": " : "", found == ATTEST_VOUCHED && vouched_by != NULL ? vouched_by : "");
	jsonw_str(out, "store", text);
}

bool admin_ready_text(const struct metrics *m, unsigned workers, const char *vouched_by, unsigned max_lag_s, struct jsonw *out)
{
	enum attest found = board_attest();
	bool reaper = metrics_gauge_slot(m, CHILD_SLOT_REAPER(workers), G_STORE_UP) > 0, draining = metrics_gauge(m, G_DRAINING) > 0;
	bool attested = board_attest_ok(found), ready;
	unsigned i, up = 0;
	bool late = board_evidence_late(max_lag_s);
	char reason[256], evidence[256], text[sizeof evidence + 64];

	board_evidence_text(evidence, sizeof evidence);
	for (i = 0; i < workers; i++)
		up += metrics_gauge_slot(m, CHILD_SLOT_WORKER(i), G_STORE_UP) > 0;
	ready = up == workers && reaper && attested && !draining && !late;
	jsonw_open(out, NULL, '{');
	jsonw_bool(out, "ready", ready);
	jsonw_open(out, "reasons", '[');
	if (draining)
		jsonw_str(out, NULL, "the server is shutting down");
	if (up < workers) {
		snprintf(reason, sizeof reason, "%u of %u workers are not running or cannot use the store", workers - up, workers);
		jsonw_str(out, NULL, reason);
	}
	if (!reaper)
		jsonw_str(out, NULL, "the reaper is not running or cannot use the store");
	if (!attested) {
		snprintf(reason, sizeof reason, "uploads are refused: %s", board_attest_text(found));
		jsonw_str(out, NULL, reason);
	}
	if (late) {
		snprintf(text, sizeof text, "evidence is late, so nothing new is stored: %s", evidence);
		jsonw_str(out, NULL, text);
	}
	jsonw_close(out, ']');
	write_store(found, vouched_by, out);
	jsonw_str(out, "evidence", evidence);
	jsonw_close(out, '}');
	return ready;
}

static void on_readyz(const struct admin *a, struct evhttp_request *req)
{
	struct jsonw w = { 0 };
	const struct conf *conf = a->env->conf;
	unsigned workers = a->env->metrics_slot - CHILD_SLOT_ADMIN(0);
	bool ready = admin_ready_text(a->env->metrics, workers, conf->store_attested_by, conf->audit_max_lag_s, &w);
	size_t n;
	const char *text = jsonw_text(&w, &n);

	if (text == NULL)
		evhttp_send_error(req, HTTP_INTERNAL, NULL);
	else
		answer_text(req, ready ? HTTP_OK : HTTP_SERVUNAVAIL, ready ? "OK" : "Service Unavailable", "application/json", text);
	jsonw_free(&w);
}

static void on_metrics(const struct admin *a, struct evhttp_request *req)
{
	size_t n = metrics_prometheus(a->env->metrics, NULL, 0), cap = n + 1024; /* numbers may grow between the two calls */
	char *text = malloc(cap);

	if (text == NULL || metrics_prometheus(a->env->metrics, text, cap) >= cap)
		evhttp_send_error(req, HTTP_INTERNAL, NULL);
	else
		answer_text(req, HTTP_OK, "OK", "text/plain; version=0.0.4; charset=utf-8", text);
	free(text);
}

static void on_request(struct evhttp_request *req, void *ctx)
{
	static const struct {
		const char *path;
		page_fn *page;
	} pages[] = {
		{ "/healthz", on_healthz },
		{ "/readyz", on_readyz },
		{ "/metrics", on_metrics },
	};
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
	enum evhttp_cmd_type method = evhttp_request_get_command(req);
	size_t i;

	for (i = 0; i < sizeof pages / sizeof *pages && (path == NULL || strcmp(path, pages[i].path) != 0); i++)
		;
	if (i == sizeof pages / sizeof *pages) {
		answer_text(req, HTTP_NOTFOUND, "Not Found", "text/plain; charset=utf-8", "here are /healthz, /readyz and /metrics\n");
	} else if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
		evhttp_add_header(evhttp_request_get_output_headers(req), "Allow", "GET, HEAD");
		answer_text(req, HTTP_BADMETHOD, "Method Not Allowed", "text/plain; charset=utf-8", "GET and HEAD only\n");
	} else {
		pages[i].page(ctx, req);
	}
}

static void on_term(evutil_socket_t sig, short what, void *ctx)
{
	struct admin *a = ctx;

	(void)sig, (void)what;
	event_base_loopbreak(a->base);
}

static void on_hup(evutil_socket_t sig, short what, void *ctx)
{
	(void)sig, (void)what, (void)ctx; /* nothing of the configuration matters here */
}

static int start(struct admin *a)
{
	a->base = event_base_new();
	if (a->base == NULL || (a->http = evhttp_new(a->base)) == NULL)
		return -1;
	evhttp_set_max_headers_size(a->http, HEADERS_MAX_BYTES);
	evhttp_set_max_body_size(a->http, 0);
	evhttp_set_timeout(a->http, TIMEOUT_S);
	/* Every method comes to us, so that we answer 405 and say what is allowed. */
	evhttp_set_allowed_methods(a->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
	    EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(a->http, on_request, a);
	a->on_term = evsignal_new(a->base, SIGTERM, on_term, a);
	a->on_hup = evsignal_new(a->base, SIGHUP, on_hup, a);
	if (a->on_term == NULL || a->on_hup == NULL || event_add(a->on_term, NULL) != 0 || event_add(a->on_hup, NULL) != 0)
		return -1;
	return evhttp_accept_socket(a->http, a->env->listen_fd);
}

int admin_main(const struct child_env *env)
{
	struct admin a = { .env = env };
	int status = EXIT_FAILURE;

	if (start(&a) == 0)
		status = event_base_dispatch(a.base) >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	else
		log_error("admin", "cannot start: %s", strerror(errno));
	if (a.on_term != NULL)
		event_free(a.on_term);
	if (a.on_hup != NULL)
		event_free(a.on_hup);
	if (a.http != NULL)
		evhttp_free(a.http);
	if (a.base != NULL)
		event_base_free(a.base);
	return status;
}
