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

#define LIBRARY "timeglas_2"
#define LIBRARIES "timeglas_*" /* of all versions */

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
		return; /* store.c checks after the next connect */
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

	if (exists) { /* another process has loaded one meanwhile: it is compared */
		library_settled(s);
		library_check(s);
	} else if (r == NULL || r->type == REDIS_REPLY_ERROR) {
		library_failed(s, r);
	} else {
		s->library.on_loaded(s);
	}
}

/* The value under this name in a library's entry: a flat list of names and values. */
static const redisReply *value_of(const redisReply *library, const char *name)
{
	for (size_t i = 0; library != NULL && i + 1 < library->elements; i += 2)
		if (strcmp(reply_text(library, i), name) == 0)
			return library->element[i + 1];
	return NULL;
}

static bool is_named(const redisReply *library)
{
	const redisReply *name = value_of(library, "library_name");

	return name != NULL && name->type == REDIS_REPLY_STRING && strcmp(name->str, LIBRARY) == 0;
}

/* Returns one of the libraries that FUNCTION LIST answers with: this version's own, or the first of
 * another version; NULL: there is none. */
static const redisReply *library_in(const redisReply *r, bool ours)
{
	const redisReply *library;

	for (size_t i = 0; (library = reply_at(r, i)) != NULL; i++)
		if (library->type == REDIS_REPLY_ARRAY && is_named(library) == ours)
			return library;
	return NULL;
}

static bool same_source(const redisReply *library)
{
	const redisReply *code = value_of(library, "library_code");

	return code != NULL && code->type == REDIS_REPLY_STRING &&
		(size_t)code->len == store_functions_lua_len &&
		memcmp(code->str, store_functions_lua, (size_t)code->len) == 0;
}

/*
 * A store that another version uses, or has used, is left alone: the two would not understand each
 * other's records, and what that version stored would be lost.
 */
static void refuse_other_version(struct store *s)
{
	static const struct timeval second = {1, 0};
	static const char why[] =
		"another version of timeglas uses this Redis: end its servers, empty "
		"the Redis (FLUSHALL) and delete its library (FUNCTION FLUSH), or "
		"give this version a Redis of its own";

	s->library.checking = false;
	log_error("store-library", "%s", why);
	s->library.on_failed(s, why);
	event_add(s->library.retry, &second);
}

static void on_list(void *ctx, const redisReply *r)
{
	struct store *s = ctx;
	/* Where there is none it is loaded without REPLACE. So only one of the processes that find
	 * it missing loads it: each load makes reads wait for the recorder (server.lua). */
	const char *argv[] = {"FUNCTION", "LOAD", store_functions_lua, NULL};
	size_t len[] = {8, 4, store_functions_lua_len, 0};
	int argc = 3;

	if (r == NULL || r->type == REDIS_REPLY_ERROR) {
		library_failed(s, r);
	} else if (library_in(r, false) != NULL) {
		refuse_other_version(s);
	} else if (same_source(library_in(r, true))) {
		s->library.on_loaded(s);
	} else {
		if (library_in(r, true) != NULL) {
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
	static const char *const argv[] = {
		"FUNCTION", "LIST", "LIBRARYNAME", LIBRARIES, "WITHCODE"};
	static const size_t len[] = {8, 4, 11, sizeof LIBRARIES - 1, 8};

	if (s->library.checking || !rconn_up(s->conn))
		return;
	s->library.checking = rconn_cmd_early(s->conn, on_list, s, 5, argv, len) == 0;
}
