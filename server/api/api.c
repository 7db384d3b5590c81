/* api.c: see api.h. From a request's head to the call that answers it: peer, route, role. What a
 * call does is in the file that route.c names. Runs in workers. */
#include <stdio.h>
#include <stdlib.h>

#include <timeglas/errors.h>

#include "api/api.h"
#include "api/call.h"
#include "api/refused_reads.h"
#include "api/reply.h"
#include "api/route.h"
#include "api/upload_content.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/store.h"

static void write_lines(struct loop_task *t, void *ctx)
{
	(void)t, (void)ctx;
	log_flush();
}

static void resume_uploads(struct loop_task *t, void *ctx)
{
	(void)t;
	upload_content_resume(ctx);
}

struct api *api_new(struct loop *l, const struct conf *conf)
{
	struct api *a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	a->loop = l;
	a->conf = conf;
	TAILQ_INIT(&a->stalled);
	a->lines.run = write_lines;
	a->resume = (struct loop_task){.run = resume_uploads, .ctx = a};
	a->refused = refused_reads_new(a);
	if (a->refused == NULL) {
		free(a);
		return NULL;
	}
	return a;
}

void api_set_store(struct api *a, struct store *s)
{
	a->store = s;
}

void api_set_proofs(struct api *a, struct proof_ask *p)
{
	a->proofs = p;
}

void api_set_conf(struct api *a, const struct conf *conf)
{
	a->conf = conf;
}

void api_drain(struct api *a)
{
	a->draining = true;
}

bool api_end(struct api *a)
{
	return refused_reads_end(a->refused);
}

void api_free(struct api *a)
{
	if (a == NULL)
		return;
	loop_cancel(a->loop, &a->lines);
	loop_cancel(a->loop, &a->resume);
	refused_reads_free(a->refused);
	log_flush();
	free(a);
}

/* What http asks for ------------------------------------------------------- */

static void *on_peer(void *ctx, const uint8_t spki[32])
{
	const struct api *a = ctx;

	return (void *)(uintptr_t)conf_peer_by_spki(a->conf, spki);
}

static void refuse_route(struct httpd_req *r, int err, const char *allow)
{
	char fields[ROUTE_ALLOW_MAX + 16];

	switch (err) {
	case TG_EMETHOD:
		snprintf(fields, sizeof fields, "Allow: %s\r\n", allow);
		httpd_problem(httpd_req_reply(r), err,
			"this method is not served here; the Allow field lists those that are",
			fields, NULL);
		return;
	case TG_ENOTIMPL:
		httpd_problem(httpd_req_reply(r), err,
			"this method is not known here; GET, HEAD, POST and DELETE are", NULL,
			NULL);
		return;
	default:
		httpd_problem(httpd_req_reply(r), err,
			"there is no such path; the API is described in docs/openapi.yaml", NULL,
			NULL);
	}
}

static void refuse_role(
	struct httpd_req *r, const struct conf_peer *peer, const struct route *route)
{
	char detail[512], needed[64], has[64];

	snprintf(detail, sizeof detail,
		"%s is for the role %s; peer '%s', to whom this certificate belongs, is configured "
		"as %s: use another certificate, or have the operator add the role",
		route->label, conf_role_text(route->roles, needed), peer->name,
		conf_role_text(peer->roles, has));
	httpd_problem(httpd_req_reply(r), TG_EROLE, detail, NULL, NULL);
}

static void on_request(void *ctx, struct httpd_req *r)
{
	struct api *a = ctx;
	const struct h1_head *h = httpd_req_head(r);
	const struct conf_peer *peer = httpd_req_peer(r);
	const struct route *route = NULL;
	char id[CALL_ID_MAX + 1], allow[ROUTE_ALLOW_MAX];
	int err = route_find(h->method, h->path, &route, id, allow);

	if (err != 0) {
		refuse_route(r, err, allow);
		return;
	}
	httpd_req_label(r, route->label);
	if ((peer->roles & route->roles) == 0) {
		if (route->of_blob && id[0] != '\0')
			refused_reads_note(a->refused, id, peer->name, REFUSED_WRONG_ROLE);
		refuse_role(r, peer, route);
	} else if (route->id != ROUTE_NO_ID && id[0] == '\0')
		reply_error(r, TG_ENOENT, NULL);
	else if (h->has_query && !route->has_query)
		httpd_problem(
			httpd_req_reply(r), TG_EINVAL, "this call takes no query", NULL, NULL);
	else
		call_begin(a, r, &route->call, id);
}

static void on_log(void *ctx, struct httpd_req *r, int status, const char *slug, uint64_t in_bytes,
	uint64_t out_bytes, uint64_t duration_us)
{
	struct api *a = ctx;
	const struct conf_peer *peer = httpd_req_peer(r);
	const char *label = httpd_req_get_label(r);
	const struct log_request line = {
		.peer = peer != NULL ? peer->name : "-",
		.call = label != NULL ? label : "-",
		.request = httpd_req_id(r),
		.status = status,
		.problem = slug,
		.in_bytes = in_bytes,
		.out_bytes = out_bytes,
		.duration_us = duration_us,
	};

	if (status != 0) /* otherwise the client went away before it was answered */
		metrics_count(status < 400   ? M_REQUESTS_2XX :
				status < 500 ? M_REQUESTS_4XX :
					       M_REQUESTS_5XX,
			1);
	metrics_count(M_BYTES_IN, in_bytes);
	metrics_count(M_BYTES_OUT, out_bytes);
	metrics_observe_us(H_REQUEST_US, duration_us);
	/* Lines are collected, and written at the end of the turn. */
	if (log_request(&line))
		loop_defer(a->loop, &a->lines);
}

const struct httpd_calls api_calls = {
	.on_peer = on_peer,
	.on_request = on_request,
	.on_log = on_log,
	/* A handler that has not answered in time waits for the store: it waits for nothing else.
	 */
	.late_code = TG_ESTORE,
	.late_detail = "the store did not answer in time; whether the call took effect is not "
		       "known",
};

/* What the store asks for -------------------------------------------------- */

static void on_down(struct store *s, void *ctx)
{
	(void)s, (void)ctx;
	/* Each upload that waits learns from its own put that the store is gone. */
	upload_content_resume(ctx);
}

static void on_low(struct store *s, void *ctx)
{
	(void)s;
	upload_content_resume(ctx);
}

const struct store_calls api_store_calls = {.on_down = on_down, .on_low = on_low};
