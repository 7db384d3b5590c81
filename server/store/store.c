/*
 * store.c: the store's connection, its Function library, and the frame of every call. What the
 * calls do stands in functions/; the calls themselves are in the other store_*.c, one file a
 * subject. Runs in every process that has a store.
 *
 * After each connect the library's source in Redis is compared with ours and replaced when it
 * differs or is not there, before any call.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include "base/scoreboard.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/store_int.h"
#include "core/bug.h"
#include "store/attestation.h"

#define LIBRARY "timeglas_1"
#define BEAT_S 1
/* NOPERM, as Redis says it within a function */
#define DENIED_WITHIN "The user executing the script can't "
#define ABORTS_A_BEAT 8u

static void library_check(struct store *s);

/* Commands ----------------------------------------------------------------- */

void cmd_text(struct cmd *m, const char *text)
{
	if (m->argc >= STORE_ARGS_MAX)
		tg_bug("store", "a command of too many arguments");
	m->argv[m->argc] = text;
	m->len[m->argc++] = strlen(text);
}

/* A text made in scratch, of which so much is free, becomes the next argument. */
static void cmd_scratch(struct cmd *m, const struct text *t)
{
	if (t->at == t->end)
		tg_bug("store", "an argument does not fit into its command");
	cmd_text(m, t->begin);
	m->used += text_len(t) + 1;
}

void cmd_num(struct cmd *m, int64_t number)
{
	struct text t = text_in(m->scratch + m->used, sizeof m->scratch - m->used);

	text_num(&t, number);
	cmd_scratch(m, &t);
}

void cmd_fcall(struct cmd *m, const char *fn, unsigned shard)
{
	m->argc = 0;
	m->used = 0;
	cmd_text(m, "FCALL");
	cmd_text(m, fn);
	cmd_text(m, "1");
	store_key(m->key, shard, "dl", "");
	cmd_text(m, m->key);
}

int cmd_send(struct store *s, const struct cmd *m, rconn_cb *cb, void *ctx)
{
	return rconn_cmd(s->conn, cb, ctx, m->argc, m->argv, m->len);
}

int cmd_expect(struct store *s, const struct cmd *m, rconn_cb *cb, void *ctx)
{
	return rconn_expect(s->conn, cb, ctx, m->argc, m->argv, m->len);
}

/* Replies ------------------------------------------------------------------ */

#define EXECABORT_WHY " because of: "

static int redis_err(struct store *s, const char *text)
{
	static const char *const away[] = {"LOADING", "READONLY", "MASTERDOWN", "BUSY",
		"NOREPLICAS", "CLUSTERDOWN", "MISCONF", "NOAUTH", "NOPERM", "TRYAGAIN", "MOVED",
		"ASK", "ERR The user executing the script"};

	if (error_discarded(text)) {
		/* of its commands the one that was refused has said why, or EXEC says it */
		text = strstr(text, EXECABORT_WHY);
		if (text == NULL)
			return TG_ESTORE;
		text += sizeof EXECABORT_WHY - 1;
	}
	if (strncmp(text, "OOM", 3) == 0) {
		attestation_saw_full();
		return TG_EFULL;
	}
	if (strncmp(text, "ERR Function not found", 22) == 0) {
		log_warn("store-library", "the function library is gone: loading it again");
		library_check(s);
		return TG_ESTORE;
	}
	for (size_t i = 0; i < sizeof away / sizeof away[0]; i++)
		if (strncmp(text, away[i], strlen(away[i])) == 0 ||
			strstr(text, DENIED_WITHIN) != NULL) {
			log_warn("store-refused", "Redis refused a command: %.80s", text);
			return TG_ESTORE;
		}
	log_error("store-error", "Redis answered with an error: %.120s", text);
	return TG_EINTERNAL;
}

void store_hear(void *ctx, const redisReply *r)
{
	if (r != NULL)
		(void)store_err(ctx, r);
}

int store_err(struct store *s, const redisReply *r)
{
	if (r == NULL)
		return TG_ESTORE;
	if (r->type == REDIS_REPLY_ERROR)
		return redis_err(s, r->str);
	if (r->type == REDIS_REPLY_STRING && r->str[0] >= '0' && r->str[0] <= '9')
		return -(int)strtol(r->str, NULL, 10);
	r = reply_at(r, 0);
	/* of the function that answers with an array */
	if (r != NULL && r->type == REDIS_REPLY_INTEGER)
		return -(int)r->integer;
	return 0; /* a native command's */
}

/* Calls -------------------------------------------------------------------- */

struct call *call_new(
	struct store *s, void *user, void (*done)(struct call *, int, const redisReply *))
{
	struct call *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->store = s;
	c->user = user;
	c->done = done;
	c->began_us = clock_mono_us();
	LIST_INSERT_HEAD(&s->pending, c, link);
	return c;
}

static void call_destroy(struct call *c)
{
	if (c->state != NULL)
		c->state_free(c->state);
	free(c);
}

void call_drop(struct call *c)
{
	LIST_REMOVE(c, link);
	call_destroy(c);
}

static void on_reply(void *ctx, const redisReply *r)
{
	struct call *c = ctx;
	int err = store_err(c->store, r);

	metrics_observe_us(H_STORE_US, clock_mono_us() - c->began_us);
	/* Out of the list first: the callback may forget its ctx, or free the store. */
	LIST_REMOVE(c, link);
	c->done(c, err, r);
	call_destroy(c);
}

int call_send(struct call *c, const struct cmd *m)
{
	int rc = cmd_send(c->store, m, on_reply, c);

	if (rc != 0)
		call_drop(c);
	return rc;
}

void store_forget(struct store *s, const void *ctx)
{
	struct call *c, *next;

	for (c = LIST_FIRST(&s->pending); c != NULL; c = next) {
		next = LIST_NEXT(c, link);
		if (c->user != ctx)
			continue;
		if (c->duty != NULL) {
			c->user = NULL;
			c->done = c->duty;
			continue;
		}
		rconn_forget(s->conn, c);
		call_drop(c);
	}
}

/* The library -------------------------------------------------------------- */

static void library_failed(struct store *s, const redisReply *r)
{
	static const struct timeval second = {1, 0};

	s->loading = false;
	if (r == NULL)
		return; /* the connection broke: on_up comes again */
	log_error("store-library", "the function library cannot be loaded: %.120s",
		r->type == REDIS_REPLY_ERROR ? r->str : "unexpected answer");
	if (r->type == REDIS_REPLY_ERROR && s->calls.on_refused != NULL)
		s->calls.on_refused(s, r->str, s->ctx);
	event_add(s->again, &second);
}

static void set_clock(struct store *s, const redisReply *time)
{
	struct lines l = lines_of(time);

	s->skew_ms = lines_num(&l) - (int64_t)(clock_mono_us() / 1000);
	if (lines_num(&l) == 0)
		scoreboard_set_compared(false);
}

static void on_time(void *ctx, const redisReply *r)
{
	struct store *s = ctx;

	if (r == NULL || r->type != REDIS_REPLY_STRING) {
		library_failed(s, r);
		return;
	}
	s->loading = false;
	set_clock(s, r);
	rconn_set_ready(s->conn, true);
	store_aborts_send(s, STORE_ABORTS_MAX);
	if (s->up)
		return;
	s->up = true;
	metrics_gauge_set(G_STORE_UP, 1);
	log_info("store-up", "connected to the store");
	if (s->calls.on_up != NULL)
		s->calls.on_up(s, s->ctx);
}

static int ask_time(struct store *s, rconn_cb *cb)
{
	static const char *const argv[] = {"FCALL", "tg1_time", "0"};
	static const size_t len[] = {5, 8, 1};

	return rconn_cmd_early(s->conn, cb, s, 3, argv, len);
}

static void ask_first_time(struct store *s)
{
	if (ask_time(s, on_time) != 0)
		library_failed(s, NULL);
}

static void on_loaded(void *ctx, const redisReply *r)
{
	struct store *s = ctx;

	bool other = r != NULL && r->type == REDIS_REPLY_ERROR &&
		strstr(r->str, "already exists") != NULL;

	if (other) { /* another process was quicker: was it the same? */
		s->loading = false;
		library_check(s);
	} else if (r == NULL || r->type == REDIS_REPLY_ERROR) {
		library_failed(s, r);
	} else {
		ask_first_time(s);
	}
}

/* The answer to FUNCTION LIST is an array of libraries, each a flat list of names and values. */
static bool same_source(const redisReply *r)
{
	const redisReply *lib = reply_at(r, 0);

	if (lib == NULL || lib->type != REDIS_REPLY_ARRAY)
		return false;
	for (size_t i = 0; i + 1 < lib->elements; i += 2) {
		const redisReply *code = lib->element[i + 1];
		if (strcmp(reply_text(lib, i), "library_code") == 0 &&
			code->type == REDIS_REPLY_STRING)
			return (size_t)code->len == store_functions_lua_len &&
				memcmp(code->str, store_functions_lua, (size_t)code->len) == 0;
	}
	return false;
}

static void on_list(void *ctx, const redisReply *r)
{
	struct store *s = ctx;
	/* Without REPLACE where there is none: of all processes that find it missing one loads it.
	 * Each load makes reads wait for the recorder (server.lua). */
	const char *argv[] = {"FUNCTION", "LOAD", store_functions_lua, NULL};
	size_t len[] = {8, 4, store_functions_lua_len, 0};
	int argc = 3;

	if (r == NULL || r->type == REDIS_REPLY_ERROR) {
		library_failed(s, r);
	} else if (same_source(r)) {
		ask_first_time(s);
	} else {
		if (reply_at(r, 0) != NULL) {
			argv[2] = "REPLACE", len[2] = 7;
			argv[3] = store_functions_lua, len[3] = store_functions_lua_len;
			argc = 4;
		}
		log_info("store-library", "loading " LIBRARY);
		if (rconn_cmd_early(s->conn, on_loaded, s, argc, argv, len) != 0)
			library_failed(s, NULL);
	}
}

static void library_check(struct store *s)
{
	static const char *const argv[] = {"FUNCTION", "LIST", "LIBRARYNAME", LIBRARY, "WITHCODE"};
	static const size_t len[] = {8, 4, 11, sizeof LIBRARY - 1, 8};

	if (s->loading || !rconn_up(s->conn))
		return;
	s->loading = rconn_cmd_early(s->conn, on_list, s, 5, argv, len) == 0;
}

/* The connection ----------------------------------------------------------- */

static void on_up(struct rconn *c, void *ctx)
{
	struct store *s = ctx;

	(void)c;
	s->loading = false;
	library_check(s);
}

static void on_down(struct rconn *c, const char *why, void *ctx)
{
	struct store *s = ctx;

	(void)c;
	(void)why;
	s->loading = false;
	event_del(s->again);
	metrics_count(M_STORE_LOST, 1);
	metrics_gauge_set(G_STORE_UP, 0);
	metrics_gauge_set(G_STORE_QUEUE, 0);
	if (!s->up)
		return;
	s->up = false;
	if (s->calls.on_down != NULL)
		s->calls.on_down(s, s->ctx);
}

static void on_low(struct rconn *c, void *ctx)
{
	struct store *s = ctx;

	(void)c;
	if (s->calls.on_low != NULL)
		s->calls.on_low(s, s->ctx);
}

static void on_beat_time(void *ctx, const redisReply *r)
{
	struct store *s = ctx;

	if (r != NULL && store_err(s, r) == 0)
		set_clock(s, r);
}

/* The store's clock is somebody's wall clock: whoever goes by it asks now and then. Also while it
 * cannot be reached, the gauge says what is true. */
static void on_beat(evutil_socket_t fd, short what, void *ctx)
{
	struct store *s = ctx;

	(void)fd;
	(void)what;
	metrics_gauge_set(G_STORE_QUEUE, (int64_t)rconn_queued(s->conn));
	if (!s->up || s->loading)
		return;
	(void)ask_time(s, on_beat_time);
	store_aborts_send(s, ABORTS_A_BEAT);
}

static void on_again(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	library_check(ctx);
}

struct store *store_new(struct loop *l, const char *url, const struct store_calls *calls, void *ctx,
	char *err, size_t cap)
{
	static const struct rconn_calls conn_calls = {
		.on_up = on_up, .on_down = on_down, .on_low = on_low};
	static const struct store_calls none;
	struct store *s = calloc(1, sizeof *s);

	if (s == NULL) {
		snprintf(err, cap, "out of memory");
		return NULL;
	}
	LIST_INIT(&s->pending);
	TAILQ_INIT(&s->aborts_due);
	TAILQ_INIT(&s->aborts_sent);
	s->loop = l;
	s->calls = calls != NULL ? *calls : none;
	s->ctx = ctx;
	s->again = event_new(loop_base(l), -1, 0, on_again, s);
	s->beat = event_new(loop_base(l), -1, EV_PERSIST, on_beat, s);
	if (s->again == NULL || s->beat == NULL || event_add(s->beat, loop_timeout(l, BEAT_S)) != 0)
		snprintf(err, cap, "out of memory");
	else
		s->conn = rconn_new(l, url, &conn_calls, s, err, cap);
	if (s->conn == NULL) {
		store_free(s);
		return NULL;
	}
	return s;
}

void store_free(struct store *s)
{
	if (s == NULL)
		return;
	rconn_free(s->conn);
	for (struct call *c = LIST_FIRST(&s->pending), *next; c != NULL; c = next) {
		next = LIST_NEXT(c, link);
		call_destroy(c);
	}
	store_aborts_free(s);
	if (s->again != NULL)
		event_free(s->again);
	if (s->beat != NULL)
		event_free(s->beat);
	if (s->up)
		metrics_gauge_set(G_STORE_UP, 0);
	free(s);
}

bool store_up(const struct store *s)
{
	return s->up;
}

int64_t store_now_ms(const struct store *s)
{
	return (int64_t)(clock_mono_us() / 1000) + s->skew_ms;
}

bool store_busy(const struct store *s)
{
	return rconn_high(s->conn);
}
