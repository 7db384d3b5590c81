/*
 * fuzz_head.c: heads of arbitrary bytes. Invariants: what is read writes back to the same bytes;
 * what is refused has a reason "line N: ..." of plain characters, N being a line that is there;
 * nothing behind the empty line matters; a name follows from each. `make fuzz` runs it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "lib/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define MUST(x) \
	do { \
		if (!(x)) \
			abort(); \
	} while (0)

static void check_reason(const char *why, const uint8_t *p, size_t n)
{
	unsigned long line, lines = 1;
	char *end;

	MUST(strncmp(why, "line ", 5) == 0);
	line = strtoul(why + 5, &end, 10);
	MUST(strncmp(end, ": ", 2) == 0 && strlen(end) > 2 && strlen(why) < TG_HEAD_WHY - 1);
	for (const char *c = why; *c; c++)
		MUST(*c >= 0x20 && *c <= 0x7e);
	for (size_t i = 0; i < n; i++)
		lines += p[i] == '\n';
	MUST(line >= 1 && line <= lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static char text[TG_HEAD_TEXT_MAX], why[TG_HEAD_WHY];
	struct tg_head_fields h, again;
	size_t len = 0, len2 = 0;
	uint8_t *exact = malloc(n ? n : 1); /* a read past the end is seen */
	tg_head seen;

	MUST(exact);
	memcpy(exact, p, n);
	if (tg_head_parse(exact, n, &h, &len, why) != 0) {
		check_reason(why, p, n);
	} else {
		MUST(len > 0 && len <= n && len <= TG_HEAD_TEXT_MAX && tg_head_begins(exact, n));
		MUST(tg_head_check(&h) == 0);
		MUST(tg_head_format(&h, text) == len && memcmp(text, p, len) == 0);
		MUST(tg_head_parse(exact, len, &again, &len2, why) == 0 && len2 == len);
		tg_head_public(&h, "somebody", &seen);
		MUST(strlen(seen.name) == TG_NAME_CHARS &&
			strchr("AQgw", seen.name[TG_NAME_CHARS - 1]));
	}
	free(exact);
	return 0;
}
