/*
 * time.c: RFC 3339 times in UTC, in two forms and no other: with milliseconds, and without a
 * fraction. It reads no clock. Runs in every process, the library and the command line.
 */
#include <string.h>
#include <timeglas/errors.h>
#include "core/time.h"

#define DAY_MS 86400000ll
#define TIME_MIN_MS (-62167219200000ll) /* 0000-01-01T00:00:00.000Z */
#define TIME_MAX_MS 253402300799999ll   /* 9999-12-31T23:59:59.999Z */

/*
 * Days since 1970-01-01 of a date in the proleptic Gregorian calendar; years run from March, so
 * that the leap day ends one.
 */
static int64_t days_from_date(int64_t y, int64_t m, int64_t d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void date_from_days(int64_t days, int64_t *y, int64_t *m, int64_t *d)
{
	int64_t era, doe, yoe, doy, mp;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = yoe + era * 400 + (*m <= 2);
}

static void put_digits(char *out, int64_t v, int width)
{
	while (width-- > 0) {
		out[width] = (char)('0' + v % 10);
		v /= 10;
	}
}

char *tg_time_format(int64_t unix_ms, char out[TG_TIME_LEN + 1])
{
	int64_t days, ms, y, m, d;

	/* A time that four digits of year cannot hold is shown as the nearest that they can: the
	 * text's length is fixed. */
	unix_ms = unix_ms < TIME_MIN_MS ? TIME_MIN_MS :
		unix_ms > TIME_MAX_MS   ? TIME_MAX_MS :
					  unix_ms;
	days = (unix_ms >= 0 ? unix_ms : unix_ms - (DAY_MS - 1)) / DAY_MS;
	ms = unix_ms - days * DAY_MS;
	date_from_days(days, &y, &m, &d);
	memcpy(out, "0000-00-00T00:00:00.000Z", TG_TIME_LEN + 1);
	put_digits(out, y, 4);
	put_digits(out + 5, m, 2);
	put_digits(out + 8, d, 2);
	put_digits(out + 11, ms / 3600000, 2);
	put_digits(out + 14, ms / 60000 % 60, 2);
	put_digits(out + 17, ms / 1000 % 60, 2);
	put_digits(out + 20, ms % 1000, 3);
	return out;
}

static int days_in_month(int64_t y, int64_t m)
{
	static const int len[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	return len[m - 1] + (m == 2 && leap);
}

/* Exactly n digits, of at most four. */
static inline int digits(const char *s, unsigned n, int64_t *out)
{
	int64_t v = 0;
	int bad = 0;

	for (unsigned i = 0; i < n; i++) {
		bad |= s[i] < '0' || s[i] > '9';
		v = v * 10 + (s[i] - '0');
	}
	*out = v;
	return !bad;
}

int tg_time_parse(const char *s, size_t n, int64_t *unix_ms)
{
	int64_t y, m, d, h, min, sec, ms = 0;

	if ((n != TG_TIME_LEN && n != TG_TIME_LEN - 4) || s[n - 1] != 'Z')
		return TG_EINVAL;
	if (s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':')
		return TG_EINVAL;
	if (!digits(s, 4, &y) || !digits(s + 5, 2, &m) || !digits(s + 8, 2, &d) ||
		!digits(s + 11, 2, &h) || !digits(s + 14, 2, &min) || !digits(s + 17, 2, &sec))
		return TG_EINVAL;
	if (n == TG_TIME_LEN && (s[19] != '.' || !digits(s + 20, 3, &ms)))
		return TG_EINVAL;
	if (m < 1 || m > 12 || d < 1 || d > days_in_month(y, m) || h > 23 || min > 59 || sec > 59)
		return TG_EINVAL;
	*unix_ms = days_from_date(y, m, d) * DAY_MS + ((h * 60 + min) * 60 + sec) * 1000 + ms;
	return 0;
}
