/* Goal: tasks run once per turn, in order, after all callbacks; what tasks defer comes a turn later
 * without a sleep; timeouts are shared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "net_fixture.h"

struct seen {
	struct loop *l;
	char text[64];
	size_t n;
};
struct named {
	struct loop_task t;
	struct seen *seen;
	char name;
	int again;
	struct loop_task *cancel;
};

static void note(struct loop_task *t, void *ctx)
{
	struct named *x = ctx;

	x->seen->text[x->seen->n++] = x->name;
	if (x->cancel)
		loop_cancel(x->seen->l, x->cancel);
	if (x->again-- > 0)
		loop_defer(x->seen->l, t);
	else if (x->name == 'z')
		loop_stop(x->seen->l);
}

static struct named named(struct seen *s, char name, int again)
{
	return (struct named){.t = {.run = note}, .seen = s, .name = name, .again = again};
}

static void loop_defer_twice_runs_once_in_order(void **state)
{
	struct seen s = {.l = loop_new()};
	struct named a = named(&s, 'a', 0), b = named(&s, 'b', 0), z = named(&s, 'z', 0);

	(void)state;
	a.t.ctx = &a, b.t.ctx = &b, z.t.ctx = &z;
	loop_defer(s.l, &b.t);
	loop_defer(s.l, &a.t);
	loop_defer(s.l, &b.t);
	loop_defer(s.l, &z.t);
	assert_true(loop_run_for(s.l, 5000));
	assert_string_equal(s.text, "baz");
	loop_free(s.l);
}

static void loop_defer_from_task_runs_next_turn(void **state)
{
	struct seen s = {.l = loop_new()};
	struct named a = named(&s, 'a', 2), z = named(&s, 'z', 2);

	(void)state;
	a.t.ctx = &a, z.t.ctx = &z;
	loop_defer(s.l, &a.t);
	loop_defer(s.l, &z.t);
	assert_true(loop_run_for(s.l, 5000));
	assert_string_equal(s.text, "azazaz");
	loop_free(s.l);
}

static void loop_cancel_in_task_prevents_the_other(void **state)
{
	struct seen s = {.l = loop_new()};
	struct named a = named(&s, 'a', 0), b = named(&s, 'b', 0), z = named(&s, 'z', 0);

	(void)state;
	a.t.ctx = &a, b.t.ctx = &b, z.t.ctx = &z;
	a.cancel = &b.t;
	loop_defer(s.l, &a.t);
	loop_defer(s.l, &b.t);
	loop_defer(s.l, &z.t);
	assert_true(loop_run_for(s.l, 5000));
	assert_string_equal(s.text, "az");
	assert_false(b.t.queued);
	loop_free(s.l);
}

static void on_timer_b(evutil_socket_t fd, short what, void *arg)
{
	struct named *x = arg;

	(void)fd, (void)what;
	x->seen->text[x->seen->n++] = 'T';
	loop_defer(x->seen->l, &x->t);
}

static void loop_run_callbacks_precede_their_tasks(void **state)
{
	struct seen s = {.l = loop_new()};
	struct named z = named(&s, 'z', 0);
	struct event *one = evtimer_new(loop_base(s.l), on_timer_b, &z),
		     *two = evtimer_new(loop_base(s.l), on_timer_b, &z);
	const struct timeval now = {0, 0};

	(void)state;
	z.t.ctx = &z;
	evtimer_add(one, &now);
	evtimer_add(two, &now);
	assert_true(loop_run_for(s.l, 5000));
	assert_string_equal(s.text, "TTz");
	event_free(one);
	event_free(two);
	loop_free(s.l);
}

static void loop_timeout_same_seconds_same_queue(void **state)
{
	struct loop *l = loop_new();
	const struct timeval *ten = loop_timeout(l, 10);

	(void)state;
	assert_ptr_equal(ten, loop_timeout(l, 10));
	assert_ptr_not_equal(ten, loop_timeout(l, 11));
	/* more than libevent has common timeouts for: still a usable answer */
	for (unsigned i = 0; i < 400; i++)
		assert_non_null(loop_timeout(l, 1000 + i));
	assert_int_equal(loop_timeout(l, 7777)->tv_sec, 7777);
	assert_ptr_equal(ten, loop_timeout(l, 10));
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loop_defer_twice_runs_once_in_order),
		cmocka_unit_test(loop_defer_from_task_runs_next_turn),
		cmocka_unit_test(loop_cancel_in_task_prevents_the_other),
		cmocka_unit_test(loop_run_callbacks_precede_their_tasks),
		cmocka_unit_test(loop_timeout_same_seconds_same_queue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
