/*
 * test_http.c: the client's HTTP half where the system tests cannot reach it: its timeouts and its
 * cancelling. The other side is `openssl s_server`, which speaks TLS and then says nothing.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <timeglas/timeglas.h>

struct world {
	char dir[64], ca[96], key[96];
	pid_t server;
	int server_in;
	FILE *server_out;
	char url[64];
};

static int64_t mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void make_certificate(const struct world *w)
{
	char command[512];

	snprintf(command, sizeof command,
		"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "
		"%s -out %s -days 2 "
		"-subj /CN=test -addext subjectAltName=IP:127.0.0.1 2>/dev/null",
		w->key, w->ca);
	assert_int_equal(system(command), 0);
}

/* One certificate plays all parts: authority, server and client. */
static int start_world(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	char line[256] = "";
	int in[2], out[2];
	unsigned port = 0;
	FILE *f;

	snprintf(w->dir, sizeof w->dir, "/tmp/timeglas-test-http.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->ca, sizeof w->ca, "%s/ca.pem", w->dir);
	snprintf(w->key, sizeof w->key, "%s/key.pem", w->dir);
	make_certificate(w);
	/* stays open: s_server leaves when its stdin ends, so it cannot outlive us */
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	w->server = fork();
	if (w->server == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[0]);
		close(in[1]);
		close(out[0]);
		close(out[1]);
		execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", w->ca,
			"-key", w->key, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	w->server_in = in[1];
	f = fdopen(out[0], "r");
	while (port == 0 && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "ACCEPT 127.0.0.1:", 17) == 0)
			port = (unsigned)strtoul(line + 17, NULL, 10);
	assert_int_not_equal(port, 0);
	/* it prints what it receives; each test has a server of its own, as a full pipe stops it */
	w->server_out = f;
	snprintf(w->url, sizeof w->url, "https://127.0.0.1:%u", port);
	*state = w;
	return 0;
}

static int stop_world(void **state)
{
	struct world *w = *state;

	kill(w->server, SIGTERM);
	waitpid(w->server, NULL, 0);
	close(w->server_in);
	fclose(w->server_out);
	unlink(w->ca);
	unlink(w->key);
	rmdir(w->dir);
	free(w);
	return 0;
}

static int cancel(void *ctx, uint64_t sent, uint64_t received, uint64_t total)
{
	(void)received;
	(void)total;
	++*(int *)ctx;
	return sent > 0;
}

static tg_client *client_of(const struct world *w, tg_client_opts o)
{
	tg_client *c;

	o.struct_size = sizeof o;
	o.url = w->url;
	o.ca = o.cert = w->ca;
	o.key = w->key;
	assert_int_equal(tg_client_new(&o, &c), 0);
	return c;
}

static void http_perform_silent_server_times_out(void **state)
{
	tg_client *c = client_of(*state, (tg_client_opts){.stall_timeout_ms = 300});
	int64_t start = mono_ms();

	assert_int_equal(tg_client_policy(c), TG_ENET);
	assert_non_null(strstr(tg_client_error(c), "stalled"));
	assert_in_range(mono_ms() - start, 300, 20000);
	assert_int_equal(tg_client_problem(c)->status, 0);
	assert_string_equal(tg_client_json(c), "");
	tg_client_free(c);
}

static long give_zeros(void *ctx, void *p, size_t cap)
{
	(void)ctx;
	memset(p, 0, cap);
	return (long)cap;
}

static long give_error(void *ctx, void *p, size_t cap)
{
	(void)ctx;
	(void)p;
	(void)cap;
	return TG_EIO;
}

static long give_little(void *ctx, void *p, size_t cap)
{
	int *calls = ctx;

	(void)cap;
	*(char *)p = 'x';
	return (*calls)++ == 0;
}

static void put_canceled_by_progress_returns_canceled(void **state)
{
	int calls = 0;
	tg_client *c =
		client_of(*state, (tg_client_opts){.progress = cancel, .progress_ctx = &calls});
	const tg_put_opts o = {.struct_size = sizeof o,
		.kind = "liveness",
		.size = UINT64_MAX,
		.read = give_zeros};
	tg_blob blob = {.struct_size = sizeof blob};

	assert_int_equal(tg_client_put(c, &o, &blob), TG_ECANCELED);
	assert_true(calls > 0);
	tg_client_free(c);
}

static void put_source_fails_returns_its_error(void **state)
{
	tg_client *c = client_of(*state, (tg_client_opts){0});
	const tg_put_opts o = {
		.struct_size = sizeof o, .kind = "liveness", .size = 100, .read = give_error};
	tg_blob blob = {.struct_size = sizeof blob};

	assert_int_equal(tg_client_put(c, &o, &blob), TG_EIO);
	tg_client_free(c);
}

static void put_source_ends_early_is_no_upload(void **state)
{
	int calls = 0;
	tg_client *c = client_of(*state, (tg_client_opts){0});
	const tg_put_opts o = {.struct_size = sizeof o,
		.kind = "liveness",
		.size = 100,
		.read = give_little,
		.ctx = &calls};
	tg_blob blob = {.struct_size = sizeof blob};

	assert_int_equal(tg_client_put(c, &o, &blob), TG_EIO);
	assert_non_null(strstr(tg_client_error(c), "declared length"));
	tg_client_free(c);
}

static void claim_lease_longer_than_the_longest_is_not_sent(void **state)
{
	const char *id = "00AAAAAAAAAAAAAAAAAAAAAA";
	int calls = 0;
	tg_client *c =
		client_of(*state, (tg_client_opts){.progress = cancel, .progress_ctx = &calls});
	tg_claim claim = {.struct_size = sizeof claim};

	assert_int_equal(tg_client_claim(c, id, TG_LEASE_MAX_S + 1, &claim), TG_EINVAL);
	assert_non_null(strstr(tg_client_error(c), "900 seconds"));
	assert_int_equal(calls, 0);
	tg_client_free(c);
}

static void client_new_failed_is_harmless(void **state)
{
	tg_client *c;

	(void)state;
	assert_int_equal(tg_client_new(&(tg_client_opts){.struct_size = sizeof(tg_client_opts),
					       .url = "ftp://x"},
				 &c),
		TG_EINVAL);
	assert_int_not_equal(tg_client_error(c)[0], '\0');
	assert_int_equal(tg_client_policy(c), TG_EINVAL);
	tg_client_free(c);
	tg_client_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			http_perform_silent_server_times_out, start_world, stop_world),
		cmocka_unit_test_setup_teardown(
			put_canceled_by_progress_returns_canceled, start_world, stop_world),
		cmocka_unit_test_setup_teardown(
			put_source_fails_returns_its_error, start_world, stop_world),
		cmocka_unit_test_setup_teardown(
			put_source_ends_early_is_no_upload, start_world, stop_world),
		cmocka_unit_test_setup_teardown(
			claim_lease_longer_than_the_longest_is_not_sent, start_world, stop_world),
		cmocka_unit_test(client_new_failed_is_harmless),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
