/* args.c: see args.h. */
#include <stdlib.h>
#include <string.h>
#include "args.h"
#include "bench.h"
#include "core/num.h"

#define BYTES_MIN 512u
#define BYTES_MAX (UINT64_C(32) << 20)

uint64_t args_number(const char *text, size_t len, uint64_t max)
{
	uint64_t v = 0;

	if (tg_num_u64(text, len, max, &v) != 0 || v == 0)
		bench_die("%.*s: a number from 1 to %llu is wanted here", (int)len, text,
			(unsigned long long)max);
	return v;
}

double args_seconds(const char *text)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end != '\0' || !(v >= 0.1 && v <= 3600))
		bench_die("%s: seconds are wanted here, from 0.1 to 3600", text);
	return v;
}

size_t args_bytes(const char *text, size_t len)
{
	unsigned shift = len > 0 && (text[len - 1] | 0x20) == 'k' ? 10 :
		len > 0 && (text[len - 1] | 0x20) == 'm'          ? 20 :
								    0;
	uint64_t v = 0;

	if (tg_num_u64(text, len - (shift > 0), BYTES_MAX, &v) != 0 || v << shift < BYTES_MIN ||
		v << shift > BYTES_MAX)
		bench_die("%.*s: a size from %u bytes to %llum is wanted here", (int)len, text,
			BYTES_MIN, (unsigned long long)(BYTES_MAX >> 20));
	return (size_t)(v << shift);
}

void args_each(const char *text, void (*each)(const char *word, size_t len, void *ctx), void *ctx)
{
	for (; *text != '\0'; text += *text == ',') {
		size_t len = strcspn(text, ",");

		each(text, len, ctx);
		text += len;
	}
}
