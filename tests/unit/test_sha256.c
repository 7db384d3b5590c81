/*
 * Goal: a hash is the same whoever computes it: the first of an object are libsodium's, later ones
 * OpenSSL's.
 */
#include <openssl/evp.h>
#include <string.h>
#include "check.h"
#include "core/sha256.h"

static void sha256_is_the_same_before_and_behind_the_change(void **state)
{
	struct sha256 *h = sha256_new();
	uint8_t data[600], got[SHA256_BYTES], want[SHA256_BYTES];

	(void)state;
	assert_non_null(h);
	for (size_t i = 0; i < sizeof data; i++) {
		memset(data, (int)i, i);
		sha256_of(h, data, i / 3, data + i / 3, i - i / 3, got);
		assert_int_equal(EVP_Digest(data, i, want, NULL, EVP_sha256(), NULL), 1);
		assert_memory_equal(got, want, sizeof want);
	}
	sha256_free(h);
	sha256_free(NULL);
}

static void sha256_may_write_over_what_it_reads(void **state)
{
	struct sha256 *h = sha256_new();
	uint8_t chain[SHA256_BYTES] = {0}, want[SHA256_BYTES] = {0};

	(void)state;
	for (int i = 0; i < 600; i++) {
		sha256_of(h, chain, sizeof chain, NULL, 0, chain);
		assert_int_equal(EVP_Digest(want, sizeof want, want, NULL, EVP_sha256(), NULL), 1);
		assert_memory_equal(chain, want, sizeof want);
	}
	sha256_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_is_the_same_before_and_behind_the_change),
		cmocka_unit_test(sha256_may_write_over_what_it_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
