/* Goal: bytes are moved whole and in order, and what is kept costs about what it holds, however it
 * came. */
#include "check.h"
#include <string.h>
#include <event2/buffer.h>
#include "net/buffer_policy.h"

static unsigned char next_in, next_out;

static void put(struct evbuffer *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		evbuffer_add(b, &(unsigned char){next_in++}, 1);
}

static void check(struct evbuffer *b)
{
	unsigned char c;

	while (evbuffer_remove(b, &c, 1) == 1)
		assert_int_equal(c, next_out++);
}

static void buffer_policy_move_keeps_all_bytes_in_order(void **state)
{
	static const size_t sizes[] = {1, 100, 5000, 16383, 16384, 30000};
	struct evbuffer *from = evbuffer_new(), *to = evbuffer_new();

	(void)state;
	next_in = next_out = 0;
	for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
		size_t n = sizes[i / 2];

		put(from, n + 10);
		assert_int_equal(buffer_policy_move(from, to, n, i % 2 == 1), 0);
		assert_int_equal(evbuffer_get_length(from), 10);
		assert_int_equal(buffer_policy_move(from, to, 10, true), 0);
	}
	check(to);
	assert_int_equal(next_in, next_out);
	evbuffer_free(from);
	evbuffer_free(to);
}

/* A thousand pieces of eight bytes, each in a chain that has room for 60,000. */
static void buffer_policy_move_leaves_large_chains_behind(void **state)
{
	struct evbuffer *from = evbuffer_new(), *to = evbuffer_new();
	struct evbuffer_iovec v[64];

	(void)state;
	next_in = next_out = 0;
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(evbuffer_expand(from, 60000), 0);
		put(from, 8);
		assert_int_equal(buffer_policy_move(from, to, 8, false), 0);
	}
	assert_true(evbuffer_peek(to, -1, NULL, v, 64) < 16);
	check(to);
	assert_int_equal(next_in, next_out);
	evbuffer_free(from);
	evbuffer_free(to);
}

static void buffer_policy_move_of_many_bytes_copies_nothing(void **state)
{
	struct evbuffer *from = evbuffer_new(), *to = evbuffer_new();
	struct evbuffer_iovec before, after;

	(void)state;
	assert_int_equal(evbuffer_expand(from, 60000), 0);
	put(from, 60000);
	assert_int_equal(evbuffer_peek(from, -1, NULL, &before, 1), 1);
	assert_int_equal(buffer_policy_move(from, to, 60000, false), 0);
	assert_int_equal(evbuffer_peek(to, -1, NULL, &after, 1), 1);
	assert_ptr_equal(before.iov_base, after.iov_base);
	evbuffer_free(from);
	evbuffer_free(to);
}

static void reads_are_as_large_as_what_is_wanted_in_one_piece(void **state)
{
	(void)state;
	assert_int_equal(buffer_policy_read_size(0, 0), BUFFER_READ_BYTES);
	assert_int_equal(buffer_policy_read_size(65000, 0), 65000);
	assert_int_equal(buffer_policy_read_size(65000, 15000), 50000);
	assert_int_equal(buffer_policy_read_size(65000, 64999), BUFFER_DELIVER_BYTES);
	assert_int_equal(buffer_policy_read_size(65000, 65000), BUFFER_READ_BYTES);
}

static void tls_buffers_are_released_where_much_or_no_one_knows_how_much_is_to_come(void **state)
{
	(void)state;
	assert_false(buffer_policy_release_after_read(false, 0));
	assert_false(buffer_policy_release_after_read(false, BUFFER_SLOW_FROM_BYTES));
	assert_true(buffer_policy_release_after_read(false, BUFFER_SLOW_FROM_BYTES + 1));
	assert_true(buffer_policy_release_after_read(true, 0));
}

static void first_piece_is_delivered_then_each_that_doubles_and_each_that_is_large(void **state)
{
	(void)state;
	assert_true(buffer_policy_deliver(1, 0));
	assert_true(buffer_policy_deliver(1, 1));
	assert_false(buffer_policy_deliver(1, 2));
	assert_true(buffer_policy_deliver(2, 2));
	assert_false(buffer_policy_deliver(BUFFER_DELIVER_BYTES - 1, 1000000));
	assert_true(buffer_policy_deliver(BUFFER_DELIVER_BYTES, 1000000));
}

static void chunks_are_small_in_a_crowd_and_large_for_a_few_that_are_quick(void **state)
{
	(void)state;
	assert_false(buffer_policy_small_chunks(BUFFER_CROWD - 1));
	assert_true(buffer_policy_small_chunks(BUFFER_CROWD));
	assert_true(buffer_policy_large_chunks(BUFFER_LARGE_UPLOADS - 1, BUFFER_LARGE_WITHIN_US));
	assert_false(buffer_policy_large_chunks(BUFFER_LARGE_UPLOADS, 0));
	assert_false(buffer_policy_large_chunks(0, BUFFER_LARGE_WITHIN_US + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffer_policy_move_keeps_all_bytes_in_order),
		cmocka_unit_test(buffer_policy_move_leaves_large_chains_behind),
		cmocka_unit_test(buffer_policy_move_of_many_bytes_copies_nothing),
		cmocka_unit_test(reads_are_as_large_as_what_is_wanted_in_one_piece),
		cmocka_unit_test(
			tls_buffers_are_released_where_much_or_no_one_knows_how_much_is_to_come),
		cmocka_unit_test(
			first_piece_is_delivered_then_each_that_doubles_and_each_that_is_large),
		cmocka_unit_test(chunks_are_small_in_a_crowd_and_large_for_a_few_that_are_quick),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
