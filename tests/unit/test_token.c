/* Goal: ids are unguessable, name their shard, and have exactly one spelling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

#include "base/token.h"

static void token_make_every_shard_reads_back(void **state)
{
	char a[TOKEN_LEN + 1], b[TOKEN_LEN + 1];
	unsigned s;

	(void)state;
	for (s = 0; s < TOKEN_SHARDS; s++) {
		token_make(s, a);
		token_make(s, b);
		assert_int_equal(strlen(a), TOKEN_LEN);
		assert_int_equal(token_shard(a, TOKEN_LEN), (int)s);
		assert_string_not_equal(a, b);
	}
}

static void token_shard_malformed_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"00",
		"00AAAAAAAAAAAAAAAAAAAAA",
		"00AAAAAAAAAAAAAAAAAAAAAAA", /* lengths */
		"40AAAAAAAAAAAAAAAAAAAAAA",
		"ffAAAAAAAAAAAAAAAAAAAAAA", /* no such shard */
		/* not lower-case hex */
		"0gAAAAAAAAAAAAAAAAAAAAAA",
		"3FAAAAAAAAAAAAAAAAAAAAAA",
		" 1AAAAAAAAAAAAAAAAAAAAAA",
		"00AAAAAAAAAAAAAAAAAAAAAB", /* unused bits set */
		"00AAAAAAAAAA+AAAAAAAAAAA",
		"00AAAAAAAAAA/AAAAAAAAAAA",
		"00AAAAAAAAAAAAAAAAAAAA==",
		"00AAAAAAAAAA AAAAAAAAAAA",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(token_shard(bad[i], strlen(bad[i])), -1);
	assert_int_equal(token_shard("\0"
				     "0AAAAAAAAAAAAAAAAAAAAAA",
				 TOKEN_LEN),
		-1);
	assert_int_equal(token_shard("0\0AAAAAAAAAAAAAAAAAAAAAA", TOKEN_LEN), -1);
	assert_int_equal(token_shard("00AAAAAAAAAA\0AAAAAAAAAAA", TOKEN_LEN), -1);
}

static void token_shard_canonical_is_accepted(void **state)
{
	(void)state;
	assert_int_equal(token_shard("00AAAAAAAAAAAAAAAAAAAAAA", TOKEN_LEN), 0);
	assert_int_equal(token_shard("3f_-___________________w", TOKEN_LEN), 63);
}

static void token_any_shard_many_draws_cover_all(void **state)
{
	int seen[TOKEN_SHARDS] = {0};
	unsigned i, s;

	(void)state;
	for (i = 0; i < 64 * 64; i++) {
		s = token_any_shard();
		assert_true(s < TOKEN_SHARDS);
		seen[s] = 1;
	}
	for (i = 0; i < TOKEN_SHARDS; i++)
		assert_int_equal(seen[i], 1);
}

/* printf 'timeglas evidence 1\n2aAAAAAAAAAAAAAAAAAAAAAA' | sha256sum | cut -c1-32 */
static void token_tag_is_what_others_compute(void **state)
{
	char tag[TOKEN_TAG_LEN + 1];

	(void)state;
	token_tag("2aAAAAAAAAAAAAAAAAAAAAAA", tag);
	assert_string_equal(tag, "87308bf42cdd3c57b13916080ad00378");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_make_every_shard_reads_back),
		cmocka_unit_test(token_shard_malformed_is_refused),
		cmocka_unit_test(token_shard_canonical_is_accepted),
		cmocka_unit_test(token_any_shard_many_draws_cover_all),
		cmocka_unit_test(token_tag_is_what_others_compute),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
