/*
 * functions_fixture.h: calls of the Function library as any program may make them, in shard 05 of a
 * private Redis with nothing but the library in it, which is checked for its steps (step_check.h).
 */
#ifndef TEST_FUNCTIONS_FIXTURE_H
#define TEST_FUNCTIONS_FIXTURE_H

#include "redis_server.h"
#include <timeglas/errors.h>
#include "step_check.h"

#define DL "tg:{05}:dl"
#define NET_MS STORE_NET_MS

static struct redis_server redis;

/* An answer's line, or a field of one: what stands there as text, as a number, and in parts. */
struct item {
	char *str;
	long long integer;
	size_t elements;
	struct item *element[128];
};
static struct item *last; /* the last function's answer: its lines are its elements */

static inline void item_free(struct item *i)
{
	if (i == NULL)
		return;
	for (size_t k = 0; k < i->elements; k++)
		item_free(i->element[k]);
	free(i->str);
	free(i);
}

/* separators: of the parts, of the parts' parts, … */
static inline struct item *item_new(const char *text, const char *separators)
{
	struct item *i = calloc(1, sizeof *i);
	char *part, *rest;

	assert_non_null(i);
	i->str = strdup(text);
	i->integer = atoll(text);
	if (*separators == '\0')
		return i;
	char *const copy = strdup(text);
	const char separator[] = {*separators, '\0'};
	for (rest = copy; (part = strsep(&rest, separator)) != NULL;) {
		assert_true(i->elements < sizeof i->element / sizeof *i->element);
		i->element[i->elements++] = item_new(part, separators + 1);
	}
	free(copy);
	return i;
}

static inline int setup(void **state)
{
	(void)state;
	redis_server_start(&redis);
	char *const library = step_checked_library();
	redisReply *r = redis_server_do(&redis, "FUNCTION LOAD %s", library);
	assert_int_equal(r->type, REDIS_REPLY_STRING);
	freeReplyObject(r);
	free(library);
	redis_server_compared(&redis);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	item_free(last);
	last = NULL;
	redis_server_stop(&redis);
	return 0;
}

/* Calls a function; returns its code as TG_E… or 0. Arguments: a format for the words after the
 * key. */
static inline int fcall(const char *name, const char *fmt, ...)
{
	char whole[256];
	redisReply *r;
	va_list ap;

	item_free(last);
	last = NULL;
	snprintf(whole, sizeof whole, "FCALL tg2_%s 1 " DL " %s", name, fmt);
	va_start(ap, fmt);
	r = redisvCommand(redis.c, whole, ap);
	va_end(ap);
	assert_non_null(r);
	if (r->type == REDIS_REPLY_ERROR)
		fail_msg("%s: %s", name, r->str);
	assert_int_equal(r->type, REDIS_REPLY_STRING);
	last = item_new(r->str, "\n\t");
	freeReplyObject(r);
	return -(int)last->element[0]->integer;
}

/* How many of a stored record's fields say something; names: one letter for each field, '.' for
 * those that do not count. */
static inline int said(const char *key, const char *which)
{
	redisReply *r = redis_server_do(&redis, "GET %s", key);
	int n = 0;

	assert_int_equal(r->type, REDIS_REPLY_STRING);
	for (char *at = r->str; at != NULL && *which != '\0'; which++) {
		size_t len = strcspn(at, "\t\n");
		n += *which != '.' && len > 0;
		at = at[len] != '\0' ? at + len + 1 : NULL;
	}
	freeReplyObject(r);
	return n;
}

static inline const char *field(int record, int i)
{
	return last->element[record]->element[i]->str;
}

static inline long long now_ms(void)
{
	redisReply *r = redis_server_do(&redis, "TIME");
	long long ms = atoll(r->element[0]->str) * 1000 + atoll(r->element[1]->str) / 1000;

	freeReplyObject(r);
	return ms;
}

/* What the newest event says of a field; static storage. */
static inline const char *newest(const char *name)
{
	static char out[64];
	redisReply *r = redis_server_do(&redis, "XREVRANGE tg:{05}:out + - COUNT 1");
	struct item *event;

	assert_int_equal(r->elements, 1);
	event = item_new(r->element[0]->element[1]->element[1]->str, "\t");
	strcpy(out, "(none)");
	for (size_t i = 0; i + 1 < event->elements; i += 2)
		if (strcmp(event->element[i]->str, name) == 0)
			snprintf(out, sizeof out, "%s", event->element[i + 1]->str);
	item_free(event);
	freeReplyObject(r);
	return out;
}

static inline long long number_at(const char *fmt, const char *arg)
{
	redisReply *r = redis_server_do(&redis, fmt, arg);
	long long n = r->type == REDIS_REPLY_STRING ? atoll(r->str) :
		r->type == REDIS_REPLY_INTEGER      ? r->integer :
						      -1;

	freeReplyObject(r);
	return n;
}

/* What stands in the deadline index for this: more than its name where record and chunk are one
 * string. Static storage. */
static inline const char *entry(const char *name)
{
	static char out[256];
	redisReply *r = redis_server_do(&redis, "ZRANGE " DL " 0 -1");
	size_t n = strlen(name);

	snprintf(out, sizeof out, "%s", name);
	for (size_t i = 0; i < r->elements; i++)
		if (strncmp(r->element[i]->str, name, n) == 0 && r->element[i]->str[n] == '\t')
			snprintf(out, sizeof out, "%s", r->element[i]->str);
	freeReplyObject(r);
	return out;
}

static inline long long score(const char *name)
{
	return number_at("ZSCORE " DL " %s", entry(name));
}

/* It is due. */
static inline void make_due(const char *name)
{
	redis_server_run_cmd(&redis, "ZADD " DL " 1 %s", entry(name));
}

static inline long long chunks_left(void)
{
	return (long long)redis_server_chunks(&redis, "*");
}

static inline void chunk(const char *id, int n, const char *bytes)
{
	redis_server_run_cmd(&redis, "SET tg:{05}:c:%s:%d %s PX 100000", id, n, bytes);
}

static inline void only_chunk(const char *id, const char *bytes)
{
	redis_server_only_chunk(&redis, "05", id, bytes, strlen(bytes));
}

static inline int session(const char *sid, long idle_ms, long length_ms)
{
	return fcall("session_open", "%s up %s %ld %ld", sid, "", idle_ms, length_ms);
}

static inline int commit(
	const char *id, const char *sid, int bound, int n, int size, long ttl_ms, long age_ms)
{
	return fcall("commit", "%s up %s %s %d %d %d %ld %ld %s %s %d", id, " v w ", sid, bound, n,
		size, ttl_ms, age_ms, "tag passport 1", "DNK -", n > 1);
}

/* A live blob of five bytes a chunk. */
static inline void blob(const char *id, const char *sid, int bound, int n, long ttl_ms)
{
	if (n > 1)
		assert_int_equal(fcall("stage", "%s up %s %d 1 %d 60000 %s", id, sid, bound, n,
					 "- passport 1"),
			0);
	for (int i = 0; i < n && n > 1; i++)
		chunk(id, i, "bytes");
	if (n == 1)
		only_chunk(id, "bytes");
	assert_int_equal(commit(id, sid, bound, n, 5 * n, ttl_ms, 0), 0);
}

static inline int reap(int max)
{
	assert_int_equal(fcall("reap", "%d", max), 0);
	return (int)last->element[2]->integer;
}

static inline void sleep_until(long long ms)
{
	while (now_ms() < ms)
		usleep(1000);
}

/* Until a time that no sleep would meet. */
static inline void spin_until_us(long long us)
{
	struct timespec t;

	do
		clock_gettime(CLOCK_REALTIME, &t);
	while (t.tv_sec * 1000000LL + t.tv_nsec / 1000 < us);
}

/* How many events of the outbox begin so. */
static inline int count_events(const char *text)
{
	redisReply *r = redis_server_do(&redis, "XRANGE tg:{05}:out - +");
	int n = 0;

	for (size_t i = 0; i < r->elements; i++)
		n += strncmp(r->element[i]->element[1]->element[1]->str, text, strlen(text)) == 0;
	freeReplyObject(r);
	return n;
}

#define LARGE_CHUNK 327000 /* bytes */
#define SLICE (16 << 20)   /* what one call erases at most, or a chunk more: functions/base.lua */

/* Writes the first n chunks of an upload, each of LARGE_CHUNK bytes. */
static inline void large_chunks(const char *id, int n)
{
	static char bytes[LARGE_CHUNK];

	memset(bytes, 'x', sizeof bytes);
	for (int i = 0; i < n; i++)
		redis_server_run_cmd(
			&redis, "SET tg:{05}:c:%s:%d %b PX 100000", id, i, bytes, sizeof bytes);
}

/* Reaps with every deadline in the past, until the index is empty. */
static inline void end_everything(void)
{
	for (int turns = 0; turns < 40; turns++) {
		redisReply *r = redis_server_do(&redis, "ZRANGE " DL " 0 -1");
		size_t n = r->elements;
		for (size_t i = 0; i < n; i++)
			redis_server_run_cmd(&redis, "ZADD " DL " 1 %s", r->element[i]->str);
		freeReplyObject(r);
		if (n == 0)
			return;
		reap(64);
	}
	fail_msg("something is never ended");
}

/* Calls a function by its whole name, with n - 1 arguments, whatever Redis says: the call may fail
 * in its middle. */
static inline void try_call(const char *const words[], int n)
{
	const char *argv[24] = {"FCALL", words[0], "1", DL};

	for (int i = 1; i < n; i++)
		argv[3 + i] = words[i];
	freeReplyObject(redisCommandArgv(redis.c, 3 + n, argv, NULL));
}

/* Calls it `times` times while Redis refuses the command, and reaps behind each. */
static inline void call_while_denied(
	const char *command, const char *const words[], int n, int times)
{
	static const char *const reap_all[] = {"tg2_reap", "64"};

	redis_server_run_cmd(&redis, "ACL SETUSER default -%s", command);
	for (int i = 0; i < times; i++) {
		try_call(words, n);
		try_call(reap_all, 2);
	}
	redis_server_run_cmd(&redis, "ACL SETUSER default +%s", command);
}

/* What Redis's own expiry does to a blob of one chunk when no reaper comes in time. */
static inline void expire_unseen(const char *id)
{
	redis_server_run_cmd(&redis, "DEL tg:{05}:b:%s", id);
}

/* Loads the library anew: another life of this Redis, or one whose steps are not checked. */
static inline void load_unchecked_library(void)
{
	redis_server_run_cmd(&redis, "FUNCTION LOAD REPLACE %b", store_functions_lua,
		(size_t)store_functions_lua_len);
}

/* Digests of an uploader's content, for names that uploaders choose: first half, length, rest. */
#define HEAD_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEAD_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define LENGTH "1111111111111111"
#define DIGEST "dddddddddddddddd"
#define UNKNOWN "----------------"
#define SAME HEAD_A LENGTH DIGEST

/* attempt: NAME:TAG. f: of the content. ref: of its events. */
static inline int commit_under_name(const char *attempt, const char *uploader, const char *sid,
	int n, long size, const char *f, const char *ref)
{
	char d[40];

	snprintf(d, sizeof d, "%s passport 0", ref);
	return fcall("commit", "%s %s %s %s %d %d %ld 100000 0 %s %s %s %s", attempt, uploader,
		" v ", sid, sid[0] != '\0', n, size, d, "DNK -", n > 1 ? "1" : "0", f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
