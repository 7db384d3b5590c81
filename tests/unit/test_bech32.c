/* Goal: Bech32 agrees with age's own keys and BIP 173's checksum; every single-character fault is
 * seen. */
#include "check.h"
#include "lib/bech32.h"

#define IDENTITY "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0"

static void decode_age_identity_encodes_back(void **state)
{
	uint8_t key[32];
	char text[128];

	(void)state;
	assert_int_equal(
		tg_bech32_decode("AGE-SECRET-KEY-", IDENTITY, strlen(IDENTITY), key, 32), 0);
	assert_int_equal(tg_bech32_encode("AGE-SECRET-KEY-", key, 32, text, sizeof text), 0);
	assert_string_equal(text, IDENTITY);
}

static void encode_bip173_vector(void **state)
{
	/* BIP 173's "abcdef" vector holds the 5-bit values 0 to 31, which are these 20 bytes. */
	static const char text[] = "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw";
	uint8_t raw[20];
	char out[64];

	(void)state;
	assert_int_equal(tg_bech32_decode("abcdef", text, strlen(text), raw, sizeof raw), 0);
	assert_memory_equal(raw,
		"\x00\x44\x32\x14\xc7\x42\x54\xb6\x35\xcf\x84\x65\x3a\x56\xd7\xc6\x75\xbe\x77\xdf",
		20);
	assert_int_equal(tg_bech32_encode("abcdef", raw, sizeof raw, out, sizeof out), 0);
	assert_string_equal(out, text);
}

static void round_trip_every_length(void **state)
{
	uint8_t raw[70], back[70];
	char text[160];

	(void)state;
	for (size_t n = 0; n <= sizeof raw; n++) {
		for (size_t i = 0; i < n; i++)
			raw[i] = (uint8_t)(i * 37 + n);
		assert_int_equal(tg_bech32_encode("t", raw, n, text, sizeof text), 0);
		assert_int_equal(strlen(text), TG_BECH32_LEN(1, n));
		assert_int_equal(tg_bech32_decode("t", text, strlen(text), back, n), 0);
		assert_memory_equal(raw, back, n);
	}
}

static void decode_every_single_change_is_seen(void **state)
{
	static const char with[] = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LB1Oq- \n\xff";
	char text[] = IDENTITY;
	uint8_t key[32];

	(void)state;
	for (size_t i = 0; i < strlen(text); i++) {
		char was = text[i];
		for (size_t k = 0; k < sizeof with; k++) {
			text[i] = with[k];
			if (text[i] != was)
				assert_int_equal(tg_bech32_decode("AGE-SECRET-KEY-", text,
							 sizeof text - 1, key, 32),
					TG_EKEY);
		}
		text[i] = was;
	}
}

static void decode_other_shape_is_refused_and_wiped(void **state)
{
	static const uint8_t zero[32];
	uint8_t key[32];
	char lower[sizeof IDENTITY];

	(void)state;
	for (size_t i = 0; i < sizeof lower; i++)
		lower[i] = IDENTITY[i] >= 'A' && IDENTITY[i] <= 'Z' ? (char)(IDENTITY[i] + 32) :
								      IDENTITY[i];
	assert_int_equal(
		tg_bech32_decode("AGE-SECRET-KEY-", lower, strlen(lower), key, 32), TG_EKEY);
	assert_int_equal(
		tg_bech32_decode("AGE-SECRET-KEY-", IDENTITY, strlen(IDENTITY) - 1, key, 32),
		TG_EKEY);
	assert_int_equal(
		tg_bech32_decode("AGE-SECRET-KEY-", IDENTITY "Q", strlen(IDENTITY) + 1, key, 32),
		TG_EKEY);
	assert_int_equal(
		tg_bech32_decode("AGE-PUBLIC-KEYS", IDENTITY, strlen(IDENTITY), key, 32), TG_EKEY);
	assert_int_equal(tg_bech32_decode("AGE-SECRET-KEY-", "", 0, key, 32), TG_EKEY);
	memset(key, 7, sizeof key);
	memcpy(lower, IDENTITY, sizeof lower);
	lower[strlen(lower) - 1] = 'Q';
	assert_int_equal(
		tg_bech32_decode("AGE-SECRET-KEY-", lower, strlen(lower), key, 32), TG_EKEY);
	assert_memory_equal(key, zero, sizeof key);
}

static void encode_too_small_a_room_is_refused(void **state)
{
	uint8_t key[32] = {0};
	char out[128];

	(void)state;
	assert_int_equal(tg_bech32_encode("age", key, 32, out, TG_BECH32_LEN(3, 32)), TG_EINVAL);
	assert_int_equal(tg_bech32_encode("age", key, 32, out, TG_BECH32_LEN(3, 32) + 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decode_age_identity_encodes_back),
		cmocka_unit_test(encode_bip173_vector),
		cmocka_unit_test(round_trip_every_length),
		cmocka_unit_test(decode_every_single_change_is_seen),
		cmocka_unit_test(decode_other_shape_is_refused_and_wiped),
		cmocka_unit_test(encode_too_small_a_room_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
