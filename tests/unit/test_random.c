/* Goal: no piece of randomness is given out twice: not by one process, and not by a process and its
 * child, which has a copy of everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <sodium.h>

#include "base/random.h"

#define PIECES 1000

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

static void assert_all_differ(uint8_t (*piece)[16], size_t n)
{
	qsort(piece, n, sizeof *piece, compare);
	for (size_t i = 1; i < n; i++)
		assert_memory_not_equal(piece[i - 1], piece[i], sizeof *piece);
}

static void random_fill_never_repeats(void **state)
{
	static uint8_t piece[PIECES][16];

	(void)state;
	for (size_t i = 0; i < PIECES; i++)
		random_fill(piece[i], sizeof piece[i]);
	assert_all_differ(piece, PIECES);
}

static void random_fill_in_a_child_differs_from_its_parents(void **state)
{
	static uint8_t piece[200][16];
	int fds[2], status;
	pid_t child;

	(void)state;
	random_fill(piece[0], 16); /* the pool is filled before the fork */
	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		for (size_t i = 0; i < 100; i++)
			random_fill(piece[i], 16);
		_exit(write(fds[1], piece, sizeof piece / 2) == sizeof piece / 2 ? 0 : 1);
	}
	for (size_t i = 0; i < 100; i++)
		random_fill(piece[i], 16);
	assert_int_equal(read(fds[0], (uint8_t *)piece + sizeof piece / 2, sizeof piece / 2),
		sizeof piece / 2);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(fds[0]);
	close(fds[1]);
	assert_all_differ(piece, 200);
}

static void random_fill_takes_every_length(void **state)
{
	uint8_t out[RANDOM_MAX + 1] = {0};

	(void)state;
	for (size_t n = 0; n <= RANDOM_MAX; n++)
		for (int i = 0; i < 100; i++)
			random_fill(out, n);
	assert_int_equal(out[RANDOM_MAX], 0);
	assert_false(sodium_is_zero(out, RANDOM_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_fill_never_repeats),
		cmocka_unit_test(random_fill_in_a_child_differs_from_its_parents),
		cmocka_unit_test(random_fill_takes_every_length),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
