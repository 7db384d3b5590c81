/*
 * gen.c: see gen.h. Clients open their connections and put blobs until the number of live ones is
 * reached. Then they put and take by turns, first to warm up, then in the time that counts. At the
 * end the requests under way are waited for.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"
#include "gconn.h"
#include "gen.h"
#include "keys.h"
#include "pace.h"

#define PATIENCE_S 30 /* a run without any answer for so long is void */

enum phase { OPENING, FILLING, WARMING, MEASURING, DRAINING };

struct client {
	struct gen *g;
	struct gconn *up, *down;
	bool putting;  /* whether the request under way, or the last one, is a put */
	int64_t since; /* when it was sent or due */
	unsigned blob;
	char key[GEN_KEY_LEN];
	char take[BLOBS_HEAD_MAX]; /* the request, complete but for the key */
};

struct live {
	char key[GEN_KEY_LEN];
	unsigned blob;
};

struct gen {
	const struct gen_wire *wire;
	const struct gen_plan *plan;
	struct gen_result *result;
	struct blobs *blobs;
	struct event_base *base;
	struct event *phase_timer, *watchdog, *due_event;
	SSL_CTX *up_tls, *down_tls;
	enum phase phase;
	unsigned opened, busy, to_fill;
	uint64_t answers, answers_seen;
	int64_t began; /* when measuring began; 0: not yet */
	/* requests */
	unsigned char **put; /* one for each blob, complete but for the key */
	bool *in_put; /* for each blob: it is being sent, so its key must not be overwritten */
	size_t put_n, put_key, put_name, take_n, take_key;
	uint64_t drawn; /* the state that names are drawn from */
	unsigned next_blob;
	char name[GEN_KEY_LEN]; /* the last key that was chosen here */
	/* blobs that can be taken, oldest first */
	struct live *live;
	unsigned live_cap, live_first, live_n;
	/* with a rate */
	struct client **idle; /* in the order in which they became idle */
	unsigned idle_first, idle_n;
	uint64_t n_started;
	struct pace pace;
	struct client *client;
};

static void proceed(struct client *c, int64_t now);
static void pump(struct gen *g);

/* Makes the run void and ends it. The first reason is kept. */
__attribute__((format(printf, 2, 3))) static void spoil(struct gen *g, const char *fmt, ...)
{
	va_list ap;

	if (g->result->error[0] == '\0') {
		va_start(ap, fmt);
		vsnprintf(g->result->error, sizeof g->result->error, fmt, ap);
		va_end(ap);
	}
	event_base_loopbreak(g->base);
}

/* Requests ----------------------------------------------------------------- */

static unsigned fresh_blob(struct gen *g)
{
	do
		g->next_blob = (g->next_blob + 1) % blobs_count(g->blobs);
	while (g->in_put[g->next_blob]);
	return g->next_blob;
}

static void send_put(struct client *c)
{
	struct gen *g = c->g;

	c->blob = fresh_blob(g);
	g->in_put[c->blob] = true;
	if (!g->wire->names) {
		keys_next(g->name, sizeof g->name);
		memcpy(c->key, g->name, GEN_KEY_LEN);
		memcpy(g->put[c->blob] + g->put_key, c->key, GEN_KEY_LEN);
	}
	if (g->put_name != 0)
		keys_draw(&g->drawn, g->put[c->blob] + g->put_name);
	gconn_send(c->up, g->put[c->blob], g->put_n, NULL, 0);
}

static void send_take(struct client *c)
{
	struct gen *g = c->g;
	struct live *oldest = &g->live[g->live_first];

	if (g->live_n == 0) {
		spoil(g, "nothing was left to take");
		return;
	}
	g->live_first = (g->live_first + 1) % g->live_cap;
	g->live_n--;
	c->blob = oldest->blob;
	memcpy(c->take + g->take_key, oldest->key, GEN_KEY_LEN);
	gconn_send(c->down, c->take, g->take_n, blobs_at(g->blobs, c->blob), blobs_size(g->blobs));
}

static void start(struct client *c, bool putting, int64_t since)
{
	c->g->busy++;
	c->putting = putting;
	c->since = since;
	if (putting)
		send_put(c);
	else
		send_take(c);
}

static void count(struct gen *g, const struct client *c, int64_t now)
{
	struct gen_result *r = g->result;
	bool counts =
		g->plan->rate > 0 ? c->since >= g->began && g->began != 0 : g->phase == MEASURING;

	if (!counts)
		return;
	histogram_add(c->putting ? r->put : r->take, now - c->since);
	*(c->putting ? &r->puts : &r->takes) += 1;
}

static bool put_answered(struct client *c, int status, const char *content)
{
	struct gen *g = c->g;
	const char *at = status == g->wire->put_status ? strstr(content, g->wire->says) : NULL;
	struct live *new = &g->live[(g->live_first + g->live_n) % g->live_cap];

	g->in_put[c->blob] = false;
	if (at == NULL || (g->wire->names && strlen(at + strlen(g->wire->says)) < GEN_KEY_LEN)) {
		spoil(g, "a put was answered with %d: %.100s", status, content);
		return false;
	}
	memcpy(new->key, g->wire->names ? at + strlen(g->wire->says) : c->key, GEN_KEY_LEN);
	new->blob = c->blob;
	g->live_n++;
	return true;
}

static void on_answer(struct gconn *conn, int status, const char *content, size_t n, void *ctx)
{
	struct client *c = ctx;
	struct gen *g = c->g;
	int64_t now = bench_mono_ns();

	(void)conn;
	(void)n;
	if (c->putting && !put_answered(c, status, content))
		return;
	if (!c->putting && content != NULL) {
		spoil(g, "a take was answered with %d: %.100s", status, content);
		return;
	}
	g->busy--;
	g->answers++;
	if (g->plan->answers != NULL)
		++*g->plan->answers;
	count(g, c, now);
	proceed(c, now);
}

static void on_fail(struct gconn *conn, const char *why, void *ctx)
{
	struct client *c = ctx;

	(void)conn;
	spoil(c->g, "%s: %s",
		c->g->phase == OPENING ? "connecting" :
			c->putting     ? "a put" :
					 "a take",
		why);
}

/* Whose turn it is --------------------------------------------------------- */

/* Starts the requests that are due while clients are idle. Then sets the timer for the next one; an
 * answer calls pump(), too. */
static void pump(struct gen *g)
{
	int64_t now = bench_mono_ns(), next;

	while (g->idle_n > 0 && g->result->error[0] == '\0' &&
		(next = pace_due(&g->pace, g->n_started)) < g->pace.until_mono_ns) {
		struct client *c = g->idle[g->idle_first];

		if (next > now) {
			pace_wake(&g->pace, next);
			return;
		}
		g->idle_first = (g->idle_first + 1) % g->plan->clients;
		g->idle_n--;
		start(c, g->n_started++ % 2 == 0, next);
	}
	if (g->idle_n == 0) {
		uint64_t all = pace_count(&g->pace, now);

		if (all > g->n_started && all - g->n_started > g->result->backlog_max)
			g->result->backlog_max = all - g->n_started;
	}
}

static void on_due(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	pump(ctx);
}

static void wait_for(struct gen *g, double seconds)
{
	struct timeval tv = {.tv_sec = (time_t)seconds,
		.tv_usec = (suseconds_t)((seconds - (double)(time_t)seconds) * 1e6)};

	evtimer_add(g->phase_timer, &tv);
}

/* Half of the clients begin with a take, so that puts and takes are mixed from the start. */
static void begin_work(struct gen *g)
{
	int64_t now = bench_mono_ns();

	g->phase = WARMING;
	wait_for(g, g->plan->warm_s);
	g->pace.start_mono_ns = now;
	g->pace.until_mono_ns = INT64_MAX;
	for (unsigned i = 0; i < g->plan->clients; i++) {
		g->client[i].putting = i % 2 == 0;
		proceed(&g->client[i], now);
	}
}

/* Gives a client that has nothing under way its next request, if it is to have one. */
static void proceed(struct client *c, int64_t now)
{
	struct gen *g = c->g;

	if (g->result->error[0] != '\0')
		return;
	if (g->phase == FILLING && g->to_fill > 0) {
		g->to_fill--;
		start(c, true, now);
	} else if (g->phase == FILLING && g->busy == 0) {
		begin_work(g);
	} else if ((g->phase == WARMING || g->phase == MEASURING) && g->plan->rate <= 0) {
		start(c, !c->putting, now);
	} else if (g->phase >= WARMING && g->plan->rate > 0) {
		g->idle[(g->idle_first + g->idle_n++) % g->plan->clients] = c;
		pump(g);
	}
	if (g->phase == DRAINING && g->busy == 0)
		event_base_loopbreak(g->base);
}

static void on_phase(evutil_socket_t fd, short what, void *ctx)
{
	struct gen *g = ctx;
	int64_t now = bench_mono_ns();

	(void)fd;
	(void)what;
	/* On a very busy machine a short time may see no answer at all. Measure on then. */
	if (g->phase == MEASURING && g->plan->rate <= 0 &&
		g->result->puts + g->result->takes == 0) {
		wait_for(g, g->plan->measure_s);
		return;
	}
	if (g->plan->edge != NULL)
		g->plan->edge(g->plan->ctx, g->phase == MEASURING);
	if (g->phase == WARMING) {
		g->phase = MEASURING;
		g->began = now;
		wait_for(g, g->plan->measure_s);
		return;
	}
	g->phase = DRAINING;
	g->result->seconds = (double)(now - g->began) / 1e9;
	g->pace.until_mono_ns = now;
	if (g->plan->rate > 0)
		pump(g);
	if (g->busy == 0)
		event_base_loopbreak(g->base);
}

static void on_watchdog(evutil_socket_t fd, short what, void *ctx)
{
	struct gen *g = ctx;

	(void)fd;
	(void)what;
	if (g->answers == g->answers_seen)
		spoil(g, "nothing was answered for %d s", PATIENCE_S);
	g->answers_seen = g->answers;
}

static void on_open(struct gconn *conn, void *ctx)
{
	struct client *c = ctx;
	struct gen *g = c->g;
	int64_t now = bench_mono_ns();

	(void)conn;
	if (++g->opened < 2 * g->plan->clients)
		return;
	g->phase = FILLING;
	g->to_fill = g->plan->live;
	for (unsigned i = 0; i < g->plan->clients; i++)
		proceed(&g->client[i], now);
}

/* Setting up --------------------------------------------------------------- */

static size_t place_of(const char *stars, const char *head)
{
	const char *at = strstr(head, stars);

	return at != NULL ? (size_t)(at - head) : 0;
}

static void make_requests(struct gen *g)
{
	char head[BLOBS_HEAD_MAX];
	size_t size = blobs_size(g->blobs);
	int n = snprintf(head, sizeof head, "%sContent-Length: %zu\r\n\r\n", g->wire->put, size);

	for (unsigned i = 0; i < blobs_count(g->blobs); i++)
		g->put[i] = blobs_head(g->blobs, i, head, (size_t)n);
	g->put_n = (size_t)n + size;
	g->put_key = place_of(GEN_KEY, g->wire->put);
	g->put_name = place_of(GEN_NAME, g->wire->put);
	g->take_key = place_of(GEN_KEY, g->wire->take);
	g->drawn = (uint64_t)bench_mono_ns();
	memset(g->name, '0', sizeof g->name);
	if (g->plan->key != 0)
		g->name[0] = g->plan->key;
}

static void make_client(struct gen *g, struct client *c)
{
	static const struct gconn_calls calls = {
		.on_open = on_open, .on_answer = on_answer, .on_fail = on_fail};
	const struct gen_wire *w = g->wire;

	c->g = g;
	g->take_n =
		(size_t)snprintf(c->take, sizeof c->take, "%sContent-Length: 0\r\n\r\n", w->take);
	c->up = gconn_new(g->base, w->host, w->port, g->up_tls, &calls, c);
	c->down = gconn_new(g->base, w->host, w->port, g->down_tls, &calls, c);
	gconn_open(c->up);
	gconn_open(c->down);
}

static void make_timers(struct gen *g)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};

	g->phase_timer = evtimer_new(g->base, on_phase, g);
	g->watchdog = event_new(g->base, -1, EV_PERSIST, on_watchdog, g);
	pace_open(&g->pace, g->plan->rate);
	g->due_event = event_new(g->base, g->pace.fd, EV_READ | EV_ET | EV_PERSIST, on_due, g);
	if (g->phase_timer == NULL || g->watchdog == NULL || g->due_event == NULL ||
		event_add(g->watchdog, &patience) != 0 || event_add(g->due_event, NULL) != 0)
		bench_die("out of memory");
}

static void make(struct gen *g)
{
	const unsigned n = g->plan->clients;

	if (blobs_count(g->blobs) <= n || g->plan->live < n)
		bench_die("more blobs are needed for %u clients", n);
	g->base = event_base_new();
	if (g->base == NULL)
		bench_die("out of memory");
	if (g->wire->tls) {
		g->up_tls = gconn_tls(g->wire->ca, g->wire->up_cert, g->wire->up_key);
		g->down_tls = gconn_tls(g->wire->ca, g->wire->down_cert, g->wire->down_key);
	}
	g->put = bench_alloc(blobs_count(g->blobs), sizeof *g->put);
	g->in_put = bench_alloc(blobs_count(g->blobs), sizeof *g->in_put);
	g->live_cap = g->plan->live + 2 * n;
	g->live = bench_alloc(g->live_cap, sizeof *g->live);
	g->idle = bench_alloc(n, sizeof(struct client *));
	g->client = bench_alloc(n, sizeof *g->client);
	make_requests(g);
	make_timers(g);
	for (unsigned i = 0; i < n; i++)
		make_client(g, &g->client[i]);
}

static void unmake(struct gen *g)
{
	for (unsigned i = 0; i < g->plan->clients; i++) {
		gconn_free(g->client[i].up);
		gconn_free(g->client[i].down);
	}
	event_free(g->phase_timer);
	event_free(g->watchdog);
	event_free(g->due_event);
	pace_close(&g->pace);
	event_base_free(g->base);
	SSL_CTX_free(g->up_tls);
	SSL_CTX_free(g->down_tls);
	free(g->put);
	free(g->in_put);
	free(g->live);
	free(g->idle);
	free(g->client);
}

void gen_run(
	const struct gen_wire *w, const struct gen_plan *p, struct blobs *b, struct gen_result *r)
{
	struct gen g = {.wire = w, .plan = p, .result = r, .blobs = b};

	memset(r, 0, sizeof *r);
	r->put = histogram_new();
	r->take = histogram_new();
	make(&g);
	if (event_base_dispatch(g.base) < 0)
		bench_die("the event loop failed");
	unmake(&g);
}

void gen_result_free(struct gen_result *r)
{
	histogram_free(r->put);
	histogram_free(r->take);
	memset(r, 0, sizeof *r);
}
