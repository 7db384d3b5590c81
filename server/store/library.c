/*
 * library.c: compares the source of the Function library in Redis with this program's own
 * (functions/, in the order that the Makefile names), and loads it. Runs in every process that has
 * a store.
 */
#include <string.h>
#include <timeglas/errors.h>
#include "base/log.h"
#include "store/library.h"
#include "store/reply.h"
#include "store/state.h"

#define LIBRARY "timeglas_1"

/* Made at build from functions/ and schema.def. */
extern const char store_functions_lua[];
extern const unsigned store_functions_lua_len;

static void on_retry(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	library_check(ctx);
}

int library_new(struct store *s)
{
	s->library.retry = event_new(loop_base(s->loop), -1, 0, on_retry, s);
	return s->library.retry != NULL ? 0 : TG_ENOMEM;
}

void library_free(struct store *s)
{
	if (s->library.retry != NULL)
		event_free(s->library.retry);
}

void library_settled(struct store *s)
{
	s->library.checking = false;
}

void library_reset(struct store *s)
{
	s->library.checking = false;
	event_del(s->library.retry);
}

void library_failed(struct store *s, const redisReply *r)
{
	static const struct timeval second = {1, 0};

	s->library.checking = false;
	if (r == NULL)
		return; /* it is checked again after the next connect */
	log_error("store-library", "the function library cannot be loaded: %.120s",
		r->type == REDIS_REPLY_ERROR ? r->str : "unexpected answer");
	if (r->type == REDIS_REPLY_ERROR)
		s->library.on_failed(s, r->str);
	event_add(s->library.retry, &second);
}

static void on_loaded(void *ctx, const redisReply *r)
{
	struct store *s = ctx;

	bool exists = r != NULL && r->type == REDIS_REPLY_ERROR &&
		strstr(r->str, "already exists") != NULL;

	if (exists) { /* another process was quicker: was it the same library? */
		library_settled(s);
		library_check(s);
	} else if (r == NULL || r->type == REDIS_REPLY_ERROR) {
		library_failed(s, r);
	} else {
		s->library.on_loaded(s);
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
	/* Where there is none it is loaded without REPLACE, so of all processes that find it
	 * missing one loads it: each load makes reads wait for the recorder (server.lua). */
	const char *argv[] = {"FUNCTION", "LOAD", store_functions_lua, NULL};
	size_t len[] = {8, 4, store_functions_lua_len, 0};
	int argc = 3;

	if (r == NULL || r->type == REDIS_REPLY_ERROR) {
		library_failed(s, r);
	} else if (same_source(r)) {
		s->library.on_loaded(s);
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

void library_check(struct store *s)
{
	static const char *const argv[] = {"FUNCTION", "LIST", "LIBRARYNAME", LIBRARY, "WITHCODE"};
	static const size_t len[] = {8, 4, 11, sizeof LIBRARY - 1, 8};

	if (s->library.checking || !rconn_up(s->conn))
		return;
	s->library.checking = rconn_cmd_early(s->conn, on_list, s, 5, argv, len) == 0;
}
