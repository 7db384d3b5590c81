/* range.c: see range.h. It answers nothing: the answer is in take.c. Runs in workers. */
#include <string.h>
#include <strings.h>

#include "api/range.h"
#include "core/num.h"

#define UNIT "bytes="

/* Reads "first-last", "first-" or "-count" (in *last). A number that is not there is set to absent.
 * Returns false for anything else. */
static bool parse(struct h1_str v, uint64_t absent, uint64_t *first, uint64_t *last)
{
	const char *p, *end, *dash;

	if (v.n <= strlen(UNIT) || strncasecmp(v.p, UNIT, strlen(UNIT)) != 0)
		return false;
	p = v.p + strlen(UNIT);
	end = v.p + v.n;
	dash = memchr(p, '-', (size_t)(end - p));
	if (dash == NULL || v.n == strlen(UNIT) + 1)
		return false;
	*first = *last = absent;
	if (dash > p && tg_num_u64(p, (size_t)(dash - p), absent - 1, first) != 0)
		return false;
	if (dash + 1 < end && tg_num_u64(dash + 1, (size_t)(end - dash - 1), absent - 1, last) != 0)
		return false;
	return *first == absent || *last == absent || *first <= *last;
}

int range_of(
	const struct h1_head *h, uint64_t size, const char *etag, uint64_t *from, uint64_t *len)
{
	bool dup = false;
	const struct h1_str *range = h1_field(h, "range", &dup),
			    *cond = h1_field(h, "if-range", &dup);
	uint64_t first, last;

	*from = 0;
	*len = size;
	if (h->method != H1_GET || range == NULL || dup ||
		!parse(*range, UINT64_MAX, &first, &last))
		return 200;
	if (cond != NULL && (cond->n != strlen(etag) || memcmp(cond->p, etag, cond->n) != 0))
		return 200;
	if (first == UINT64_MAX) { /* "-count": the last so many bytes */
		if (last == 0 || size == 0)
			return 416;
		first = last < size ? size - last : 0;
		last = size - 1;
	}
	if (first >= size)
		return 416;
	if (last >= size)
		last = size - 1;
	*from = first;
	*len = last - first + 1;
	return 206;
}
