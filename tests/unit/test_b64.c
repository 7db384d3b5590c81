/* Goal: base64 in its three variants agrees with libsodium's, and nothing but the one canonical
 * spelling is read. */
#include <sodium.h>
#include "check.h"
#include "core/b64.h"

static const struct {
	enum tg_b64 ours;
	int theirs;
} VARIANT[] = {
	{TG_B64_STD, sodium_base64_VARIANT_ORIGINAL},
	{TG_B64_NOPAD, sodium_base64_VARIANT_ORIGINAL_NO_PADDING},
	{TG_B64_URL, sodium_base64_VARIANT_URLSAFE_NO_PADDING},
};

static void encode_random_bytes_agrees_with_libsodium(void **state)
{
	uint8_t raw[100], back[100];
	char ours[TG_B64_LEN(100) + 1], theirs[TG_B64_LEN(100) + 1];

	(void)state;
	for (size_t v = 0; v < LEN(VARIANT); v++)
		for (size_t n = 0; n <= sizeof raw; n++) {
			randombytes_buf(raw, n);
			sodium_bin2base64(theirs, sizeof theirs, raw, n, VARIANT[v].theirs);
			assert_int_equal(
				tg_b64_encode(VARIANT[v].ours, raw, n, ours), strlen(theirs));
			assert_string_equal(ours, theirs);
			assert_int_equal(
				tg_b64_decode(VARIANT[v].ours, ours, strlen(ours), back, n),
				(long)n);
			assert_memory_equal(raw, back, n);
		}
}

static void encode_rfc4648_vectors(void **state)
{
	static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
	static const char *const text[] = {
		"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
	char out[16];

	(void)state;
	for (size_t i = 0; i < LEN(plain); i++) {
		tg_b64_encode(TG_B64_STD, (const uint8_t *)plain[i], strlen(plain[i]), out);
		assert_string_equal(out, text[i]);
	}
}

static void decode_second_spellings_are_refused(void **state)
{
	static const struct {
		enum tg_b64 v;
		const char *s;
	} bad[] = {
		{TG_B64_STD, "Zg"},
		{TG_B64_STD, "Zg="},
		{TG_B64_STD, "Zg==="},
		{TG_B64_STD, "Zh=="},
		{TG_B64_STD, "Zm9="},
		{TG_B64_STD, "===="},
		{TG_B64_STD, "Z==="},
		{TG_B64_STD, "Zg==Zg=="},
		{TG_B64_STD, "Zm-v"},
		{TG_B64_STD, "=m9v"},
		{TG_B64_NOPAD, "Z"},
		{TG_B64_NOPAD, "Zg=="},
		{TG_B64_NOPAD, "Zh"},
		{TG_B64_NOPAD, "Zm9"},
		{TG_B64_NOPAD, "Zm9v\n"},
		{TG_B64_NOPAD, " Zm9v"},
		{TG_B64_NOPAD, "Zm9vY"},
		{TG_B64_NOPAD, "____"},
		{TG_B64_URL, "++++"},
		{TG_B64_URL, "Zm8="},
	};
	uint8_t out[16];

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++)
		assert_int_equal(
			tg_b64_decode(bad[i].v, bad[i].s, strlen(bad[i].s), out, sizeof out),
			TG_EINVAL);
}

static void decode_too_small_a_room_is_refused(void **state)
{
	uint8_t out[3] = {9, 9, 9};

	(void)state;
	assert_int_equal(tg_b64_decode(TG_B64_STD, "Zm9v", 4, out, 2), TG_EINVAL);
	assert_memory_equal(out, "\t\t\t", 3);
	assert_int_equal(tg_b64_decode(TG_B64_STD, "Zm8=", 4, out, 2), 2);
	assert_int_equal(tg_b64_decode(TG_B64_NOPAD, "", 0, out, 0), 0);
}

/* Not against libsodium here: its 1.0.18 takes bytes above 127 for digits. */
static void decode_every_single_byte_is_a_digit_or_refused(void **state)
{
	static const char common[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	static const char *const own[] = {"+/", "+/", "-_"};
	char s[5] = "AAAA";
	uint8_t out[3];

	(void)state;
	for (size_t v = 0; v < LEN(VARIANT); v++)
		for (int c = 0; c < 256; c++) {
			int digit = c != 0 && (strchr(common, c) || strchr(own[v], c));
			s[2] = (char)c;
			assert_int_equal(tg_b64_decode(VARIANT[v].ours, s, 4, out, sizeof out),
				digit ? 3 : TG_EINVAL);
		}
}

static int set_up(void **state)
{
	(void)state;
	return sodium_init() < 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encode_random_bytes_agrees_with_libsodium),
		cmocka_unit_test(encode_rfc4648_vectors),
		cmocka_unit_test(decode_second_spellings_are_refused),
		cmocka_unit_test(decode_too_small_a_room_is_refused),
		cmocka_unit_test(decode_every_single_byte_is_a_digit_or_refused),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
