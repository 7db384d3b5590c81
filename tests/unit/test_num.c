/* Goal: numbers, sizes, hex and times are read strictly and written so that they read back, at
 * every limit. */
#include <time.h>
#include "check.h"
#include "core/hex.h"
#include "core/num.h"
#include "core/time.h"

static void num_u64_good_text_gives_its_value(void **state)
{
	static const struct {
		const char *s;
		uint64_t max, want;
	} good[] = {
		{"0", 0, 0},
		{"007", 7, 7},
		{"86400", 86400, 86400},
		{"18446744073709551615", UINT64_MAX, UINT64_MAX},
		{"18446744073709551614", UINT64_MAX, UINT64_MAX - 1},
	};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < LEN(good); i++) {
		assert_int_equal(tg_num_u64(good[i].s, strlen(good[i].s), good[i].max, &v), 0);
		assert_true(v == good[i].want);
	}
}

static void num_u64_bad_text_is_refused(void **state)
{
	static const char *const bad[] = {"", "+1", "-1", " 1", "1 ", "1\n", "0x10", "1e3", "1.0",
		"18446744073709551616", "99999999999999999999", "184467440737095516150", "/", ":"};
	uint64_t v = 42;

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++)
		assert_int_equal(tg_num_u64(bad[i], strlen(bad[i]), UINT64_MAX, &v), TG_EINVAL);
	assert_int_equal(tg_num_u64("901", 3, 900, &v), TG_EINVAL);
	assert_int_equal(tg_num_u64("1\0002", 3, 900, &v), TG_EINVAL);
	assert_true(v == 42);
}

static void num_size_suffixes_multiply(void **state)
{
	static const struct {
		const char *s;
		uint64_t want;
	} good[] = {
		{"0", 0},
		{"17", 17},
		{"1k", 1024},
		{"1K", 1024},
		{"32m", 32u << 20},
		{"32MiB", 32u << 20},
		{"4KiB", 4096},
		{"2g", 2ull << 30},
		{"3GiB", 3ull << 30},
		{"0k", 0},
	};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < LEN(good); i++) {
		assert_int_equal(tg_num_size(good[i].s, strlen(good[i].s), UINT64_MAX, &v), 0);
		assert_true(v == good[i].want);
	}
}

static void num_size_bad_text_is_refused(void **state)
{
	static const char *const bad[] = {"", "k", "KiB", "1kiB", "1KB", "1kb", "1t", "1 k", "k1",
		"1kk", "18446744073709551615k", "1KiBB"};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++)
		assert_int_equal(tg_num_size(bad[i], strlen(bad[i]), UINT64_MAX, &v), TG_EINVAL);
	assert_int_equal(tg_num_size("2k", 2, 2047, &v), TG_EINVAL);
	assert_int_equal(tg_num_size("1k", 2, 2047, &v), 0);
}

static void num_duration_units_multiply(void **state)
{
	static const struct {
		const char *s;
		uint64_t max, want;
	} good[] = {
		{"0", 0, 0},
		{"90", 90, 90},
		{"90s", 90, 90},
		{"15m", 900, 900},
		{"1h", 3600, 3600},
		{"24h", 86400, 86400},
		{"1d", 86400, 86400},
		{"0d", 0, 0},
		{"18446744073709551615", UINT64_MAX, UINT64_MAX},
		{"213503982334601d", UINT64_MAX, 18446744073709526400u},
	};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < LEN(good); i++) {
		assert_int_equal(tg_num_duration(good[i].s, strlen(good[i].s), good[i].max, &v), 0);
		assert_true(v == good[i].want);
	}
}

static void num_duration_bad_text_is_refused(void **state)
{
	static const char *const bad[] = {"", "s", "d", "1.5h", "1h30m", "1 h", "-1m", "+1m", "1H",
		"1D", "1M", "1w", "1ms", "1min", "1hh", "h1", "213503982334602d",
		"18446744073709551616"};
	uint64_t v = 42;

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++)
		assert_int_equal(
			tg_num_duration(bad[i], strlen(bad[i]), UINT64_MAX, &v), TG_EINVAL);
	assert_int_equal(tg_num_duration("901", 3, 900, &v), TG_EINVAL);
	assert_int_equal(tg_num_duration("16m", 3, 900, &v), TG_EINVAL);
	assert_int_equal(tg_num_duration("16m", 3, 959, &v), TG_EINVAL);
	assert_true(v == 42);
	assert_int_equal(tg_num_duration("16m", 3, 960, &v), 0);
}

static void hex_round_trip_and_faults(void **state)
{
	uint8_t raw[256], back[256];
	char text[513];

	(void)state;
	for (size_t i = 0; i < sizeof raw; i++)
		raw[i] = (uint8_t)i;
	assert_int_equal(strlen(tg_hex_encode(raw, sizeof raw, text)), 512);
	assert_int_equal(tg_hex_decode(text, 512, back, sizeof back), 0);
	assert_memory_equal(raw, back, sizeof raw);
	assert_int_equal(tg_hex_decode("aBFf", 4, back, 2), 0);
	assert_memory_equal(back, "\xab\xff", 2);
	assert_int_equal(tg_hex_decode("abc", 3, back, 1), TG_EINVAL);
	assert_int_equal(tg_hex_decode("abcd", 4, back, 1), TG_EINVAL);
	assert_int_equal(tg_hex_decode("ag", 2, back, 1), TG_EINVAL);
	assert_int_equal(tg_hex_decode(" a", 2, back, 1), TG_EINVAL);
}

static void hex_reads_its_22_digits_and_no_other_character(void **state)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	uint8_t v = 0;

	(void)state;
	for (int c = 0; c < 256; c++) {
		const char high[2] = {(char)c, '0'}, low[2] = {'0', (char)c};
		const char *at = c != 0 ? strchr(digits, c) : NULL;
		int want = at == NULL ? -1 : (int)(at - digits) - (at - digits < 16 ? 0 : 6);

		assert_int_equal(tg_hex_decode(high, 2, &v, 1), want < 0 ? TG_EINVAL : 0);
		assert_true(want < 0 || v == want << 4);
		assert_int_equal(tg_hex_decode(low, 2, &v, 1), want < 0 ? TG_EINVAL : 0);
		assert_true(want < 0 || v == want);
		assert_int_equal(tg_hex_is_lower(low, 2), want >= 0 && (c < 'A' || c > 'F'));
	}
}

/* Eight digits are read at once: in each of their places, as each of them would be alone. */
static void hex_reads_digits_side_by_side_as_alone(void **state)
{
	static const char digits[] = "0123456789abcdefABCDEF";

	(void)state;
	for (size_t at = 0; at < 10; at++)
		for (int c = 0; c < 256; c++) {
			char text[11] = "90afAFc37B", lower[] = "90af09c37b";
			const bool is_lower = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
			uint8_t got[5];

			text[at] = lower[at] = (char)c;
			assert_int_equal(tg_hex_is_lower(lower, 10), is_lower);
			if (c == 0 || strchr(digits, c) == NULL) {
				assert_int_equal(tg_hex_decode(text, 10, got, 5), TG_EINVAL);
				continue;
			}
			assert_int_equal(tg_hex_decode(text, 10, got, 5), 0);
			for (size_t i = 0; i < 5; i++)
				assert_int_equal(got[i],
					tg_hex_digit(text[2 * i]) << 4 |
						tg_hex_digit(text[2 * i + 1]));
		}
}

static void hex_of_a_byte_is_what_the_c_library_prints(void **state)
{
	char got[3] = "", want[3];

	(void)state;
	for (unsigned v = 0; v < 256; v++) {
		tg_hex_byte((uint8_t)v, got);
		snprintf(want, sizeof want, "%02x", v);
		assert_string_equal(got, want);
	}
}

static void time_format_agrees_with_the_c_library(void **state)
{
	static const int64_t seconds[] = {0, -1, 951782399, 951782400, 951868800, 1709164800,
		4107542399, -2203891200, 253402300799, -62167219200};
	char got[TG_TIME_LEN + 1], want[64];

	(void)state;
	for (size_t i = 0; i < LEN(seconds); i++) {
		time_t t = (time_t)seconds[i];
		struct tm tm;
		gmtime_r(&t, &tm);
		snprintf(want, sizeof want, "%04d-%02d-%02dT%02d:%02d:%02d.789Z", tm.tm_year + 1900,
			tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
		assert_string_equal(tg_time_format(seconds[i] * 1000 + 789, got), want);
	}
}

static void time_every_day_of_four_centuries_reads_back(void **state)
{
	char text[TG_TIME_LEN + 1];
	int64_t back;

	(void)state;
	for (int64_t day = -146097; day < 146097; day += 7) {
		int64_t ms = day * 86400000 + 86399999;
		assert_int_equal(tg_time_parse(tg_time_format(ms, text), TG_TIME_LEN, &back), 0);
		assert_true(back == ms);
	}
}

static void time_format_beyond_four_digit_years_is_clamped(void **state)
{
	char text[TG_TIME_LEN + 1];

	(void)state;
	assert_string_equal(tg_time_format(INT64_MAX, text), "9999-12-31T23:59:59.999Z");
	assert_string_equal(tg_time_format(INT64_MIN, text), "0000-01-01T00:00:00.000Z");
}

static void time_parse_accepts_both_shapes_only(void **state)
{
	static const char *const bad[] = {"2026-11-22T12:00:00.123", "2026-11-22 12:00:00.123Z",
		"2026-11-22T12:00:00.123z", "2026-11-22T12:00:00,123Z", "2026-11-22T12:00:00.12Z",
		"2026-13-22T12:00:00.123Z", "2026-00-22T12:00:00.123Z", "2026-02-29T12:00:00.123Z",
		"2100-02-29T00:00:00Z", "2026-11-31T12:00:00Z", "2026-11-00T12:00:00Z",
		"2026-11-22T24:00:00Z", "2026-11-22T12:60:00Z", "2026-11-22T12:00:60Z",
		"+026-11-22T12:00:00Z", "2026-11-22T12:00:00+00:00", "", "Z",
		"2026-11-22T12:00:0 Z"};
	int64_t ms;

	(void)state;
	assert_int_equal(tg_time_parse("2026-11-22T12:00:00.123Z", 24, &ms), 0);
	assert_true(ms == 1795348800123);
	assert_int_equal(tg_time_parse("2026-11-22T12:00:00Z", 20, &ms), 0);
	assert_true(ms == 1795348800000);
	assert_int_equal(tg_time_parse("2000-02-29T00:00:00Z", 20, &ms), 0);
	for (size_t i = 0; i < LEN(bad); i++)
		assert_int_equal(tg_time_parse(bad[i], strlen(bad[i]), &ms), TG_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(num_u64_good_text_gives_its_value),
		cmocka_unit_test(num_u64_bad_text_is_refused),
		cmocka_unit_test(num_size_suffixes_multiply),
		cmocka_unit_test(num_size_bad_text_is_refused),
		cmocka_unit_test(num_duration_units_multiply),
		cmocka_unit_test(num_duration_bad_text_is_refused),
		cmocka_unit_test(hex_round_trip_and_faults),
		cmocka_unit_test(hex_reads_its_22_digits_and_no_other_character),
		cmocka_unit_test(hex_reads_digits_side_by_side_as_alone),
		cmocka_unit_test(hex_of_a_byte_is_what_the_c_library_prints),
		cmocka_unit_test(time_format_agrees_with_the_c_library),
		cmocka_unit_test(time_every_day_of_four_centuries_reads_back),
		cmocka_unit_test(time_format_beyond_four_digit_years_is_clamped),
		cmocka_unit_test(time_parse_accepts_both_shapes_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
