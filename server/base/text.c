/* text.c: see text.h. Pure; runs in every process. */
#include <string.h>

#include "base/text.h"

struct text text_in(char *buf, size_t cap)
{
	buf[0] = '\0';
	return (struct text){buf, buf, buf + cap - 1};
}

void text_add_n(struct text *t, const char *p, size_t n)
{
	if (n > (size_t)(t->end - t->at))
		n = (size_t)(t->end - t->at);
	memcpy(t->at, p, n);
	t->at += n;
	*t->at = '\0';
}

void text_add(struct text *t, const char *s)
{
	text_add_n(t, s, strlen(s));
}

void text_join_n(struct text *t, size_t n, const char *const s[])
{
	for (size_t i = 0; i < n; i++)
		text_add(t, s[i]);
}

void text_num(struct text *t, int64_t number)
{
	char digits[TEXT_NUM_MAX], *p = digits + sizeof digits;
	uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;

	do {
		*--p = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (number < 0)
		*--p = '-';
	text_add_n(t, p, (size_t)(digits + sizeof digits - p));
}

size_t text_len(const struct text *t)
{
	return (size_t)(t->at - t->begin);
}

void text_copy(char *buf, size_t cap, const char *s)
{
	struct text t = text_in(buf, cap);

	text_add(&t, s);
}
