/*
 * test_supervise.c: a child that ends is started again after a pause that grows, and one that hangs
 * is killed.
 */
#include "check.h"
#include <unistd.h>
#include <signal.h>
#include <sys/wait.h>
#include "master/supervise.h"
#include "base/heartbeat.h"
#include "base/log.h"

static void supervise_pause_ms_doubles_up_to_its_bound(void **state)
{
	static const unsigned want[] = {0, 100, 200, 400, 800, 1000, 1000};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof want / sizeof *want; i++)
		assert_int_equal(supervise_pause_ms(i), want[i]);
	assert_int_equal(supervise_pause_ms(1000000), 1000);
}

static int exits_with_index(const struct child_env *env)
{
	return (int)env->index;
}

static void nothing_in_child(void *ctx, const struct child *c)
{
	(void)ctx, (void)c;
}

static void supervise_ended_child_is_restarted_after_its_pause(void **state)
{
	const struct supervise_hooks hooks = {nothing_in_child, NULL, NULL};
	struct metrics *m = metrics_new(2);
	struct child c = {.kind = CHILD_WORKER,
		.name = "worker-0",
		.main = exits_with_index,
		.env = {.index = 7, .metrics = m, .metrics_slot = 1}};
	int status, next;

	(void)state;
	metrics_attach(m, 0);
	supervise_start(&c, &hooks);
	assert_true(c.pid > 0);
	assert_int_equal(supervise_next_ms(&c, 1), -1);
	assert_int_equal(waitpid(c.pid, &status, 0), c.pid);
	assert_int_equal(WEXITSTATUS(status), 7);
	supervise_ended(&c, status, true);
	assert_int_equal(c.pid, 0);
	assert_int_equal(c.failures, 1);
	next = supervise_next_ms(&c, 1);
	assert_true(next > 50 && next <= 101);
	supervise_start_due(&c, 1, &hooks); /* not due yet */
	assert_int_equal(c.state, CHILD_STATE_PAUSED);
	c.restart_at_us = 1; /* long ago */
	assert_int_equal(supervise_next_ms(&c, 1), 0);
	supervise_start_due(&c, 1, &hooks);
	assert_true(c.pid > 0);
	assert_int_equal(waitpid(c.pid, &status, 0), c.pid);
	supervise_ended(&c, status, false);
	assert_int_equal(supervise_next_ms(&c, 1), -1);
	metrics_free(m);
}

static int sleeps_for_ever(const struct child_env *env)
{
	while (env != NULL)
		pause();
	return 0;
}

/* A check that itself came late counts for nobody. A heartbeat begins the wait anew, which then has
 * exactly the checks of SUPERVISE_HUNG_MS. */
static void a_process_without_heartbeats_is_killed(void **state)
{
	enum { LOOKS = SUPERVISE_HUNG_MS / HEARTBEAT_EVERY_MS };
	const struct supervise_hooks hooks = {nothing_in_child, NULL, NULL};
	struct metrics *m = metrics_new(2);
	struct heartbeat *h = heartbeat_new(2);
	struct child c = {.kind = CHILD_REAPER,
		.name = "reaper",
		.main = sleeps_for_ever,
		.env = {.metrics = m, .metrics_slot = 1, .heartbeat = h}};
	uint64_t now = 1000000, looked = now;
	int status;

	(void)state;
	metrics_attach(m, 0);
	supervise_start(&c, &hooks);
	for (int i = 0; i < LOOKS * 3; i++) /* it is the master who does not run */
		supervise_check_heartbeats(&c, 1, now += 2 * HEARTBEAT_EVERY_MS * 1000u, &looked);
	/* it has not begun yet: it may ask a name server where the store is */
	for (int i = 0; i < LOOKS + 1; i++)
		supervise_check_heartbeats(&c, 1, now += HEARTBEAT_EVERY_MS * 1000u, &looked);
	heartbeat_attach(h, 1);
	heartbeat_send();
	for (int i = 0; i < LOOKS; i++)
		supervise_check_heartbeats(&c, 1, now += HEARTBEAT_EVERY_MS * 1000u, &looked);
	supervise_check_heartbeats(&c, 1, now + 1, &looked); /* not yet time to look */
	assert_int_equal(waitpid(c.pid, &status, WNOHANG), 0);
	heartbeat_send();
	heartbeat_attach(NULL, 0);
	for (int i = 0; i < LOOKS; i++)
		supervise_check_heartbeats(&c, 1, now += HEARTBEAT_EVERY_MS * 1000u, &looked);
	assert_int_equal(waitpid(c.pid, &status, WNOHANG), 0);
	supervise_check_heartbeats(&c, 1, now += HEARTBEAT_EVERY_MS * 1000u, &looked);
	assert_int_equal(waitpid(c.pid, &status, 0), c.pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	heartbeat_free(h);
	metrics_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(supervise_pause_ms_doubles_up_to_its_bound),
		cmocka_unit_test(supervise_ended_child_is_restarted_after_its_pause),
		cmocka_unit_test(a_process_without_heartbeats_is_killed),
	};

	log_init(STDERR_FILENO, LOG_L_ERROR, "test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
