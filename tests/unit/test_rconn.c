/*
 * Goal: the scanner finds the end of every reply however it is cut, and a connection answers each
 * command once and in order: against a real Redis, and against a peer that misbehaves.
 */
#include <sys/socket.h>
#include <sys/un.h>
#include "redis_server.h"
#include <timeglas/errors.h>
#include "base/clock.h"
#include "redis/rconn.h"
#include "redis/resp.h"

/* The scanner -------------------------------------------------------------- */

/* Feeds text cut into pieces of n bytes, as rconn does; returns how many replies it saw, or -1.
 * fetched: bytes moved past the reader. */
static int scan(const char *text, size_t len, size_t n, bool fetch, size_t *fetched)
{
	struct resp_scan s = {0};
	size_t at = 0, have = 0;
	int replies = 0;

	*fetched = 0;
	while (at < len) {
		size_t used = 0;
		/* what has arrived and is not consumed */
		have = have + n > len - at ? len - at : have + n;
		switch (resp_scan(&s, text + at, have, fetch, &used)) {
		case RESP_BAD:
			return -1;
		case RESP_WAIT:
			if (have == len - at)
				return replies;
			continue;
		case RESP_BODY:
			used = s.left < have ? s.left : have;
			s.left -= used;
			*fetched += used;
			break;
		case RESP_BODY_END:
		case RESP_REPLY:
			replies++;
			break;
		case RESP_FEED:
		case RESP_SKIP:
			break;
		}
		assert_true(used <= have);
		if (used == 0 && s.left == 0)
			have += n; /* an empty bulk's body takes nothing: go on */
		at += used;
		have -= used;
	}
	return replies;
}

static void resp_scan_cut_anywhere_counts_the_same(void **state)
{
	static const char text[] =
		"+OK\r\n$-1\r\n:12\r\n$5\r\nhe\r\no\r\n*0\r\n*-1\r\n-ERR "
		"x\r\n$0\r\n\r\n*3\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n+s\r\n$3\r\nend\r\n";

	(void)state;
	for (size_t n = 1; n < sizeof text; n++) {
		size_t fetched;
		assert_int_equal(scan(text, sizeof text - 1, n, false, &fetched), 10);
		assert_int_equal(fetched, 0);
		assert_int_equal(scan(text, sizeof text - 1, n, true, &fetched), 10);
		assert_int_equal(fetched, 8); /* the bulks at the top: 5, 0 and 3 bytes */
	}
}

static void resp_scan_malformed_is_refused(void **state)
{
	static const char *const bad[] = {"?\r\n", "$x\r\n", "$\r\n\r\n", "$-2\r\n", "$5\nhello",
		"$1\rx\n", "*-3\r\n", "$99999999999\r\n", "$524289\r\n", "*x\r\n",
		"$00000000000000000000", "*1\r\n$524289\r\n"};
	size_t fetched;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(scan(bad[i], strlen(bad[i]), 64, false, &fetched), -1);
		assert_int_equal(scan(bad[i], strlen(bad[i]), 64, true, &fetched), -1);
	}
	/* a body that does not end where it said */
	assert_int_equal(scan("$3\r\nabcXX", 9, 64, true, &fetched), -1);
}

static void resp_write_set_encodes_exactly(void **state)
{
	struct evbuffer *out = evbuffer_new(), *value = evbuffer_new();
	static const char expect[] = "*5\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nva\r\nl\r\n$"
				     "2\r\nPX\r\n$5\r\n60000\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n";
	const char *argv[] = {"GET", ""};
	size_t len[] = {3, 0};

	(void)state;
	evbuffer_add(value, "va\r\nl", 5);
	assert_int_equal(resp_write_set(out, "key", 3, value, 60000), 0);
	assert_int_equal(evbuffer_get_length(value), 0);
	assert_int_equal(resp_write(out, 2, argv, len), 0);
	assert_int_equal(evbuffer_get_length(out), sizeof expect - 1);
	assert_memory_equal(evbuffer_pullup(out, -1), expect, sizeof expect - 1);
	evbuffer_free(out);
	evbuffer_free(value);
}

/* The connection ----------------------------------------------------------- */

struct world {
	struct redis_server redis;
	struct loop *loop;
	struct rconn *conn;
	int ups, downs, lows;
	char why[64];
	int answers, broken;
	long got;
	char text[64];
	struct evbuffer *sink;
	int stop_at; /* answers */
	int listener, peer;
	struct event *accepting;
	struct sockaddr_un where;
};

static void on_up(struct rconn *c, void *ctx)
{
	struct world *w = ctx;

	w->ups++;
	rconn_set_ready(c, true);
	loop_stop(w->loop);
}

static void on_down(struct rconn *c, const char *why, void *ctx)
{
	struct world *w = ctx;

	(void)c;
	w->downs++;
	snprintf(w->why, sizeof w->why, "%s", why);
	loop_stop(w->loop);
}

static void on_low(struct rconn *c, void *ctx)
{
	struct world *w = ctx;

	(void)c;
	w->lows++;
	loop_stop(w->loop);
}

static const struct rconn_calls calls = {on_up, on_down, on_low};

static void answered(struct world *w)
{
	if (++w->answers == w->stop_at)
		loop_stop(w->loop);
}

static void on_reply(void *ctx, const redisReply *r)
{
	struct world *w = ctx;

	if (r == NULL)
		w->broken++;
	else
		snprintf(w->text, sizeof w->text, "%s", r->str != NULL ? r->str : "");
	answered(w);
}

static void on_bulk(void *ctx, long got, const redisReply *r)
{
	struct world *w = ctx;

	(void)r;
	w->got = got;
	if (got == -3)
		w->broken++;
	answered(w);
}

static int cmd(struct world *w, const char *a, const char *b)
{
	const char *argv[] = {a, b};
	size_t len[] = {strlen(a), strlen(b)};

	return rconn_cmd(w->conn, on_reply, w, b[0] != '\0' ? 2 : 1, argv, len);
}

static int fetch(struct world *w, const char *a, const char *b)
{
	const char *argv[] = {a, b};
	size_t len[] = {strlen(a), strlen(b)};

	return rconn_fetch(w->conn, on_bulk, w, 2, argv, len, w->sink);
}

static void wait_answers(struct world *w, int n)
{
	w->stop_at = w->answers + n;
	loop_until_stop(w->loop);
}

static struct world *world_new(const char *url)
{
	struct world *w = calloc(1, sizeof *w);
	char err[128] = "";

	signal(SIGPIPE, SIG_IGN);
	w->listener = w->peer = -1;
	w->loop = loop_new();
	w->sink = evbuffer_new();
	if (url == NULL) {
		redis_server_start(&w->redis);
		url = w->redis.url;
	}
	w->conn = rconn_new(w->loop, url, &calls, w, err, sizeof err);
	assert_string_equal(err, "");
	assert_false(rconn_up(w->conn));
	assert_int_equal(cmd(w, "PING", ""), TG_ESTORE);
	return w;
}

static int setup(void **state)
{
	struct world *w = world_new(NULL);

	loop_until_stop(w->loop);
	assert_int_equal(w->ups, 1);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	rconn_free(w->conn);
	evbuffer_free(w->sink);
	loop_free(w->loop);
	if (w->redis.pid != 0)
		redis_server_stop(&w->redis);
	free(w);
	return 0;
}

static void store(struct world *w, const char *key, size_t bytes)
{
	struct evbuffer *value = evbuffer_new();
	unsigned char *p = malloc(bytes);

	for (size_t i = 0; i < bytes; i++)
		p[i] = (unsigned char)(i % 251);
	evbuffer_add(value, p, bytes);
	assert_int_equal(rconn_store(w->conn, on_reply, w, key, strlen(key), value, 60000), 0);
	assert_int_equal(evbuffer_get_length(value), 0);
	evbuffer_free(value);
	free(p);
}

static void rconn_fetch_between_other_replies_moves_the_bulk(void **state)
{
	static const size_t size[] = {0, 1, 15, 16384, 65000, 262000, 524288};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
		evbuffer_drain(w->sink, evbuffer_get_length(w->sink));
		store(w, "key", size[i]);
		assert_int_equal(cmd(w, "PING", "one"), 0);
		assert_int_equal(fetch(w, "GETDEL", "key"), 0);
		assert_int_equal(cmd(w, "ECHO", "two"), 0);
		assert_int_equal(w->answers, 4 * (int)i); /* never before return */
		wait_answers(w, 4);
		assert_int_equal(w->got, size[i]);
		assert_string_equal(w->text, "two");
		assert_int_equal(evbuffer_get_length(w->sink), size[i]);
		if (size[i] > 0)
			assert_int_equal(
				evbuffer_pullup(w->sink, -1)[size[i] - 1], (size[i] - 1) % 251);
	}
}

static void rconn_fetch_of_nothing_or_of_an_error_says_so(void **state)
{
	struct world *w = *state;

	assert_int_equal(fetch(w, "GETDEL", "none"), 0);
	wait_answers(w, 1);
	assert_int_equal(w->got, -1);
	redis_server_run_cmd(&w->redis, "LPUSH list a");
	assert_int_equal(fetch(w, "GETDEL", "list"), 0);
	wait_answers(w, 1);
	assert_int_equal(w->got, -2);
	assert_int_equal(evbuffer_get_length(w->sink), 0);
}

static void rconn_forget_drops_replies_and_keeps_the_order(void **state)
{
	struct world *w = *state;
	struct world other = *w;

	store(w, "key", 100000);
	w->stop_at = 1;
	loop_until_stop(w->loop);
	{
		const char *argv[] = {"GET", "key"};
		size_t len[] = {3, 3};
		struct evbuffer *sink = evbuffer_new();
		assert_int_equal(rconn_fetch(w->conn, on_bulk, &other, 2, argv, len, sink), 0);
		assert_int_equal(rconn_cmd(w->conn, on_reply, &other, 2, argv, len), 0);
		rconn_forget(w->conn, &other);
		evbuffer_free(sink);
	}
	assert_int_equal(cmd(w, "ECHO", "after"), 0);
	wait_answers(w, 1);
	assert_string_equal(w->text, "after");
	assert_int_equal(other.answers, 0);
}

static void rconn_lost_in_flight_answers_null_once_and_comes_back(void **state)
{
	struct world *w = *state;

	kill(w->redis.pid, SIGSTOP);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(cmd(w, "PING", ""), 0);
		assert_int_equal(fetch(w, "GET", "key"), 0);
	}
	redis_server_kill(&w->redis);
	while (w->downs == 0)
		loop_until_stop(w->loop);
	assert_int_equal(w->answers, 200);
	assert_int_equal(w->broken, 200);
	assert_false(rconn_up(w->conn));
	assert_int_equal(cmd(w, "PING", ""), TG_ESTORE);
	redis_server_run(&w->redis);
	while (w->ups < 2)
		loop_until_stop(w->loop);
	assert_int_equal(cmd(w, "ECHO", "back"), 0);
	wait_answers(w, 1);
	assert_string_equal(w->text, "back");
}

static void rconn_queue_beyond_its_mark_is_high_until_drained(void **state)
{
	struct world *w = *state;

	kill(w->redis.pid, SIGSTOP);
	assert_false(rconn_high(w->conn));
	for (int i = 0; i < 40; i++)
		store(w, "key", 65000);
	assert_true(rconn_high(w->conn));
	assert_true(rconn_queued(w->conn) > 2000000);
	kill(w->redis.pid, SIGCONT);
	while (w->lows == 0)
		loop_until_stop(w->loop);
	assert_false(rconn_high(w->conn));
	if (w->answers < 40)
		wait_answers(w, 40 - w->answers);
	assert_string_equal(w->text, "OK");
}

static void free_in_reply(void *ctx, const redisReply *r)
{
	struct world *w = ctx;

	(void)r;
	rconn_free(w->conn);
	w->conn = NULL;
	loop_stop(w->loop);
}

static void rconn_free_in_a_callback_is_safe(void **state)
{
	struct world *w = *state;
	const char *argv[] = {"PING"};
	size_t len[] = {4};

	assert_int_equal(rconn_cmd(w->conn, free_in_reply, w, 1, argv, len), 0);
	assert_int_equal(cmd(w, "PING", ""), 0);
	loop_until_stop(w->loop);
	assert_int_equal(w->answers, 0);
}

static void rconn_password_is_sent_first(void **state)
{
	struct redis_server redis;
	struct world *w;
	char url[96];
	redisReply *port;

	(void)state;
	redis_server_start(&redis);
	for (int p = 20000 + getpid() % 20000;; p++) {
		/* Redis takes no port 0: try until one is free */
		redisReply *r = redisCommand(redis.c, "CONFIG SET port %d", p);
		bool ok = r->type == REDIS_REPLY_STATUS;
		freeReplyObject(r);
		if (ok)
			break;
	}
	port = redis_server_do(&redis, "CONFIG GET port");
	redis_server_run_cmd(&redis, "ACL SETUSER glas on >s3:cret ~* +@all");
	redis_server_run_cmd(&redis, "CONFIG SET requirepass other");
	snprintf(url, sizeof url, "redis://glas:s3:cret@127.0.0.1:%s", port->element[1]->str);
	w = world_new(url);
	loop_until_stop(w->loop);
	assert_int_equal(w->ups, 1);
	assert_int_equal(cmd(w, "ACL", "WHOAMI"), 0);
	wait_answers(w, 1);
	assert_string_equal(w->text, "glas");
	teardown((void **)&w);
	snprintf(url, sizeof url, "redis://:other@127.0.0.1:%s", port->element[1]->str);
	w = world_new(url);
	loop_until_stop(w->loop);
	assert_int_equal(w->ups, 1);
	teardown((void **)&w);
	freeReplyObject(port);
	redis_server_stop(&redis);
}

static void rconn_new_with_a_bad_url_says_what_to_write(void **state)
{
	static const char *const bad[] = {"", "http://x", "unix://relative", "redis://",
		"redis://host", "redis://host:", "redis://user@host:1", "redis://127.0.0.1:port",
		"unix:///tmp/"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	struct loop *l = loop_new();

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char err[128] = "";
		assert_null(rconn_new(l, bad[i], &calls, NULL, err, sizeof err));
		assert_memory_equal(err, "store:", 6);
	}
	loop_free(l);
}

/* A peer that misbehaves --------------------------------------------------- */

static void on_accept(evutil_socket_t fd, short what, void *ctx)
{
	struct world *w = ctx;

	(void)what;
	if (w->peer >= 0)
		close(w->peer);
	w->peer = accept(fd, NULL, NULL);
	loop_stop(w->loop);
}

static struct world *bad_peer(char dir[32])
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char url[128];
	struct world *w;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(dir, "/tmp/tgu-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(un.sun_path, sizeof un.sun_path, "%s/s", dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	assert_int_equal(listen(fd, 5), 0);
	snprintf(url, sizeof url, "unix://%s", un.sun_path);
	w = world_new(url);
	w->listener = fd;
	w->where = un;
	w->accepting = event_new(loop_base(w->loop), fd, EV_READ | EV_PERSIST, on_accept, w);
	event_add(w->accepting, NULL);
	loop_until_stop(w->loop);
	return w;
}

static void bad_peer_end(struct world *w, const char *dir)
{
	event_free(w->accepting);
	close(w->listener);
	if (w->peer >= 0)
		close(w->peer);
	unlink(w->where.sun_path);
	assert_int_equal(rmdir(dir), 0);
	teardown((void **)&w);
}

static void rconn_reply_that_is_not_resp_ends_the_connection(void **state)
{
	static const char *const bad[] = {
		"HTTP/1.1 400 Bad Request\r\n", "$600000\r\n", "+OK\r\n+nobody asked\r\n"};
	char dir[32];
	struct world *w = bad_peer(dir);

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fetch(w, "GET", "key"), 0);
		while (w->peer < 0)
			loop_until_stop(w->loop);
		assert_true(write(w->peer, bad[i], strlen(bad[i])) > 0);
		while (w->downs == i)
			loop_until_stop(w->loop);
		assert_string_equal(w->why, "not the Redis protocol");
		assert_int_equal(w->answers, i + 1);
		close(w->peer);
		w->peer = -1;
		while (w->ups < i + 2)
			loop_until_stop(w->loop);
	}
	bad_peer_end(w, dir);
}

static void rconn_without_any_answer_gives_up(void **state)
{
	char dir[32];
	struct world *w = bad_peer(dir);
	uint64_t began = clock_mono_us();

	(void)state;
	assert_int_equal(cmd(w, "PING", ""), 0);
	while (w->downs == 0)
		loop_until_stop(w->loop);
	assert_string_equal(w->why, "no answer");
	assert_int_equal(w->broken, 1);
	assert_true(clock_mono_us() - began >= 5000000);
	bad_peer_end(w, dir);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resp_scan_cut_anywhere_counts_the_same),
		cmocka_unit_test(resp_scan_malformed_is_refused),
		cmocka_unit_test(resp_write_set_encodes_exactly),
		T(rconn_fetch_between_other_replies_moves_the_bulk),
		T(rconn_fetch_of_nothing_or_of_an_error_says_so),
		T(rconn_forget_drops_replies_and_keeps_the_order),
		T(rconn_lost_in_flight_answers_null_once_and_comes_back),
		T(rconn_queue_beyond_its_mark_is_high_until_drained),
		T(rconn_free_in_a_callback_is_safe),
		cmocka_unit_test(rconn_password_is_sent_first),
		cmocka_unit_test(rconn_new_with_a_bad_url_says_what_to_write),
		cmocka_unit_test(rconn_reply_that_is_not_resp_ends_the_connection),
		cmocka_unit_test(rconn_without_any_answer_gives_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
