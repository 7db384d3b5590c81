/*
 * Goal: the reaper process, with nobody else alive, erases what is due within milliseconds of its
 * deadline, also what fell due while it or the store was away, and ends on SIGTERM with 0.
 */
#include "check.h"
#include "redis_server.h"
#include "delay_relay.h"
#include "stalls.h"
#include "base/log.h"
#include "base/metrics.h"
#include "conf/conf.h"
#include "reaper/reaper.h"

extern const char store_functions_lua[];
extern const unsigned store_functions_lua_len;

static struct redis_server redis;
static struct metrics *metrics;
static pid_t reaper;
static const char *far_url; /* where the reaper finds the store; NULL: at hand */

static void start_reaper(void)
{
	reaper = fork();
	assert_true(reaper >= 0);
	if (reaper == 0) {
		struct conf conf = {0};
		struct child_env env = {.name = "reaper",
			.conf = &conf,
			.store_url = far_url != NULL ? far_url : redis.url,
			.listen_fd = -1,
			.metrics = metrics};
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(reaper_main(&env));
	}
}

static int stop_reaper(void)
{
	int status = -1;

	kill(reaper, SIGTERM);
	waitpid(reaper, &status, 0);
	return status;
}

static int setup(void **state)
{
	(void)state;
	metrics = metrics_new(1);
	assert_non_null(metrics);
	redis_server_start(&redis);
	redis_server_run_cmd(
		&redis, "FUNCTION LOAD %b", store_functions_lua, (size_t)store_functions_lua_len);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	redis_server_stop(&redis);
	metrics_free(metrics);
	return 0;
}

/* A commit is refused when its deadline has passed before it is through, as on a machine that is
 * busy elsewhere: then once more. */
static void blob_at(const char *key, int n, int ttl_ms)
{
	long long refused = 1;

	for (int tries = 0; refused != 0 && tries < 50; tries++) {
		char id[16];
		snprintf(id, sizeof id, "B%d", n);
		redis_server_only_chunk(&redis, key + 4, id, "bytes", 5);
		redisReply *r = redis_server_do(&redis,
			"FCALL tg2_commit 1 %sdl B%d up v %s 0 1 5 %d 0 %s - 0", key, n, "", ttl_ms,
			"r passport 0");
		refused = atoll(r->str);
		freeReplyObject(r);
	}
	assert_int_equal(refused, 0);
}

static void blob(unsigned shard, int n, int ttl_ms)
{
	char key[16];

	/* as they are written below; a shard is two hex digits */
	snprintf(key, sizeof key, "tg:{%02u}:", shard);
	blob_at(key, n, ttl_ms);
}

/* A counter or bucket as /metrics shows it. */
static long metric(const char *name)
{
	static char text[65536];
	const char *at;

	assert_true(metrics_prometheus(metrics, text, sizeof text) < sizeof text);
	at = strstr(text, name);
	return at != NULL ? strtol(at + strlen(name), NULL, 10) : -1;
}

/* Waits until that many have expired, then looks whether anything but tombstones and outboxes is
 * physically left (KEYS hides the expired). */
static void wait_expired(long n)
{
	while (metric("timeglas_blobs_ended_total{cause=\"expired\"} ") < n)
		usleep(2000);
}

static void assert_nothing_left(void)
{
	long long all = redis_server_int(&redis, "DBSIZE");

	assert_int_equal(
		all, redis_server_keys(&redis, "tg:*:b:*") + redis_server_keys(&redis, "tg:*:out"));
}

static void reaper_erases_at_the_deadline_and_says_how_late(void **state)
{
	(void)state;
	start_reaper();
	for (int i = 0; i < 60; i++)
		blob((unsigned)i % 40 / 10 * 10, i, 1500 + 10 * i);
	wait_expired(60);
	assert_nothing_left();
	assert_int_equal(stop_reaper(), 0);
	assert_int_equal(metric("timeglas_blobs_ended_total{cause=\"expired\"} "), 60);
	/* All were known more than a second ahead, so a sweep has seen them: the timer is exact to
	 * far below a sweep. */
	assert_int_equal(metric("timeglas_erase_lateness_seconds_bucket{le=\"0.524288\"} "), 60);
}

/* How many of the events in the outboxes say this. */
static size_t events(const char *field, const char *value)
{
	char wanted[64], event[512];
	size_t n = 0;

	snprintf(wanted, sizeof wanted, "\t%s\t%s\t", field, value);
	for (unsigned shard = 0; shard < 64; shard++) {
		redisReply *r = redis_server_do(&redis, "XRANGE tg:{%02x}:out - +", shard);
		for (size_t i = 0; i < r->elements; i++) {
			snprintf(event, sizeof event, "\t%s\t",
				r->element[i]->element[1]->element[1]->str);
			n += strstr(event, wanted) != NULL;
		}
		freeReplyObject(r);
	}
	return n;
}

static void reaper_told_of_an_early_deadline_does_not_sleep_over_it(void **state)
{
	(void)state;
	start_reaper();
	blob(30, 0, 50);
	wait_expired(1);
	for (int i = 1; i < 20; i++) {
		/* each unknown until it is committed; by the sweep alone, half of them would be
		 * half a second late */
		blob((unsigned)(20 + i % 10), i, 60);
		wait_expired(i + 1);
	}
	assert_nothing_left();
	assert_int_equal(stop_reaper(), 0);
	if (!under_memcheck()) /* where a sweep alone can take as long */
		assert_int_equal(
			metric("timeglas_erase_lateness_seconds_bucket{le=\"0.262144\"} "), 20);
}

static void reaper_with_a_long_queue_in_one_shard_serves_the_others(void **state)
{
	redisReply *r;
	long long first, last;

	(void)state;
	for (int i = 0; i < 3000; i++)
		blob(10, i, 300);
	blob(11, 3000, 300);
	usleep(310000);
	start_reaper();
	wait_expired(3001);
	assert_int_equal(stop_reaper(), 0);
	r = redis_server_do(&redis, "XREVRANGE tg:{11}:out + - COUNT 1");
	first = atoll(r->element[0]->element[0]->str);
	freeReplyObject(r);
	r = redis_server_do(&redis, "XREVRANGE tg:{10}:out + - COUNT 1");
	last = atoll(r->element[0]->element[0]->str);
	freeReplyObject(r);
	assert_true(first < last);
	assert_int_equal(metric("\ntimeglas_reaper_backlog "), 0);
}

static void reaper_beside_another_ends_each_once(void **state)
{
	pid_t other;

	(void)state;
	for (int i = 0; i < 2000; i++)
		blob((unsigned)(10 + i % 20), i, 300);
	start_reaper();
	other = reaper;
	start_reaper();
	/* They share the one slot that this test's metrics have, so what is counted there is no
	 * measure. */
	while (redis_server_keys(&redis, "tg:*:dl") > 0)
		usleep(2000);
	assert_int_equal(events("e", "gone"), 2000);
	assert_int_equal(events("c", "expired"), 2000);
	assert_int_equal(stop_reaper(), 0);
	reaper = other;
	assert_int_equal(stop_reaper(), 0);
}

static void reaper_after_an_absence_erases_everything_that_is_due(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) /* more than one call takes, in one shard */
		blob(20, i, 20);
	blob(21, 200, 100000);
	start_reaper();
	wait_expired(200);
	assert_int_equal((int)redis_server_chunks(&redis, "B200"), 1);
	assert_int_equal(redis_server_keys(&redis, "tg:*:dl"), 1);
	/* The store goes away and comes back with something overdue: by itself it finds it. */
	redis_server_kill(&redis);
	redis_server_run(&redis);
	redis_server_run_cmd(&redis, "FUNCTION LOAD REPLACE %b", store_functions_lua,
		(size_t)store_functions_lua_len);
	blob(22, 1, 1);
	wait_expired(201);
	assert_nothing_left();
	assert_int_equal(stop_reaper(), 0);
	assert_int_equal(metric("timeglas_blobs_ended_total{cause=\"expired\"} "), 201);
	assert_int_equal(metric("\ntimeglas_store_disconnects_total "), 1);
}

static int by_size(const void *a, const void *b)
{
	return *(const long *)a < *(const long *)b ? -1 : *(const long *)a > *(const long *)b;
}

/* Lateness in us of all ends, sorted; returns how many there are. */
static size_t latenesses(long out[], size_t cap)
{
	size_t n = 0;

	for (unsigned shard = 0; shard < 64; shard++) {
		redisReply *r = redis_server_do(&redis, "XRANGE tg:{%02x}:out - +", shard);
		for (size_t i = 0; i < r->elements; i++) {
			const char *late =
				strstr(r->element[i]->element[1]->element[1]->str, "\tlate\t");
			if (late != NULL && n < cap)
				out[n++] = atol(late + 6);
		}
		freeReplyObject(r);
	}
	qsort(out, n, sizeof *out, by_size);
	return n;
}

#define FAR_BLOBS 300
#define FAR_US 50000u /* each way */

static void far_blob(int n, long long at_ms)
{
	char key[16];

	snprintf(key, sizeof key, "tg:{%02x}:", (unsigned)n % 64);
	blob_at(key, n, (int)(at_ms - (long long)(relay_now_us() / 1000)));
}

/* 150 a second, over all shards; and at the end one of each shard at one instant. */
/* Ends blobs in a store behind a slow connection. Returns whether they ended in time, for this
 * machine's stalls. */
static bool far_ends_in_time(void)
{
	static long late[FAR_BLOBS + 64];
	char path[128], url[160];
	struct stalls stalls;
	long long start;
	long stall_us;
	pid_t relay;
	size_t n;

	snprintf(path, sizeof path, "%s/far", redis.dir);
	snprintf(url, sizeof url, "unix://%s", path);
	relay = relay_start(path, redis.socket, FAR_US);
	far_url = url;
	start_reaper();
	far_url = NULL;
	stalls = stalls_start();
	start = (long long)(relay_now_us() / 1000) + 1500;
	for (int i = 0; i < FAR_BLOBS; i++)
		far_blob(i, start + i * 1000LL / 150);
	for (int i = 0; i < 64; i++)
		far_blob(FAR_BLOBS + i, start + FAR_BLOBS * 1000LL / 150 + 500);
	wait_expired(FAR_BLOBS + 64);
	assert_int_equal(stop_reaper(), 0);
	relay_stop(relay, path);
	stall_us = stalls_stop(&stalls);
	n = latenesses(late, sizeof late / sizeof *late);
	print_message("lateness in us: median %ld, 99 %% %ld, worst %ld, stall %ld\n", late[n / 2],
		late[n * 99 / 100], late[n - 1], stall_us);
	assert_int_equal(n, FAR_BLOBS + 64);
	assert_true(late[0] >= 0);
	/* four processes take part: the reaper, the relay, Redis, and this one */
	return late[n / 2] < 2 * FAR_US + 4 * stall_us &&
		late[n * 99 / 100] < 4 * FAR_US + 4 * stall_us;
}

/* A machine that is busy with other things delays a single run by more than its stalls tell. A
 * reaper that needs another round trip is late in each of them. */
static void reaper_of_a_distant_store_is_a_round_trip_late_or_two(void **state)
{
	unsigned tries = 3;

	skip_under_memcheck();
	while (!far_ends_in_time()) {
		if (--tries == 0)
			fail();
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			reaper_erases_at_the_deadline_and_says_how_late, setup, teardown),
		cmocka_unit_test_setup_teardown(
			reaper_told_of_an_early_deadline_does_not_sleep_over_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			reaper_with_a_long_queue_in_one_shard_serves_the_others, setup, teardown),
		cmocka_unit_test_setup_teardown(
			reaper_beside_another_ends_each_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			reaper_after_an_absence_erases_everything_that_is_due, setup, teardown),
		cmocka_unit_test_setup_teardown(
			reaper_of_a_distant_store_is_a_round_trip_late_or_two, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
