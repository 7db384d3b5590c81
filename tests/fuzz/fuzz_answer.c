/*
 * fuzz_answer.c: what a witness answers. Invariants: an answer that is whole stands in what was
 * read, and is bounded; it is the same however it was cut on its way, and what comes behind its
 * length does not change it; at the end of a connection there is a verdict; what was bad does not
 * become good by what follows. `make fuzz` runs it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "courier/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define MUST(x) \
	do { \
		if (!(x)) \
			abort(); \
	} while (0)

static enum answer_state scan(const char *text, size_t n, bool over, struct answer *a)
{
	enum answer_state s = answer_scan(text, n, over, a);

	MUST(s != ANSWER_MORE || !over);
	if (s == ANSWER_BAD)
		MUST(a->why != NULL);
	if (s == ANSWER_WHOLE)
		MUST(a->status >= 200 && a->status <= 599 && a->n <= ANSWER_BODY_MAX &&
			a->text > text && a->text + a->n <= text + n);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *text = malloc(n > 0 ? n : 1); /* an exact copy, so that a read past its end is seen */
	enum answer_state before = ANSWER_MORE, now;
	struct answer first = {0}, a;
	const size_t step = n / 64 + 1;

	MUST(text != NULL);
	memcpy(text, p, n);
	for (size_t i = 0; i <= n; i += i < n && n - i < step ? n - i : step) {
		now = scan(text, i, false, &a);
		MUST(before != ANSWER_BAD || now == ANSWER_BAD);
		if (before == ANSWER_WHOLE && now == ANSWER_WHOLE)
			MUST(a.status == first.status && a.text == first.text && a.n == first.n);
		/* too much behind its end is found */
		MUST(before != ANSWER_WHOLE || now != ANSWER_MORE);
		first = now == ANSWER_WHOLE ? a : first;
		before = now;
		(void)scan(text, i, true, &a);
	}
	free(text);
	return 0;
}
