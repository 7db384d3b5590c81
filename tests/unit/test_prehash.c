/* Goal: the hash by one library and the signature by the other give what libsodium alone gives,
 * whatever the length and however it was cut. */
#include <sodium.h>
#include <timeglas/timeglas.h>
#include "check.h"
#include "core/hex.h"
#include "lib/prehash.h"

static void prehash_every_length_and_cut_gives_libsodiums_signature(void **state)
{
	uint8_t text[1200], pk[32], sk[64], want[64], got[64];

	(void)state;
	randombytes_buf(text, sizeof text);
	crypto_sign_keypair(pk, sk);
	for (size_t n = 0; n <= sizeof text; n += n < 300 ? 1 : 37)
		for (size_t cut = 1; cut <= 513; cut = cut * 3 + 1) {
			crypto_sign_state whole;
			struct tg_prehash h;

			crypto_sign_init(&whole);
			crypto_sign_update(&whole, text, n);
			crypto_sign_final_create(&whole, want, NULL, sk);
			tg_prehash_init(&h);
			for (size_t at = 0; at < n; at += cut)
				tg_prehash_update(&h, text + at, n - at < cut ? n - at : cut);
			assert_int_equal(tg_prehash_sign(&h, sk, got), 0);
			assert_memory_equal(got, want, sizeof want);
			assert_int_equal(tg_prehash_verify(&h, want, pk), 0);
			got[n % 64] ^= 1;
			assert_int_equal(tg_prehash_verify(&h, got, pk), TG_ESIGNATURE);
		}
}

/* More bits than 32 of a count hold. */
static void prehash_long_text_gives_libsodiums_signature(void **state)
{
	static uint8_t block[1 << 20];
	uint8_t pk[32], sk[64], want[64], got[64];
	crypto_sign_state whole;
	struct tg_prehash h;

	(void)state;
	crypto_sign_keypair(pk, sk);
	crypto_sign_init(&whole);
	tg_prehash_init(&h);
	for (size_t i = 0; i < 20; i++) {
		crypto_sign_update(&whole, block, sizeof block - 1);
		tg_prehash_update(&h, block, sizeof block - 1);
	}
	crypto_sign_final_create(&whole, want, NULL, sk);
	assert_int_equal(tg_prehash_sign(&h, sk, got), 0);
	assert_memory_equal(got, want, sizeof want);
}

/* RFC 8032, section 7.3: "abc" under Ed25519ph. */
static void prehash_rfc_8032_signature_comes_out(void **state)
{
	uint8_t seed[32], pk[32], sk[64], want[64], got[64];
	struct tg_prehash h;

	(void)state;
	assert_int_equal(
		tg_hex_decode("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
			64, seed, sizeof seed),
		0);
	assert_int_equal(
		tg_hex_decode("98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
			      "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
			128, want, sizeof want),
		0);
	crypto_sign_seed_keypair(pk, sk, seed);
	tg_prehash_init(&h);
	tg_prehash_update(&h, "abc", 3);
	assert_int_equal(tg_prehash_sign(&h, sk, got), 0);
	assert_memory_equal(got, want, sizeof want);
	assert_int_equal(tg_prehash_verify(&h, want, pk), 0);
	assert_int_equal(tg_prehash_works(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prehash_every_length_and_cut_gives_libsodiums_signature),
		cmocka_unit_test(prehash_long_text_gives_libsodiums_signature),
		cmocka_unit_test(prehash_rfc_8032_signature_comes_out),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
