/*
 * admin.c: the admin plane's documents: health, readiness and metrics for this machine's supervisor
 * and Prometheus. It changes nothing and asks the store nothing: what it says is in the shared
 * metrics. The connections are plane.c's. A process of its own.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>

#include "admin/admin.h"
#include "admin/plane.h"
#include "base/scoreboard.h"
#include "base/log.h"
#include "conf/conf.h"

struct admin {
	const struct child_env *env;
	struct loop *loop;
	struct plane *plane;
	struct event *on_term, *on_hup;
};

typedef void page_fn(const struct admin *a, struct plane_answer *out);

static void on_healthz(const struct admin *a, struct plane_answer *out)
{
	(void)a;
	plane_text(out, 200, "ok\n");
}

static void write_store(enum attest found, const char *vouched_by, struct jsonw *out)
{
	char text[256];

	snprintf(text, sizeof text, "%s%s%s%s",
		scoreboard_attest_ok(found) ? "" : "not attested: ", scoreboard_attest_text(found),
		found == ATTEST_VOUCHED ? ": " : "",
		found == ATTEST_VOUCHED && vouched_by != NULL ? vouched_by : "");
	jsonw_str(out, "store", text);
}

bool admin_ready_text(const struct metrics *m, unsigned workers, const char *vouched_by,
	unsigned max_lag_s, struct jsonw *out)
{
	enum attest found = scoreboard_attest();
	bool reaper = metrics_gauge_slot(m, CHILD_SLOT_REAPER(workers), G_STORE_UP) > 0,
	     draining = metrics_gauge(m, G_DRAINING) > 0;
	bool attested = scoreboard_attest_ok(found), ready;
	unsigned i, up = 0;
	bool late = scoreboard_evidence_late(max_lag_s);
	char reason[256], evidence[256], text[sizeof evidence + 96];

	scoreboard_evidence_text(evidence, sizeof evidence);
	for (i = 0; i < workers; i++)
		up += metrics_gauge_slot(m, CHILD_SLOT_WORKER(i), G_STORE_UP) > 0;
	ready = up == workers && reaper && attested && !draining && !late &&
		scoreboard_compared() && scoreboard_writes() == WRITES_TAKEN;
	jsonw_open(out, NULL, '{');
	jsonw_bool(out, "ready", ready);
	jsonw_open(out, "reasons", '[');
	if (draining)
		jsonw_str(out, NULL, "the server is shutting down");
	if (up < workers) {
		snprintf(reason, sizeof reason,
			"%u of %u workers are not running or cannot use the store", workers - up,
			workers);
		jsonw_str(out, NULL, reason);
	}
	if (!reaper)
		jsonw_str(out, NULL, "the reaper is not running or cannot use the store");
	if (!attested) {
		snprintf(reason, sizeof reason, "uploads are refused: %s",
			scoreboard_attest_text(found));
		jsonw_str(out, NULL, reason);
	}
	if (scoreboard_writes() != WRITES_TAKEN)
		jsonw_str(out, NULL, scoreboard_writes_text(scoreboard_writes()));
	if (late) {
		snprintf(text, sizeof text, "evidence is late, so nothing new is stored: %s",
			evidence);
		jsonw_str(out, NULL, text);
	}
	if (up == workers && !scoreboard_compared()) {
		snprintf(text, sizeof text,
			"reads are refused until the store has been compared with the evidence: %s",
			evidence);
		jsonw_str(out, NULL, text);
	}
	jsonw_close(out, ']');
	write_store(found, vouched_by, out);
	jsonw_str(out, "evidence", evidence);
	jsonw_close(out, '}');
	return ready;
}

static void on_readyz(const struct admin *a, struct plane_answer *out)
{
	struct jsonw w = {0};
	const struct conf *conf = a->env->conf;
	unsigned workers = a->env->metrics_slot - CHILD_SLOT_ADMIN(0);
	bool ready = admin_ready_text(
		a->env->metrics, workers, conf->store_attested_by, conf->audit_max_lag_s, &w);
	size_t n;
	const char *text = jsonw_text(&w, &n);

	plane_text(out, ready ? 200 : 503, text);
	out->type = "application/json";
	jsonw_free(&w);
}

static void on_metrics(const struct admin *a, struct plane_answer *out)
{
	/* numbers may grow between the two calls */
	size_t n = metrics_prometheus(a->env->metrics, NULL, 0), cap = n + 1024;

	out->type = "text/plain; version=0.0.4; charset=utf-8";
	out->body = malloc(cap);
	out->n = out->body != NULL ? metrics_prometheus(a->env->metrics, out->body, cap) : 0;
	if (out->n >= cap) {
		free(out->body);
		out->body = NULL;
	}
}

static void on_request(void *ctx, const struct h1_head *head, struct plane_answer *out)
{
	static const struct {
		const char *path;
		page_fn *page;
	} pages[] = {
		{"/healthz", on_healthz},
		{"/readyz", on_readyz},
		{"/metrics", on_metrics},
	};
	const struct h1_str path = head->path;
	size_t i;

	for (i = 0; i < sizeof pages / sizeof *pages; i++)
		if (path.n == strlen(pages[i].path) && memcmp(path.p, pages[i].path, path.n) == 0)
			break;
	if (i == sizeof pages / sizeof *pages) {
		plane_text(out, 404, "here are /healthz, /readyz and /metrics\n");
	} else if (head->method != H1_GET && head->method != H1_HEAD) {
		plane_text(out, 405, "GET and HEAD only\n");
		out->fields = "Allow: GET, HEAD\r\n";
	} else {
		pages[i].page(ctx, out);
	}
}

static void on_term(evutil_socket_t sig, short what, void *ctx)
{
	struct admin *a = ctx;

	(void)sig, (void)what;
	loop_stop(a->loop);
}

static void on_hup(evutil_socket_t sig, short what, void *ctx)
{
	(void)sig, (void)what, (void)ctx; /* nothing of the configuration matters here */
}

static int start(struct admin *a)
{
	a->loop = loop_new();
	if (a->loop == NULL)
		return -1;
	a->on_term = evsignal_new(loop_base(a->loop), SIGTERM, on_term, a);
	a->on_hup = evsignal_new(loop_base(a->loop), SIGHUP, on_hup, a);
	if (a->on_term == NULL || a->on_hup == NULL || event_add(a->on_term, NULL) != 0 ||
		event_add(a->on_hup, NULL) != 0)
		return -1;
	a->plane = plane_new(a->loop, a->env->listen_fd, on_request, a);
	return a->plane != NULL ? 0 : -1;
}

int admin_main(const struct child_env *env)
{
	struct admin a = {.env = env};
	int status = EXIT_FAILURE;

	if (start(&a) == 0)
		status = loop_run(a.loop) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	else
		log_error("admin", "cannot start: %s", strerror(errno));
	plane_free(a.plane);
	if (a.on_term != NULL)
		event_free(a.on_term);
	if (a.on_hup != NULL)
		event_free(a.on_hup);
	if (a.loop != NULL)
		loop_free(a.loop);
	return status;
}
