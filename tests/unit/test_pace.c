/* Goal: for a near store the reaper makes few large calls; for a distant one a small call for each
 * shard, and fewer of them while the store itself is slow. */
#include "check.h"
#include "reaper/pace.h"

#define NEAR_US 200u
#define FAR_US 100000u

static uint64_t now_us = 1000000;

/* One call after the other, each so long on its way. */
static void answers(struct pace *p, unsigned n, uint64_t took_us)
{
	while (n-- > 0) {
		unsigned entries = pace_entries(p, 0);
		pace_asked(p, entries);
		now_us += took_us;
		pace_answered(p, entries, took_us, now_us);
	}
}

/* How many are sent when everything is due. */
static unsigned burst(struct pace *p, unsigned overdue, unsigned *entries)
{
	struct pace before = *p;
	unsigned n = 0;

	*entries = 0;
	while (n < 64 && pace_may(p)) {
		unsigned e = pace_entries(p, overdue);
		pace_asked(p, e);
		*entries += e;
		n++;
	}
	*p = before;
	return n;
}

static void near_store_has_two_calls_whatever_is_due(void **state)
{
	struct pace p;
	unsigned entries;

	(void)state;
	pace_init(&p);
	assert_int_equal(burst(&p, 0, &entries), 2); /* also before anything is known */
	answers(&p, 3, NEAR_US);
	assert_int_equal(burst(&p, 0, &entries), 2);
	assert_int_equal(entries, 128);
	assert_int_equal(pace_early_us(&p), 0);
}

static void distant_store_is_asked_for_every_shard_at_once(void **state)
{
	struct pace p;
	unsigned entries;

	(void)state;
	pace_init(&p);
	answers(&p, 1, FAR_US);
	assert_int_equal(burst(&p, 0, &entries), 64);
	assert_int_equal(entries, 512);
	/* of long queues, not more at a time either */
	assert_int_equal(burst(&p, 1000, &entries), 8);
	assert_int_equal(entries, 512);
	assert_in_range(pace_early_us(&p), FAR_US * 8 / 10, FAR_US - 1);
}

static void slow_store_is_asked_for_less(void **state)
{
	struct pace p;
	unsigned entries;

	(void)state;
	pace_init(&p);
	answers(&p, 1, FAR_US);
	answers(&p, 3, FAR_US + 50000);
	assert_int_equal(burst(&p, 0, &entries), 8);
	answers(&p, 10, FAR_US + 50000);
	assert_int_equal(burst(&p, 0, &entries), 2);
	answers(&p, 62, FAR_US);
	assert_int_equal(burst(&p, 0, &entries), 64);
}

/* A near store that is busy for a moment is no distant one; one that moved is, after two whiles of
 * five seconds. */
static void distance_is_the_shortest_of_some_seconds(void **state)
{
	struct pace p;
	unsigned entries;

	(void)state;
	pace_init(&p);
	answers(&p, 1, NEAR_US);
	answers(&p, 40, 10000);
	assert_int_equal(burst(&p, 0, &entries), 2);
	answers(&p, 150, FAR_US);
	assert_int_equal(burst(&p, 0, &entries), 64);
	answers(&p, 1, NEAR_US);
	assert_int_equal(burst(&p, 0, &entries), 2);
}

static void lost_call_counts_no_more(void **state)
{
	struct pace p;

	(void)state;
	pace_init(&p);
	pace_asked(&p, 64);
	pace_asked(&p, 64);
	assert_false(pace_may(&p));
	pace_answered(&p, 64, 0, now_us);
	assert_true(pace_may(&p));
	assert_int_equal(pace_early_us(&p), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(near_store_has_two_calls_whatever_is_due),
		cmocka_unit_test(distant_store_is_asked_for_every_shard_at_once),
		cmocka_unit_test(slow_store_is_asked_for_less),
		cmocka_unit_test(distance_is_the_shortest_of_some_seconds),
		cmocka_unit_test(lost_call_counts_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
