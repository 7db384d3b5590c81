/*
 * proofs.c: timeglas-bench proofs: how long after a blob's end its proof can be had, while many
 * blobs end. These ends are events that a process writes straight into the outboxes, at a rate, as
 * the store would; or those of blobs that clients put and take. Beside them one client puts and
 * erases blobs of its own, and asks for each one's proof until it is there.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <timeglas/timeglas.h>
#include "args.h"
#include "base/log.h"
#include "base/token.h"
#include "bench.h"
#include "commands.h"
#include "emit.h"
#include "histogram.h"
#include "https.h"
#include "redis_sync.h"
#include "system.h"

#define BLOB_BYTES 300u
#define BEAT_US 10000     /* between two writes into the outboxes */
#define PROBE_NS 50000000 /* between two blobs of our own */
#define ASK_NS 100000000  /* between two questions for one proof */
#define PATIENCE_NS 10000000000
#define PENDING_MAX 256u
#define EVENT_CHARS 64

struct load { /* shared with the process that makes it */
	volatile bool stop;
	volatile uint64_t ends;
	volatile double seconds;
	char error[240];
};

struct run {
	double rate, seconds;
	unsigned clients; /* 0: events are written into the outboxes */
	const char *json;
	struct system_set all;
	struct system system;
	struct load *load;
	struct blobs *blobs;
	struct https *https;
	struct pending {
		char event[EVENT_CHARS];
		int64_t ended_ns, ask_ns; /* ask_ns: when it is asked for next */
	} pending[PENDING_MAX];
	unsigned n_pending, unavailable;
	struct histogram *ready;
	struct cpu_times spent;
};

/* Others' ends ------------------------------------------------------------- */

static void append_end(redisContext *redis, uint64_t i, int64_t now_ms)
{
	const unsigned shard = (unsigned)(i % TOKEN_SHARDS);
	char id[TOKEN_LEN + 1], tag[TOKEN_TAG_LEN + 1], text[512];

	token_make(shard, id);
	token_tag(id, tag);
	snprintf(text, sizeof text,
		"e\tgone\td\t%s liveness 0\tc\tconsumed\to\t\tu\tuploader\tw\tverifier\tz\t%u\t"
		"dl\t%lld\tlate\t\tat\t%lld\tb\t%s",
		tag, BLOB_BYTES, (long long)now_ms + 60000, (long long)now_ms, id);
	redisAppendCommand(redis, "XADD tg:{%02x}:out * p %s", shard, text);
}

static void write_ends(const struct run *r)
{
	redisContext *redis = redis_sync_open(r->system.store.socket);
	const int64_t began_us = bench_wall_us();
	int64_t next_us = began_us;
	uint64_t sent = 0, due;

	while (!r->load->stop) {
		const int64_t now_us = bench_wall_us();

		due = (uint64_t)((double)(now_us - began_us) / 1e6 * r->rate);
		for (uint64_t i = sent; i < due; i++)
			append_end(redis, i, now_us / 1000);
		redis_sync_answers(redis, (unsigned)(due - sent));
		r->load->ends = sent = due;
		r->load->seconds = (double)(bench_wall_us() - began_us) / 1e6;
		next_us += BEAT_US;
		bench_sleep_until_us(next_us);
	}
	redisFree(redis);
}

static void put_and_take(const struct run *r)
{
	struct blobs *b = blobs_new(4 * r->clients, BLOB_BYTES);
	const struct gen_plan plan = {.clients = r->clients,
		.live = 2 * r->clients,
		.warm_s = 0.5,
		.measure_s = r->seconds};
	struct gen_result result;

	gen_run(&r->system.wire, &plan, b, &result);
	snprintf(r->load->error, sizeof r->load->error, "%s", result.error);
	r->load->ends = result.takes;
	r->load->seconds = result.seconds;
	gen_result_free(&result);
	blobs_free(b);
}

static pid_t start_load(const struct run *r)
{
	const pid_t pid = fork();

	if (pid < 0)
		bench_die("cannot fork");
	if (pid > 0)
		return pid;
	if (r->clients > 0)
		put_and_take(r);
	else
		write_ends(r);
	_exit(0);
}

/* Our own ------------------------------------------------------------------ */

/* Copies the text member of an answer in JSON. */
static void take_text(const struct https *h, const char *member, char *out, size_t cap)
{
	char sign[32];
	const char *at;

	snprintf(sign, sizeof sign, "\"%s\":\"", member);
	at = strstr(https_body(h), sign);
	if (at == NULL)
		bench_die("an answer without %s: %s", member, https_body(h));
	at += strlen(sign);
	snprintf(out, cap, "%.*s", (int)strcspn(at, "\""), at);
}

static void end_one(struct run *r)
{
	char path[96], id[TOKEN_LEN + 1];
	struct pending *p = &r->pending[r->n_pending++];

	if (https_call(r->https, "POST", "/v1/blobs",
		    "Timeglas-Kind: liveness\r\nTimeglas-Ttl: 60\r\n", blobs_at(r->blobs, 0),
		    BLOB_BYTES) != 201)
		bench_die("put: %s", https_body(r->https));
	take_text(r->https, "blob", id, sizeof id);
	snprintf(path, sizeof path, "/v1/blobs/%s", id);
	if (https_call(r->https, "DELETE", path, "", NULL, 0) != 200)
		bench_die("erase: %s", https_body(r->https));
	take_text(r->https, "event", p->event, sizeof p->event);
	p->ended_ns = bench_mono_ns();
	p->ask_ns = p->ended_ns + ASK_NS;
}

/* Asks for the proof. Returns whether it is there. */
static bool ask(struct run *r, struct pending *p)
{
	char path[96];
	int status;

	snprintf(path, sizeof path, "/v1/receipts/%s", p->event);
	status = https_call(r->https, "GET", path, "", NULL, 0);
	p->ask_ns = bench_mono_ns() + ASK_NS;
	r->unavailable += status == 503;
	if (status != 200 && status != 202 && status != 503)
		bench_die("a proof: %d %s", status, https_body(r->https));
	if (status != 200 && bench_mono_ns() - p->ended_ns > PATIENCE_NS)
		bench_die("there is no proof of %s after 10 s", p->event);
	if (status == 200)
		histogram_add(r->ready, bench_mono_ns() - p->ended_ns);
	return status == 200;
}

static void ask_all(struct run *r)
{
	for (unsigned i = 0; i < r->n_pending;)
		if (bench_mono_ns() >= r->pending[i].ask_ns && ask(r, &r->pending[i]))
			r->pending[i] = r->pending[--r->n_pending];
		else
			i++;
}

static void probe(struct run *r)
{
	const int64_t began_ns = bench_mono_ns(), until_ns = began_ns + (int64_t)(r->seconds * 1e9);
	int64_t next_ns = began_ns;

	while (bench_mono_ns() < until_ns || r->n_pending > 0) {
		if (bench_mono_ns() >= next_ns && next_ns < until_ns &&
			r->n_pending < PENDING_MAX) {
			end_one(r);
			next_ns += PROBE_NS;
		}
		ask_all(r);
		usleep(2000);
	}
}

/* The run ------------------------------------------------------------------ */

static unsigned left_in_outboxes(const struct run *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < TOKEN_SHARDS; i++) {
		redisReply *a = redis_sync_do(r->system.store.redis, "XLEN tg:{%02x}:out", i);

		n += (unsigned)a->integer;
		freeReplyObject(a);
	}
	return n;
}

static double ms(const struct run *r, double q)
{
	return histogram_quantile(r->ready, q) / 1e6;
}

static void tell(const struct run *r, unsigned left)
{
	const double per_s = (double)r->load->ends / r->load->seconds;
	const char *const what = r->clients > 0 ? "blobs taken" : "ends written";

	printf("%s: %.0f a second for %.1f s; %u were not recorded at its end\n", what, per_s,
		r->load->seconds, left);
	printf("proofs: %llu; ready after %.0f ms (median), %.0f ms (p99), %.0f ms (the last); "
	       "%u times unavailable\n",
		(unsigned long long)histogram_count(r->ready), ms(r, 0.5), ms(r, 0.99), ms(r, 1),
		r->unavailable);
	printf("processor time: workers %.0f %%, recorder and others %.0f %%, Redis %.0f %%\n",
		100 * r->spent.s[CPU_WORKERS] / r->load->seconds,
		100 * r->spent.s[CPU_REST] / r->load->seconds,
		100 * r->spent.s[CPU_REDIS] / r->load->seconds);
	if (r->json != NULL)
		emit_json(json_pack("{s:s, s:o, s:i, s:I, s:o, s:o, s:o, s:i}", "load", what,
				  "ends_per_s", emit_number(per_s), "left", (int)left, "proofs",
				  (json_int_t)histogram_count(r->ready), "median_ms",
				  emit_number(ms(r, 0.5)), "p99_ms", emit_number(ms(r, 0.99)),
				  "max_ms", emit_number(ms(r, 1)), "unavailable",
				  (int)r->unavailable),
			r->json);
}

static void run(struct run *r, const char *dir)
{
	struct cpu_times before, after;
	unsigned left;
	pid_t pid;

	r->all.workers = 1;
	r->all.anywhere = true;
	system_set_open(&r->all, dir);
	system_start(&r->all, SYSTEM_TIMEGLAS, &r->system);
	r->load = bench_share(sizeof *r->load);
	r->ready = histogram_new();
	r->blobs = blobs_new(1, BLOB_BYTES);
	pid = start_load(r);
	r->https = https_open(
		&r->system.store, r->system.store.uploader_cert, r->system.store.uploader_key);
	cpu_read(&r->system.cpu, &before);
	probe(r);
	left = left_in_outboxes(r);
	cpu_read(&r->system.cpu, &after);
	r->spent = cpu_since(&before, &after);
	r->load->stop = true;
	waitpid(pid, NULL, 0);
	if (r->load->error[0] != '\0' || r->load->seconds <= 0)
		bench_die("the load failed: %s", r->load->error);
	tell(r, left);
	https_close(r->https);
	blobs_free(r->blobs);
	histogram_free(r->ready);
	system_stop(&r->system);
}

static int usage(FILE *out)
{
	fputs("usage: timeglas-bench proofs [OPTION…]\n\n"
	      "  --rate N          ends a second that are written into the outboxes (10000)\n"
	      "  --clients N       instead, so many clients put blobs and take them, as fast as\n"
	      "                    they can\n"
	      "  --seconds S       how long (10)\n"
	      "  --json FILE       write the figures there, too; - is stdout\n",
		out);
	return out == stdout ? 0 : 2;
}

int proofs_main(int argc, char **argv, const char *dir)
{
	static const struct option options[] = {
		{"rate", 1, NULL, 'r'},
		{"seconds", 1, NULL, 's'},
		{"clients", 1, NULL, 'c'},
		{"json", 1, NULL, 'j'},
		{"help", 0, NULL, 'h'},
		{0},
	};
	static struct run r = {.rate = 10000, .seconds = 10};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'r':
			r.rate = (double)args_number(optarg, strlen(optarg), 1000000);
			break;
		case 's':
			r.seconds = args_seconds(optarg);
			break;
		case 'c':
			r.clients = (unsigned)args_number(optarg, strlen(optarg), 256);
			break;
		case 'j':
			r.json = optarg;
			break;
		case 'h':
			return usage(stdout);
		default:
			return usage(stderr);
		}
	}
	if (optind != argc)
		return usage(stderr);
	if (tg_init() != 0)
		bench_die("libsodium or OpenSSL cannot be used");
	log_init(STDERR_FILENO, LOG_L_WARN, "bench");
	run(&r, dir);
	return 0;
}
