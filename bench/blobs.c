/* blobs.c: see blobs.h. No I/O. */
#include <stdlib.h>
#include <string.h>
#include <timeglas/timeglas.h>
#include "bench.h"
#include "blobs.h"

struct blobs {
	unsigned n;
	size_t size, stride;
	unsigned char *bytes;
};

struct sink {
	unsigned char *at;
	size_t left;
};

static int append(void *ctx, const void *p, size_t n)
{
	struct sink *s = ctx;

	if (n > s->left)
		return TG_ETOOBIG;
	memcpy(s->at, p, n);
	s->at += n;
	s->left -= n;
	return 0;
}

/* How many bytes of content give a sealed file of that size. */
static size_t content_for(const tg_seal_opts *o, size_t size)
{
	uint64_t n = size, sealed = tg_seal_size(o, n);

	/* A tag is added to each chunk, and less content may have fewer chunks: try again. */
	for (unsigned i = 0; i < 4 && sealed != size && n + size > sealed; i++) {
		n = n + size - sealed;
		sealed = tg_seal_size(o, n);
	}
	if (sealed != size)
		bench_die("no envelope has %zu bytes", size);
	return (size_t)n;
}

static void seal_one(const tg_recipient *to, const void *content, unsigned char *out, size_t size)
{
	struct sink sink = {out, size};
	tg_seal_opts o = {.struct_size = sizeof o,
		.recipient = &to,
		.n_recipients = 1,
		.write = append,
		.ctx = &sink};
	tg_sealer *s = NULL;

	if (tg_seal_new(&o, &s) != 0 || tg_seal_push(s, content, content_for(&o, size)) != 0 ||
		tg_seal_finish(s) != 0 || sink.left != 0)
		bench_die("cannot seal");
	tg_seal_free(s);
}

struct blobs *blobs_new(unsigned n, size_t size)
{
	struct blobs *b = bench_alloc(1, sizeof *b);
	unsigned char *content = bench_alloc(1, size);
	tg_identity *nobody = NULL;
	tg_recipient *to = NULL;

	if (tg_identity_generate(&nobody) != 0)
		bench_die("cannot make a key");
	if (tg_identity_recipient(nobody, &to) != 0)
		bench_die("no memory for a key");
	tg_identity_free(nobody);
	b->n = n;
	b->size = size;
	b->stride = BLOBS_HEAD_MAX + size;
	b->bytes = bench_alloc(n, b->stride);
	for (unsigned i = 0; i < n; i++)
		seal_one(to, content, b->bytes + i * b->stride + BLOBS_HEAD_MAX, size);
	free(content);
	tg_recipient_free(to);
	return b;
}

void blobs_free(struct blobs *b)
{
	if (b == NULL)
		return;
	free(b->bytes);
	free(b);
}

unsigned blobs_count(const struct blobs *b)
{
	return b->n;
}

size_t blobs_size(const struct blobs *b)
{
	return b->size;
}

const unsigned char *blobs_at(const struct blobs *b, unsigned i)
{
	return b->bytes + i * b->stride + BLOBS_HEAD_MAX;
}

unsigned char *blobs_head(struct blobs *b, unsigned i, const void *head, size_t n)
{
	unsigned char *at = b->bytes + i * b->stride + BLOBS_HEAD_MAX - n;

	if (n > BLOBS_HEAD_MAX)
		bench_die("a request's head is too long");
	memcpy(at, head, n);
	return at;
}
