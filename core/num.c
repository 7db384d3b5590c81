/*
 * num.c: reads numbers, sizes and durations. No locale, no errno, no rounding; a text that is not
 * exactly of the grammar is refused. Runs in every process, the library and the command line.
 */
#include <timeglas/errors.h>
#include "core/num.h"

int tg_num_u64(const char *s, size_t n, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (n == 0)
		return TG_EINVAL;
	for (size_t i = 0; i < n; i++) {
		uint64_t d = (uint64_t)(unsigned char)s[i] - '0';
		if (d > 9 || v > UINT64_MAX / 10 || v * 10 > UINT64_MAX - d)
			return TG_EINVAL;
		v = v * 10 + d;
	}
	if (v > max)
		return TG_EINVAL;
	*out = v;
	return 0;
}

/* Returns by how many bits the suffix shifts a number, 0 when there is none, and takes it off *n.
 */
static unsigned suffix_shift(const char *s, size_t *n)
{
	size_t len = *n > 3 && s[*n - 2] == 'i' && s[*n - 1] == 'B' ? 3 : 1;
	unsigned shift;

	if (*n <= len)
		return 0;
	switch (s[*n - len]) {
	case 'k':
		shift = len == 1 ? 10 : 0;
		break;
	case 'm':
		shift = len == 1 ? 20 : 0;
		break;
	case 'g':
		shift = len == 1 ? 30 : 0;
		break;
	case 'K':
		shift = 10;
		break;
	case 'M':
		shift = 20;
		break;
	case 'G':
		shift = 30;
		break;
	default:
		shift = 0;
	}
	if (shift)
		*n -= len;
	return shift;
}

int tg_num_size(const char *s, size_t n, uint64_t max, uint64_t *out)
{
	unsigned shift = suffix_shift(s, &n);
	uint64_t v;

	if (tg_num_u64(s, n, max >> shift, &v) != 0)
		return TG_EINVAL;
	*out = v << shift;
	return 0;
}

int tg_num_duration(const char *s, size_t n, uint64_t max, uint64_t *out)
{
	uint64_t unit_s = 0, v;

	switch (n > 1 ? s[n - 1] : '\0') {
	case 's':
		unit_s = 1;
		break;
	case 'm':
		unit_s = 60;
		break;
	case 'h':
		unit_s = 3600;
		break;
	case 'd':
		unit_s = 86400;
		break;
	default:
		break;
	}
	if (unit_s != 0)
		n--;
	else
		unit_s = 1;
	if (tg_num_u64(s, n, max / unit_s, &v) != 0)
		return TG_EINVAL;
	*out = v * unit_s;
	return 0;
}
