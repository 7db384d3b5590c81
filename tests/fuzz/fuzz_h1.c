/*
 * fuzz_h1.c: the first byte of the input says how the rest is cut. Invariants: heads stay within
 * their bytes, no step consumes more than it was shown, and the cut changes neither the number of
 * requests nor where the reader stops.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "http/h1.h"
#include "http/h1_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
	unsigned requests;
	bool refused;
	size_t at;
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_head(const struct h1_head *h, const char *p, size_t n)
{
	check(h->target.n > 0 && h->target.p > p && h->target.p + h->target.n < p + n &&
		h->target.n <= H1_TARGET_MAX);
	check(h->path.n + h->query.n <= h->target.n && h->n_fields >= 1 &&
		h->n_fields <= H1_FIELDS_MAX);
	for (size_t i = 0; i < h->n_fields; i++)
		check(h->field[i].name.n > 0 && h->field[i].value.p > p &&
			h->field[i].value.p + h->field[i].value.n < p + n &&
			h1_field(h, "host", NULL) != NULL);
	check(h->chunked == (h->content_length == H1_LENGTH_UNKNOWN));
}

static struct result run(const char *p, size_t n, size_t cut)
{
	struct result r = {0};
	struct h1_head h;
	struct h1_body b;
	size_t scanned = 0;
	bool in_body = false;

	for (size_t shown = 0; shown < n && !r.refused;) {
		shown = n - shown < cut ? n : shown + cut;
		for (bool more = true; more && !r.refused;) {
			if (!in_body) {
				const char *why = NULL;
				long end = r.at < shown ?
					h1_head_end(p + r.at, shown - r.at, &scanned) :
					0;

				more = end > 0;
				check(end <= (long)(shown - r.at));
				r.refused = end < 0 ||
					(end > 0 &&
						h1_head_parse(p + r.at, (size_t)end, &h, &why) !=
							0);
				if (!more || r.refused)
					break;
				check_head(&h, p + r.at, (size_t)end);
				r.at += (size_t)end;
				scanned = 0;
				h1_body_init(&b, &h);
				in_body = true;
			}
			size_t skip = 0, data = 0;
			enum h1_step s = h1_body_step(&b, p + r.at, shown - r.at, &skip, &data);

			check(skip + data <= shown - r.at && (s == H1_DATA) == (data > 0));
			r.at += skip + data;
			if (s == H1_DATA)
				h1_body_consumed(&b, data);
			else if (s == H1_DONE)
				r.requests++, in_body = false;
			else
				r.refused = s == H1_BAD, more = false;
		}
	}
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result whole, parts;

	if (size < 2)
		return 0;
	whole = run((const char *)data + 1, size - 1, size);
	parts = run((const char *)data + 1, size - 1, 1 + data[0] % 64u);
	check(whole.requests == parts.requests && whole.refused == parts.refused &&
		(whole.refused || whole.at == parts.at));
	return 0;
}
