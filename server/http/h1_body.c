/* h1_body.c: see h1_body.h. Framing is read byte by byte; content is only counted. Runs in workers.
 */
#include <string.h>

#include "core/hex.h"
#include "http/h1_body.h"

#define DIGITS_MAX 16u
#define LENGTH_MAX ((uint64_t)INT64_MAX)

void h1_body_init(struct h1_body *b, const struct h1_head *h)
{
	memset(b, 0, sizeof *b);
	b->chunked = h->chunked;
	b->left = h->chunked ? 0 : h->content_length;
	b->state = h->chunked ? H1_BODY_SIZE : b->left > 0 ? H1_BODY_DATA : H1_BODY_DONE;
}

static enum h1_body_state size_byte(struct h1_body *b, char c)
{
	const int digit = tg_hex_digit(c);

	if (digit < 0)
		return c == '\r' && b->digits > 0 ? H1_BODY_SIZE_LF : H1_BODY_BAD;
	if (b->digits == DIGITS_MAX || b->left > (LENGTH_MAX - (uint64_t)digit) / 16)
		return H1_BODY_BAD;
	b->digits++;
	b->left = b->left * 16 + (uint64_t)digit;
	return H1_BODY_SIZE;
}

/* One byte of chunked framing. */
static enum h1_body_state framing_byte(struct h1_body *b, char c)
{
	switch (b->state) {
	case H1_BODY_SIZE:
		return size_byte(b, c);
	case H1_BODY_SIZE_LF:
		b->digits = 0;
		return c != '\n' ? H1_BODY_BAD : b->left > 0 ? H1_BODY_DATA : H1_BODY_LAST_CR;
	case H1_BODY_DATA_CR:
		return c == '\r' ? H1_BODY_DATA_LF : H1_BODY_BAD;
	case H1_BODY_DATA_LF:
		return c == '\n' ? H1_BODY_SIZE : H1_BODY_BAD;
	case H1_BODY_LAST_CR:
		return c == '\r' ? H1_BODY_LAST_LF : H1_BODY_BAD; /* any other begins a trailer */
	case H1_BODY_LAST_LF:
		return c == '\n' ? H1_BODY_DONE : H1_BODY_BAD;
	case H1_BODY_DATA:
	case H1_BODY_DONE:
	case H1_BODY_BAD:
		break;
	}
	return b->state;
}

enum h1_step h1_body_step(struct h1_body *b, const char *p, size_t n, size_t *skip, size_t *data)
{
	size_t i = 0;

	*data = 0;
	while (i < n && b->state != H1_BODY_DATA && b->state != H1_BODY_DONE &&
		b->state != H1_BODY_BAD)
		b->state = framing_byte(b, p[i++]);
	*skip = i;
	if (b->state == H1_BODY_DONE)
		return H1_DONE;
	if (b->state == H1_BODY_BAD)
		return H1_BAD;
	if (b->state != H1_BODY_DATA || i == n)
		return H1_NEED;
	*data = b->left < n - i ? (size_t)b->left : n - i;
	return H1_DATA;
}

void h1_body_consumed(struct h1_body *b, size_t k)
{
	b->left -= k;
	if (b->left == 0)
		b->state = b->chunked ? H1_BODY_DATA_CR : H1_BODY_DONE;
}
