/* audit_index.c: finds segments by the first lines of the evidence files, and checks runs as the
 * chain is checked, backwards: each line has the hash of the one before, and the segment that of
 * the last. Runs in the timeglas command. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/audit_build.h"
#include "cli/audit_index.h"
#include "cli/output.h"

/* Finding ------------------------------------------------------------------ */

static bool make_room(struct audit_index *x)
{
	size_t cap = x->cap > 0 ? x->cap * 2 : 16;
	struct audit_segment *seg;
	const struct audit_file **of;

	if (x->n < x->cap)
		return true;
	seg = realloc(x->seg, cap * sizeof *seg);
	if (seg == NULL)
		return false;
	x->seg = seg;
	of = realloc(x->of, cap * sizeof *of);
	if (of == NULL)
		return false;
	x->of = of;
	x->cap = cap;
	return true;
}

static bool keys_fit(struct audit_chain *c, const struct audit_segment_head *h)
{
	const char *name = h->end.origin;
	const struct chain_text origin = {name[0] != '\0' ? name : NULL, strlen(name)};

	for (size_t i = 0; i < h->n_keys; i++)
		if (!audit_chain_may_sign(c, h->key[i], origin))
			return false;
	return true;
}

/* Does it continue the segment before, and is its evidence file as long as it says? */
static bool joins(const struct audit_index *x, const struct audit_segment_head *h,
	const struct audit_file *f, uint64_t from_bytes)
{
	const struct audit_segment_head *before = x->n > 0 ? &x->seg[x->n - 1].head : NULL;

	return memcmp(h->first, f->first, CHAIN_HASH) == 0 && h->from_bytes == from_bytes &&
		h->to_bytes > from_bytes && h->to_bytes <= f->size &&
		(before == NULL ||
			(h->before_n == before->end.last_n &&
				memcmp(h->before, before->end.last_hash, CHAIN_HASH) == 0));
}

static void add_to_sums(struct audit_resume *r, const struct audit_segment_head *h, bool first)
{
	if (first) {
		r->first_n = h->before_n + 1;
		r->first_ms = h->first_ms;
		r->last_ms = h->last_ms;
	}
	r->first_ms = h->first_ms < r->first_ms ? h->first_ms : r->first_ms;
	r->last_ms = h->last_ms > r->last_ms ? h->last_ms : r->last_ms;
	r->taken_over += h->taken_over;
	r->chain = h->end;
	memcpy(r->epoch, h->epoch, sizeof r->epoch);
	r->bytes = h->to_bytes;
	r->line = h->to_line;
}

/* Opens the next segment of a file. Returns false when there is none to use. */
static bool next_segment(struct audit_index *x, struct audit_recorder *t,
	const struct audit_file *f, uint64_t from_bytes, bool whole)
{
	struct audit_segment *s = &x->seg[x->n];
	char path[AUDIT_SEGMENT_PATH];

	if (!f->begins || !audit_segment_path(f->first, from_bytes, path) ||
		!audit_segment_open(s, path))
		return false;
	if (joins(x, &s->head, f, from_bytes) && keys_fit(&t->chain, &s->head) &&
		!(whole && s->head.to_bytes < f->size &&
			s->head.to_line - s->head.from_line < AUDIT_BUILD_LINES)) {
		add_to_sums(&x->behind, &s->head, x->n == 0);
		x->behind.file = (size_t)(f - t->file);
		x->of[x->n++] = f;
		return true;
	}
	audit_segment_free(s);
	return false;
}

bool audit_index_find(struct audit_index *x, struct audit_recorder *t, bool whole)
{
	const size_t n_keys = t->chain.n_keys;
	int dir;

	x->fd = -1;
	/* It must be the user's own: nobody else may write there. */
	if (t->all->findings.total > 0 || tg_state_find(&dir) != 0)
		return true;
	close(dir);
	for (size_t i = 0; i < t->n_files; i++) {
		uint64_t at = 0;

		do {
			if (!make_room(x))
				return false;
			if (!next_segment(x, t, &t->file[i], at, whole))
				break;
			at = x->behind.bytes;
		} while (at < t->file[i].size);
		if (at < t->file[i].size || at == 0)
			break;
	}
	if (x->n == 0)
		t->chain.n_keys = n_keys; /* looking may have chosen one */
	return true;
}

uint64_t audit_index_lines(const struct audit_index *x)
{
	return x->n > 0 ? x->behind.chain.last_n + 1 - x->behind.first_n : 0;
}

int64_t audit_index_made_ms(const struct audit_index *x)
{
	int64_t ms = INT64_MAX;

	for (size_t i = 0; i < x->n; i++)
		ms = x->seg[i].head.made_ms < ms ? x->seg[i].head.made_ms : ms;
	return ms;
}

/* Reading ------------------------------------------------------------------ */

static int read_bytes(struct audit_index *x, const struct audit_file *f, uint64_t from, size_t n)
{
	size_t have = 0;

	if (x->fd_of != f) {
		if (x->fd >= 0)
			close(x->fd);
		x->fd = open(f->path, O_RDONLY | O_CLOEXEC);
		x->fd_of = f;
	}
	if (n > x->buf_cap) {
		char *grown = realloc(x->buf, n);

		if (grown == NULL)
			return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
		x->buf = grown;
		x->buf_cap = n;
	}
	while (x->fd >= 0 && have < n) {
		ssize_t got = pread(x->fd, x->buf + have, n - have, (off_t)(from + have));

		if (got == 0)
			return AUDIT_INDEX_CHANGED;
		if (got < 0 && errno != EINTR)
			break;
		have += got > 0 ? (size_t)got : 0;
	}
	return have == n ? 0 : output_fail(TG_EIO, "cannot read %s: %s", f->path, strerror(errno));
}

/* Reads the line that begins at p, of at most n bytes with its LF. Returns its length without it,
 * or n when there is none. */
static size_t scan(const char *p, size_t n, struct chain_line *out)
{
	const char *lf = memchr(p, '\n', n);
	const size_t len = lf != NULL ? (size_t)(lf - p) : n;

	return lf != NULL && chain_scan(p, len, out) == 0 ? len : n;
}

/* Are these bytes the lines whose last one had this hash? */
static bool unchanged(const char *p, size_t n, const uint8_t last[CHAIN_HASH])
{
	uint8_t hash[CHAIN_HASH] = {0};
	struct chain_line l;

	for (size_t from = 0, len; from < n; from += len + 1) {
		len = scan(p + from, n - from, &l);
		if (len == n - from ||
			(from > 0 &&
				memcmp(hash, l.is_check ? l.check.prev : l.record.prev,
					CHAIN_HASH) != 0))
			return false;
		chain_hash(p + from, len, hash);
	}
	return memcmp(hash, last, CHAIN_HASH) == 0;
}

static int give_lines(
	const char *p, size_t n, struct finding_place *at, audit_index_line *line, void *ctx)
{
	struct chain_line l;
	int rc = 0;

	for (size_t from = 0, len; rc == 0 && from < n; from += len + 1) {
		len = scan(p + from, n - from, &l);
		at->line++;
		at->end_bytes += len + 1;
		rc = line(ctx, &l, at);
	}
	return rc;
}

int audit_index_run(
	struct audit_index *x, size_t segment, uint32_t run, audit_index_line *line, void *ctx)
{
	const struct audit_segment *s = &x->seg[segment];
	const uint64_t from = run > 0 ? s->run[run - 1].end_bytes : s->head.from_bytes;
	const struct audit_segment_run *r = &s->run[run];
	const uint64_t n = r->end_bytes - from;
	struct finding_place at = {.file = x->of[segment]->path,
		.line = s->head.from_line + (uint64_t)run * AUDIT_SEGMENT_RUN,
		.whole = true,
		.end_bytes = from};
	int rc;

	if (r->end_bytes <= from || n > (uint64_t)AUDIT_SEGMENT_RUN * (CHAIN_LINE_MAX + 1))
		return AUDIT_INDEX_CHANGED;
	rc = read_bytes(x, x->of[segment], from, (size_t)n);
	if (rc != 0)
		return rc;
	if (!unchanged(x->buf, (size_t)n, r->last))
		return AUDIT_INDEX_CHANGED;
	return line != NULL ? give_lines(x->buf, (size_t)n, &at, line, ctx) : 0;
}

void audit_index_free(struct audit_index *x)
{
	for (size_t i = 0; i < x->n; i++)
		audit_segment_free(&x->seg[i]);
	if (x->fd_of != NULL && x->fd >= 0)
		close(x->fd);
	free(x->seg);
	free(x->of);
	free(x->buf);
	*x = (struct audit_index){0};
}
