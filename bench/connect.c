/*
 * connect.c: timeglas-bench connect: new connections a second. Each client makes a full mutual TLS
 * 1.3 handshake, sends one request with a tiny answer, disconnects, and begins again. The peer is
 * nginx, whose answer is a constant.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "args.h"
#include "bench.h"
#include "commands.h"
#include "compare_main.h"
#include "gconn.h"

struct herd {
	struct event_base *base;
	struct gconn *conn[128];
	char request[256];
	size_t request_n;
	bool counting;
	uint64_t done;
	struct sample *out;
};

static void on_open(struct gconn *c, void *ctx)
{
	struct herd *h = ctx;

	gconn_send(c, h->request, h->request_n, NULL, 0);
}

static void on_answer(struct gconn *c, int status, const char *content, size_t n, void *ctx)
{
	struct herd *h = ctx;

	(void)n;
	if (status != 200) {
		snprintf(h->out->error, sizeof h->out->error, "answered with %d: %.100s", status,
			content);
		event_base_loopbreak(h->base);
		return;
	}
	h->done += h->counting;
	gconn_close(c);
	gconn_open(c);
}

static void on_fail(struct gconn *c, const char *why, void *ctx)
{
	struct herd *h = ctx;

	(void)c;
	snprintf(h->out->error, sizeof h->out->error, "%.200s", why);
	event_base_loopbreak(h->base);
}

static void run_for(struct herd *h, double seconds)
{
	const struct timeval tv = {.tv_sec = (time_t)seconds,
		.tv_usec = (suseconds_t)((seconds - (double)(time_t)seconds) * 1e6)};

	event_base_loopexit(h->base, &tv);
	if (h->out->error[0] == '\0' && event_base_dispatch(h->base) < 0)
		bench_die("the event loop failed");
}

static void count(struct herd *h, struct system *s, double seconds)
{
	struct cpu_times before, after, spent;
	int64_t began = bench_mono_ns();

	cpu_read(&s->cpu, &before);
	h->counting = true;
	run_for(h, seconds);
	h->out->seconds = (double)(bench_mono_ns() - began) / 1e9;
	cpu_read(&s->cpu, &after);
	spent = cpu_since(&before, &after);
	h->out->requests = (double)h->done;
	sample_derive(h->out, &spent);
	if (h->out->error[0] == '\0' && h->done == 0)
		snprintf(h->out->error, sizeof h->out->error, "no connection was made in %g s",
			seconds);
}

static void connect_measure(const struct compare_cell *cell, struct sample *out)
{
	static const struct gconn_calls calls = {
		.on_open = on_open, .on_answer = on_answer, .on_fail = on_fail};
	const struct gen_plan *p = &cell->plan;
	struct system *s = cell->system;
	struct herd h = {.base = event_base_new(), .out = out};
	SSL_CTX *tls = gconn_tls(s->wire.ca, s->wire.up_cert, s->wire.up_key);

	memset(out, 0, sizeof *out);
	if (h.base == NULL)
		bench_die("out of memory");
	h.request_n = (size_t)snprintf(h.request, sizeof h.request,
		"GET %s HTTP/1.1\r\nHost: %s:%u\r\n\r\n",
		s->kind == SYSTEM_TIMEGLAS ? "/v1/policy" : "/ping", s->wire.host, s->wire.port);
	for (unsigned i = 0; i < p->clients; i++) {
		h.conn[i] = gconn_new(h.base, s->wire.host, s->wire.port, tls, &calls, &h);
		gconn_from(h.conn[i], i + 1);
		gconn_open(h.conn[i]);
	}
	run_for(&h, p->warm_s);
	count(&h, s, p->measure_s);
	for (unsigned i = 0; i < p->clients; i++)
		gconn_free(h.conn[i]);
	event_base_free(h.base);
	SSL_CTX_free(tls);
}

int connect_main(int argc, char **argv, const char *dir)
{
	static const struct compare_cli cli = {
		.usage = "  --before FILE     beside timeglas: another build's timeglasd, and "
			 "nobody else\n"
			 "  --workers N       of each server (1)\n",
		.own = {{"before", compare_before}, {"workers", compare_workers}},
		.sizeless = true,
		.plotless = true};
	struct compare c = {
		.name = "connect",
		.versus = "timeglas : it",
		.unit = "connections",
		.measure = connect_measure,
		.n_sizes = 1,
		.rounds = 5,
		.variant = {{.kind = SYSTEM_TIMEGLAS, .workers = 1, .label = "timeglas"},
			{.kind = SYSTEM_NGINX, .workers = 1, .label = "nginx"}},
		.n_variants = 2,
		.gen = {.clients = 32, .warm_s = 1, .measure_s = 4},
	};

	if (system_missing(SYSTEM_NGINX) != NULL) {
		bench_say("nginx is left out: the package %s is not installed (make deps)",
			system_missing(SYSTEM_NGINX));
		c.n_variants = 1;
	}
	return compare_main(&c, &cli, argc, argv, dir);
}
