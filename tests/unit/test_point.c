/* test_point.c: the table names just those X25519 values with which libsodium refuses every secret.
 */
#include "check.h"
#include <sodium.h>
#include "core/point.h"

/* libsodium fails exactly when the shared secret is 32 zero bytes. */
static int libsodium_refuses(const uint8_t u[32])
{
	uint8_t secret[32], shared[32];

	randombytes_buf(secret, sizeof secret);
	return crypto_scalarmult(shared, secret, u) != 0;
}

static void check(const uint8_t u[32], int small)
{
	uint8_t high[32];

	memcpy(high, u, 32);
	high[31] |= 0x80;
	assert_int_equal(tg_point_small_order(u), small);
	assert_int_equal(libsodium_refuses(u), small);
	assert_int_equal(tg_point_small_order(high), small); /* the highest bit means nothing */
	assert_int_equal(libsodium_refuses(high), small);
}

static void point_small_values_and_those_around_p(void **state)
{
	uint8_t u[32] = {0};

	(void)state;
	for (int v = 0; v < 256; v++) {
		u[0] = (uint8_t)v;
		check(u, v <= 1);
	}
	memset(u, 0xff, sizeof u);
	u[31] = 0x7f;
	for (int v = 0; v < 256; v++) {
		u[0] = (uint8_t)v;
		check(u, v >= 0xec && v <= 0xee);
	}
}

/* Sums of points of small order are of small order; these two are the only ones that are no small
 * numbers. */
static void point_of_order_8(void **state)
{
	static const char *const hex[] = {
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"};
	uint8_t u[32];

	(void)state;
	for (size_t i = 0; i < LEN(hex); i++) {
		assert_int_equal(sodium_hex2bin(u, sizeof u, hex[i], 64, NULL, NULL, NULL), 0);
		check(u, 1);
		for (size_t bit = 0; bit < 255; bit++) {
			u[bit / 8] ^= (uint8_t)(1u << bit % 8);
			check(u, 0);
			u[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}

static void point_random_ones_pass(void **state)
{
	uint8_t u[32];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		randombytes_buf(u, sizeof u);
		check(u, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(point_small_values_and_those_around_p),
		cmocka_unit_test(point_of_order_8),
		cmocka_unit_test(point_random_ones_pass),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
