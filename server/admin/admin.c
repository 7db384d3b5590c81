/*
 * admin.c: the admin process: it serves health, readiness and metrics to this machine's supervisor
 * and to Prometheus. It changes nothing and asks the store nothing: it reads the shared metrics and
 * the scoreboard. plane.c serves the connections.
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
#include "admin/ready.h"
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

static void on_readyz(const struct admin *a, struct plane_answer *out)
{
	struct jsonw w = {0};
	unsigned workers = a->env->metrics_slot - CHILD_SLOT_ADMIN(0);
	bool ready = ready_text(a->env->metrics, workers, a->env->conf, &w);
	size_t n;
	const char *text = jsonw_text(&w, &n);

	plane_text(out, ready ? 200 : 503, text);
	out->type = "application/json";
	jsonw_free(&w);
}

static void on_metrics(const struct admin *a, struct plane_answer *out)
{
	/* numbers may get more digits between the two calls */
	size_t n = metrics_prometheus(a->env->metrics, NULL, 0), cap = n + 1024;

	out->type = "text/plain; version=0.0.4; charset=utf-8";
	out->body = malloc(cap);
	out->n = out->body != NULL ? metrics_prometheus(a->env->metrics, out->body, cap) : 0;
	if (out->n >= cap) {
		free(out->body);
		out->body = NULL;
	}
}

static void on_request(void *ctx, const struct h1_head *head, const struct h1_str *content,
	struct plane_answer *out)
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

	(void)content;
	for (i = 0; i < sizeof pages / sizeof *pages; i++)
		if (path.n == strlen(pages[i].path) && memcmp(path.p, pages[i].path, path.n) == 0)
			break;
	if (i == sizeof pages / sizeof *pages) {
		plane_text(out, 404, "this address serves /healthz, /readyz and /metrics\n");
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
	(void)sig, (void)what, (void)ctx; /* a reload changes nothing here */
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
	a->plane = plane_new(a->loop, a->env->listen_fd, &(struct plane_opts){0}, on_request, a);
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
