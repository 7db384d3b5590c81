/* Goal: an answer ends when the bytes up to its last one are acknowledged, in the order in which
 * they were written, and not before; and whoever is left hears that the connection has ended. */
#include "check.h"
#include <unistd.h>
#include "http/unacked.h"

struct answer {
	struct unacked_entry entry;
	unsigned acked, dropped;
};

static void on_end(struct unacked_entry *e, bool acked)
{
	struct answer *a = (struct answer *)(void *)e;

	if (acked)
		a->acked++;
	else
		a->dropped++;
}

static void answer_ends_at_its_last_byte_and_not_before(void **state)
{
	struct answer a = {0}, b = {0};
	struct unacked u;

	(void)state;
	unacked_init(&u);
	unacked_add(&u, &a.entry, 100, on_end);
	unacked_add(&u, &b.entry, 250, on_end);
	assert_int_equal(u.n, 2);
	unacked_advance(&u, 99);
	assert_int_equal(a.acked, 0);
	unacked_advance(&u, 100);
	assert_int_equal(a.acked, 1);
	assert_int_equal(b.acked, 0);
	unacked_advance(&u, 100);
	assert_int_equal(a.acked, 1);
	unacked_advance(&u, 1000);
	assert_int_equal(b.acked, 1);
	assert_int_equal(u.n, 0);
	unacked_drop(&u);
	assert_int_equal(a.dropped + b.dropped, 0);
}

static void answers_that_are_left_are_dropped(void **state)
{
	struct answer a[3] = {0};
	struct unacked u;

	(void)state;
	unacked_init(&u);
	for (size_t i = 0; i < LEN(a); i++)
		unacked_add(&u, &a[i].entry, 10 + i, on_end);
	unacked_advance(&u, 10);
	unacked_drop(&u);
	assert_int_equal(a[0].acked, 1);
	assert_int_equal(a[1].dropped, 1);
	assert_int_equal(a[2].dropped, 1);
	assert_int_equal(u.n, 0);
}

static void list_stalls_only_while_it_holds_one_and_nothing_is_acknowledged(void **state)
{
	struct answer a = {0};
	struct unacked u;

	(void)state;
	unacked_init(&u);
	assert_false(unacked_stalled(&u, 0));
	unacked_add(&u, &a.entry, 100, on_end);
	assert_false(unacked_stalled(&u, 60000000));
	while (!unacked_stalled(&u, 2000)) /* it waits for the clock */
		usleep(500);
	unacked_advance(&u, 50);
	assert_false(unacked_stalled(&u, 60000000));
	unacked_advance(&u, 100);
	assert_false(unacked_stalled(&u, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_ends_at_its_last_byte_and_not_before),
		cmocka_unit_test(answers_that_are_left_are_dropped),
		cmocka_unit_test(list_stalls_only_while_it_holds_one_and_nothing_is_acknowledged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
