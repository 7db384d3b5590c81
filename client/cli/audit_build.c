/* audit_build.c: collects what is to be found, and sorts and writes it where a segment ends. Runs
 * in the timeglas command. */
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "cli/audit_build.h"
#include "cli/output.h"
#include "lib/clock.h"
#include "lib/spool.h"

#define BUCKET_ENTRIES 256u
#define BITS_MOST 16u

static int no_memory(void)
{
	return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
}

/* Collecting --------------------------------------------------------------- */

/* Returns the list with room for one more than n, or NULL without memory; it is as it was then. */
static void *with_room(void *list, size_t *cap, size_t n, size_t size)
{
	const size_t wanted = *cap > 0 ? *cap * 2 : 4096;
	void *grown;

	if (n < *cap)
		return list;
	grown = realloc(list, wanted * size);
	if (grown != NULL)
		*cap = wanted;
	return grown;
}

static bool begin(struct audit_build *b, const struct audit_recorder *t, const struct chain_line *l,
	const struct finding_place *at)
{
	struct audit_segment_head *h = &b->seg.head;
	const struct audit_file *f = t->file;
	char path[PATH_MAX];

	while (f->path != at->file)
		f++;
	memset(h, 0, sizeof *h);
	h->form = AUDIT_SEGMENT_FORM;
	memcpy(h->first, f->first, CHAIN_HASH);
	h->first_n = f->first_n;
	if (realpath(f->path, path) != NULL && strlen(path) < sizeof h->log)
		strcpy(h->log, path);
	h->from_bytes = at->line > 1 ? b->behind_bytes : 0;
	h->from_line = at->line - 1;
	h->before_n = (l->is_check ? l->check.n : l->record.n) - 1;
	memcpy(h->before, l->is_check ? l->check.prev : l->record.prev, CHAIN_HASH);
	h->first_ms = INT64_MAX;
	randombytes_buf(h->seed, sizeof h->seed);
	b->file = at->file;
	b->have = b->covered = b->n_entries = 0;
	return f->begins;
}

static bool add(struct audit_build *b, enum audit_segment_word word, struct chain_text text)
{
	const uint64_t run = b->have / AUDIT_SEGMENT_RUN;
	uint64_t *list;

	if (text.p == NULL)
		return true;
	list = with_room(b->entry, &b->cap_entries, b->n_entries, sizeof *b->entry);
	if (list == NULL)
		return false;
	b->entry = list;
	b->entry[b->n_entries++] =
		(uint64_t)audit_segment_hash(b->seg.head.seed, word, text) << 32 | run;
	return true;
}

static bool add_record(struct audit_build *b, const struct chain_record *r)
{
	if (chain_is_own(r, CHAIN_TAKEN_OVER))
		b->seg.head.taken_over++;
	if (r->uploader.p != NULL && audit_names_of(&b->uploaders, r->uploader) == 0)
		return false;
	return add(b, AUDIT_SEGMENT_TAG, r->tag) && add(b, AUDIT_SEGMENT_SESSION, r->session) &&
		add(b, AUDIT_SEGMENT_SUBJECT, r->subject);
}

/* A checkpoint: so far the segment could end here. Returns false with too many keys. */
static bool cover(struct audit_build *b, const struct audit_chain *c, const struct chain_check *k)
{
	struct audit_segment_head *h = &b->seg.head;
	size_t i = 0;

	while (i < h->n_keys && memcmp(h->key[i], k->key, CHAIN_KEY) != 0)
		i++;
	if (i == AUDIT_KEYS_MAX)
		return false;
	memcpy(h->key[i], k->key, CHAIN_KEY);
	h->n_keys += i == h->n_keys;
	audit_chain_save(c, &h->end);
	memcpy(h->epoch, k->epoch, sizeof h->epoch);
	b->covered = b->have;
	return true;
}

/* Writing ------------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static size_t sort_entries(uint64_t *entry, size_t n)
{
	size_t kept = 0;

	if (n > 0)
		qsort(entry, n, sizeof *entry, by_value);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || entry[i] != entry[kept - 1])
			entry[kept++] = entry[i];
	return kept;
}

static bool make_buckets(struct audit_segment *s, const uint64_t *entry)
{
	const uint8_t *seed = s->head.seed;
	const uint64_t n = s->head.entries;
	uint64_t bits = 0, from = 0;
	size_t all;

	while (bits < BITS_MOST && n >> bits > BUCKET_ENTRIES)
		bits++;
	all = (size_t)1 << bits;
	s->head.bucket_bits = bits;
	s->bucket = calloc(all + 1, sizeof *s->bucket);
	if (s->bucket == NULL)
		return false;
	for (size_t i = 0; i < all; i++) {
		uint64_t to = from;

		while (to < n && audit_segment_bucket_of(bits, (uint32_t)(entry[to] >> 32)) == i)
			to++;
		s->bucket[i].from = from;
		s->bucket[i].sum =
			audit_segment_bucket_sum(seed, &entry[from], (size_t)(to - from));
		from = to;
	}
	s->bucket[all].from = n;
	return true;
}

static bool make_names(struct audit_segment *s, const struct audit_names *names)
{
	size_t n = 0;
	char *at;

	for (size_t i = 0; i < names->n; i++)
		n += strlen(names->text[i]) + 1;
	s->head.names_bytes = n;
	at = s->names = malloc(n + 1);
	for (size_t i = 0; at != NULL && i < names->n; i++)
		at = stpcpy(at, names->text[i]) + 1;
	return at != NULL;
}

static int write_parts(struct audit_build *b, const char *path)
{
	const struct audit_segment *s = &b->seg;
	const struct {
		const void *p;
		size_t n;
	} part[] = {{&s->head, sizeof s->head}, {s->run, (size_t)s->head.runs * sizeof *s->run},
		{s->bucket, (((size_t)1 << s->head.bucket_bits) + 1) * sizeof *s->bucket},
		{s->names, (size_t)s->head.names_bytes},
		{b->entry, (size_t)s->head.entries * sizeof *b->entry}};
	struct tg_spool *spool = NULL;
	int rc = tg_spool_new(path, &spool);

	for (size_t i = 0; rc == 0 && i < sizeof part / sizeof part[0]; i++)
		rc = tg_spool_write(spool, part[i].p, part[i].n);
	if (rc == 0)
		rc = tg_spool_commit(spool);
	if (rc != 0)
		rc = output_fail(rc, "cannot write %s: %s", path, strerror(errno));
	else
		b->bytes += tg_spool_size(spool);
	tg_spool_free(spool);
	return rc;
}

static int finish(struct audit_build *b)
{
	struct audit_segment *s = &b->seg;
	char path[AUDIT_SEGMENT_PATH];
	int rc;

	s->head.to_line = s->head.from_line + b->have;
	s->head.runs = (b->have + AUDIT_SEGMENT_RUN - 1) / AUDIT_SEGMENT_RUN;
	s->head.to_bytes = s->run[s->head.runs - 1].end_bytes;
	s->head.made_ms = clock_unix_ms();
	s->head.entries = sort_entries(b->entry, b->n_entries);
	if (!make_buckets(s, b->entry) || !make_names(s, &b->uploaders))
		return no_memory();
	audit_segment_sum(s, s->head.sum);
	if (!audit_segment_path(s->head.first, s->head.from_bytes, path))
		return output_fail(TG_EIO, "there is no folder for the index: set HOME");
	rc = write_parts(b, path);
	b->lines += b->have;
	b->segments++;
	free(s->bucket);
	free(s->names);
	s->bucket = NULL;
	s->names = NULL;
	audit_names_free(&b->uploaders);
	b->file = NULL;
	return rc;
}

int audit_build_end(struct audit_build *b, const struct audit_recorder *t)
{
	b->stopped |= t->all->findings.total > 0 || b->covered != b->have;
	return b->file != NULL && !b->stopped ? finish(b) : 0;
}

int audit_build_line(struct audit_build *b, const struct audit_recorder *t,
	const struct chain_line *l, const struct finding_place *at)
{
	const int64_t ms = l->is_check ? l->check.time_ms : l->record.time_ms;
	struct audit_segment_run *run;
	int rc = 0;

	if (b->file != NULL && (at->file != b->file || b->have >= AUDIT_BUILD_LINES) &&
		b->covered == b->have)
		rc = audit_build_end(b, t);
	b->stopped |= t->all->findings.total > 0 || (b->file != NULL && at->file != b->file);
	if (rc != 0 || b->stopped)
		return rc;
	if (b->file == NULL && !begin(b, t, l, at))
		b->stopped = true;
	run = with_room(
		b->seg.run, &b->cap_runs, (size_t)(b->have / AUDIT_SEGMENT_RUN), sizeof *run);
	if (run != NULL)
		b->seg.run = run;
	if (run == NULL || (!l->is_check && !add_record(b, &l->record)))
		return no_memory();
	run += b->have++ / AUDIT_SEGMENT_RUN;
	run->end_bytes = b->behind_bytes = at->end_bytes;
	memcpy(run->last, t->chain.last_hash, CHAIN_HASH);
	if (ms < b->seg.head.first_ms)
		b->seg.head.first_ms = ms;
	if (ms > b->seg.head.last_ms)
		b->seg.head.last_ms = ms;
	if (l->is_check)
		b->stopped |= !cover(b, &t->chain, &l->check);
	return 0;
}

void audit_build_free(struct audit_build *b)
{
	free(b->seg.run);
	free(b->seg.bucket);
	free(b->seg.names);
	free(b->entry);
	audit_names_free(&b->uploaders);
	*b = (struct audit_build){0};
}
