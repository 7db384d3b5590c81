/*
 * recorder.c: the process that moves events from the outboxes into the evidence file. It has one
 * connection to the store. It turns signals, time and the connection into events; machine.h decides
 * what they lead to.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sodium.h>

#include "base/log.h"
#include "net/loop.h"
#include "recorder/machine.h"
#include "recorder/prover.h"
#include "recorder/recorder.h"
#include "store/store.h"

#define POLL_MS 250u
/* Processes that answer clients come first. Beside one that is always busy, this leaves the
 * recorder a quarter of a processor. */
#define NICE 5

struct recorder {
	struct loop *loop;
	struct store *store;
	struct machine *machine;
	struct prover *prover;
	struct event *poll, *term;
};

static void on_poll(evutil_socket_t fd, short what, void *ctx)
{
	struct recorder *x = ctx;

	(void)fd, (void)what;
	machine_step(x->machine, RECORDER_EV_POLL);
}

static void on_up(struct store *s, void *ctx)
{
	struct recorder *x = ctx;

	machine_connected(x->machine, s);
	machine_step(x->machine, RECORDER_EV_STORE_UP);
}

static void on_down(struct store *s, void *ctx)
{
	struct recorder *x = ctx;

	(void)s;
	machine_step(x->machine, RECORDER_EV_STORE_DOWN);
}

static void on_term(evutil_socket_t fd, short what, void *ctx)
{
	struct recorder *x = ctx;

	(void)fd, (void)what;
	machine_step(x->machine, RECORDER_EV_STOP);
}

static void view(void *ctx, struct prover_view *out)
{
	const struct recorder *x = ctx;

	machine_view(x->machine, out);
}

static void recorder_free(struct recorder *x)
{
	prover_free(x->prover);
	machine_free(x->machine);
	store_free(x->store);
	if (x->poll != NULL)
		event_free(x->poll);
	if (x->term != NULL)
		event_free(x->term);
	loop_free(x->loop);
	free(x);
}

static bool add_events(struct recorder *x)
{
	static const struct timeval every = {0, POLL_MS * 1000};

	x->poll = event_new(loop_base(x->loop), -1, EV_PERSIST, on_poll, x);
	x->term = evsignal_new(loop_base(x->loop), SIGTERM, on_term, x);
	return x->poll != NULL && x->term != NULL && event_add(x->term, NULL) == 0 &&
		event_add(x->poll, &every) == 0;
}

static struct prover *new_prover(struct recorder *x, const struct child_env *env)
{
	const struct prover_opts o = {.loop = x->loop,
		.log_path = env->conf->audit_log,
		.fds = env->proof_fds,
		.n = env->n_workers,
		.view = view,
		.ctx = x};

	return prover_new(&o);
}

static struct recorder *recorder_new(const struct child_env *env, char *err, size_t cap)
{
	static const struct store_calls calls = {.on_up = on_up, .on_down = on_down};
	struct recorder *x = calloc(1, sizeof *x);

	if (x == NULL)
		return NULL;
	x->loop = loop_new();
	if (x->loop != NULL && add_events(x))
		x->machine = machine_new(env->conf, x->loop);
	if (x->machine != NULL)
		x->store = store_new(x->loop, env->store_url, &calls, x, err, cap);
	if (x->store == NULL) {
		recorder_free(x);
		return NULL;
	}
	machine_set_store(x->machine, x->store);
	x->prover = new_prover(x, env);
	if (x->prover == NULL) {
		recorder_free(x);
		return NULL;
	}
	return x;
}

int recorder_main(const struct child_env *env)
{
	char err[256] = "out of memory";
	struct recorder *x;
	int rc;

	setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICE);
	signal(SIGHUP, SIG_IGN); /* what is configured here needs a restart */
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error of write() */
	if (sodium_init() < 0 || (x = recorder_new(env, err, sizeof err)) == NULL) {
		log_error("recorder", "cannot start: %s", err);
		return EXIT_FAILURE;
	}
	rc = loop_run(x->loop);
	recorder_free(x);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
