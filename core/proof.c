/* proof.c: see proof.h. What the line says is not looked at here. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <timeglas/errors.h>
#include "core/b64.h"
#include "core/num.h"
#include "core/proof.h"

#define EXTRA "extra "
#define INDEX "index "

/* Writing ------------------------------------------------------------------ */

struct out {
	char *p;
	size_t n, cap;
	bool full;
};

__attribute__((format(printf, 2, 3))) static void put(struct out *o, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(o->p + o->n, o->cap - o->n, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= o->cap - o->n) {
		o->full = true;
		return;
	}
	o->n += (size_t)n;
}

size_t proof_text(const struct proof *p, char *out, size_t cap)
{
	struct out o = {.p = out, .cap = cap};
	char hash[TG_B64_LEN(TREE_HASH) + 1];

	put(&o, PROOF_FIRST_LINE "\n" EXTRA);
	if (o.full || p->line_n > PROOF_LINE_MAX || TG_B64_LEN(p->line_n) >= cap - o.n)
		return 0;
	o.n += tg_b64_encode(TG_B64_STD, (const uint8_t *)p->line, p->line_n, out + o.n);
	put(&o, "\n" INDEX "%" PRIu64 "\n", p->index);
	for (unsigned i = 0; i < p->inclusion.n; i++) {
		tg_b64_encode(TG_B64_STD, p->inclusion.hash[i], TREE_HASH, hash);
		put(&o, "%s\n", hash);
	}
	put(&o, "\n");
	if (o.full || p->checkpoint_n >= cap - o.n)
		return 0;
	memcpy(out + o.n, p->checkpoint, p->checkpoint_n); /* of any bytes, a NUL too */
	o.n += p->checkpoint_n;
	out[o.n] = '\0';
	return o.n;
}

/* Reading ------------------------------------------------------------------ */

struct rest {
	const char *p;
	size_t n;
};

/* Takes a line off; false: there is none that ends. */
static bool take_line(struct rest *r, struct rest *line)
{
	const char *lf = r->n > 0 ? memchr(r->p, '\n', r->n) : NULL;

	if (lf == NULL)
		return false;
	*line = (struct rest){r->p, (size_t)(lf - r->p)};
	r->n -= line->n + 1;
	r->p = lf + 1;
	return true;
}

static bool begins(const struct rest *line, const char *with)
{
	return line->n >= strlen(with) && memcmp(line->p, with, strlen(with)) == 0;
}

static int take_hashes(struct rest *r, struct tree_proof *out)
{
	struct rest line;

	while (take_line(r, &line)) {
		if (line.n == 0)
			return 0;
		if (out->n == TREE_PROOF_MAX ||
			tg_b64_decode(TG_B64_STD, line.p, line.n, out->hash[out->n], TREE_HASH) !=
				(long)TREE_HASH)
			return TG_EINVAL;
		out->n++;
	}
	return TG_EINVAL;
}

int proof_scan(const char *s, size_t n, char *line, size_t cap, struct proof *out)
{
	struct rest r = {s, n}, first, extra, index;
	long got;

	*out = (struct proof){.line = line};
	if (n > PROOF_MAX || !take_line(&r, &first) || first.n != strlen(PROOF_FIRST_LINE) ||
		!begins(&first, PROOF_FIRST_LINE) || !take_line(&r, &extra) ||
		!begins(&extra, EXTRA) || !take_line(&r, &index) || !begins(&index, INDEX))
		return TG_EINVAL;
	got = tg_b64_decode(
		TG_B64_STD, extra.p + strlen(EXTRA), extra.n - strlen(EXTRA), (uint8_t *)line, cap);
	index = (struct rest){index.p + strlen(INDEX), index.n - strlen(INDEX)};
	if (got < 0 || (index.n > 1 && *index.p == '0') ||
		tg_num_u64(index.p, index.n, INT64_MAX, &out->index) != 0)
		return TG_EINVAL;
	out->line_n = (size_t)got;
	if (take_hashes(&r, &out->inclusion) != 0 || r.n == 0)
		return TG_EINVAL;
	out->checkpoint = r.p;
	out->checkpoint_n = r.n;
	return 0;
}

/* Checking ----------------------------------------------------------------- */

int proof_included(struct sha256 *h, const struct proof *p, const struct checkpoint *c)
{
	uint8_t leaf[TREE_HASH], root[TREE_HASH];

	tree_leaf(h, p->line, p->line_n, leaf);
	if (tree_inclusion_root(h, &p->inclusion, p->index, c->size, leaf, root) != 0)
		return TG_EINVAL;
	return memcmp(root, c->root, TREE_HASH) == 0 ? 0 : TG_EINVAL;
}
