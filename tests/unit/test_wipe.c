/*
 * test_wipe.c: realloc() keeps what it must and leaves nothing behind; what a store's allocator
 * reports is understood. That freed memory is really overwritten is seen from outside:
 * tests/system/test_wipe.py.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "wipe/wipe.h"

/* The compiler knows realloc() too well: it would reason about the old block. */
static void *(*volatile resize)(void *, size_t) = realloc;

static enum wipe_state store_says(const char *text)
{
	return wipe_store(text, strlen(text));
}

static void wipe_store_report_of_jemalloc_tells_what_it_does(void **state)
{
	(void)state;
	assert_int_equal(store_says(""), WIPE_UNKNOWN);
	assert_int_equal(store_says("Stats not supported for the current allocator"), WIPE_UNKNOWN);
	assert_int_equal(store_says("opt.abort: false\n  opt.junk: \"false\"\n"), WIPE_NONE);
	assert_int_equal(store_says("opt.junk: \"alloc\"\n"), WIPE_NONE);
	assert_int_equal(store_says("opt.junk: \"free\"\n"), WIPE_FREED);
	assert_int_equal(store_says("opt.junk: \"true\"\n"), WIPE_FREED);
	assert_int_equal(store_says(WIPE_MARK "opt.junk: \"free\"\n"), WIPE_ALL);
	assert_int_equal(wipe_store(WIPE_MARK, sizeof WIPE_MARK - 2), WIPE_UNKNOWN);
}

static void wipe_self_without_jemalloc_cannot_tell(void **state)
{
	(void)state;
	assert_int_equal(wipe_self(), WIPE_UNKNOWN);
	assert_string_equal(wipe_state_text(WIPE_UNKNOWN), "cannot be told");
}

static void realloc_any_size_keeps_content(void **state)
{
	static const size_t sizes[] = {1, 24, 100, 90, 5000, 4999, 300000, 16, 70000, 70001, 1};
	unsigned char *p = NULL;
	size_t kept = 0;

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		p = resize(p, sizes[i]);
		assert_non_null(p);
		for (size_t k = 0; k < kept && k < sizes[i]; k++)
			assert_int_equal(p[k], k % 251);
		for (size_t k = 0; k < sizes[i]; k++)
			p[k] = (unsigned char)(k % 251);
		kept = sizes[i];
	}
	assert_null(resize(p, 0));
}

static void realloc_too_large_leaves_the_block(void **state)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	(void)state;
	print_message("SKIP: a sanitizer brings its own realloc\n");
	skip();
#else
	char *p = malloc(8);

	(void)state;
	assert_non_null(p);
	strcpy(p, "glass");
	assert_null(resize(p, PTRDIFF_MAX));
	assert_string_equal(p, "glass");
	free(p);
#endif
}

static void realloc_shrinking_in_place_wipes_the_end(void **state)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	(void)state;
	print_message("SKIP: a sanitizer brings its own realloc\n");
	skip();
#else
	const char *preload = getenv("LD_PRELOAD");
	volatile size_t have, keep;
	unsigned char *p, *q;

	(void)state;
	if (preload != NULL && strstr(preload, "valgrind") != NULL) {
		print_message("SKIP: memcheck replaces realloc\n");
		skip();
	}
	p = malloc(1000);
	assert_non_null(p);
	have = malloc_usable_size(p);
	keep = have - have / 16;
	memset(p, 0xa5, have);
	q = resize(p, keep);
	assert_ptr_equal(q, p);
	assert_int_equal(q[keep - 1], 0xa5);
	for (size_t i = keep; i < malloc_usable_size(q); i++)
		assert_int_equal(((volatile unsigned char *)q)[i], 0);
	free(q);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wipe_store_report_of_jemalloc_tells_what_it_does),
		cmocka_unit_test(wipe_self_without_jemalloc_cannot_tell),
		cmocka_unit_test(realloc_any_size_keeps_content),
		cmocka_unit_test(realloc_too_large_leaves_the_block),
		cmocka_unit_test(realloc_shrinking_in_place_wipes_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
