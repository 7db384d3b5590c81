/* seal_library.c: see seal_library.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <timeglas/timeglas.h>
#include "bench.h"
#include "seal_library.h"

#define SEALED_MORE 8192 /* room for header, head, trailer, and the tags of 400 chunks */
#define WARM 50 /* runs before those that count: they fetch algorithms and fault pages in */

struct sealed {
	unsigned char *p;
	size_t n, cap;
};

struct who {
	tg_identity *identity;
	tg_recipient *recipient;
	tg_signer *signer;
	tg_senders *senders;
};

static int keep(void *ctx, const void *p, size_t n)
{
	struct sealed *s = ctx;

	if (n > s->cap - s->n)
		return TG_ETOOBIG;
	memcpy(s->p + s->n, p, n);
	s->n += n;
	return 0;
}

static void seal_once(const struct who *w, bool with_signature, const unsigned char *content,
	size_t bytes, struct sealed *out)
{
	const tg_recipient *to = w->recipient;
	tg_seal_opts o = {.struct_size = sizeof o,
		.recipient = &to,
		.n_recipients = 1,
		.write = keep,
		.ctx = out};
	tg_sealer *s = NULL;

	if (with_signature) {
		o.signer = w->signer;
		o.kind = "liveness";
	}
	out->n = 0;
	if (tg_seal_new(&o, &s) != 0 || tg_seal_push(s, content, bytes) != 0 ||
		tg_seal_finish(s) != 0)
		bench_die("cannot seal");
	tg_seal_free(s);
}

static void open_once(const struct who *w, bool with_signature, const struct sealed *sealed,
	struct sealed *content)
{
	const tg_expect e = {.struct_size = sizeof e,
		.identity = &w->identity,
		.n_identities = 1,
		.raw = !with_signature,
		.senders = w->senders};
	const tg_open_opts o = {
		.struct_size = sizeof o, .expect = &e, .write = keep, .ctx = content};
	tg_opener *op = NULL;

	content->n = 0;
	if (tg_open_new(&o, &op) != 0 || tg_open_push(op, sealed->p, sealed->n) != 0 ||
		tg_open_finish(op) != 0)
		bench_die("cannot open");
	tg_open_free(op);
}

static double now_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct small quantiles(double *us, unsigned n)
{
	qsort(us, n, sizeof *us, ascending);
	return (struct small){us[n / 2], us[(uint64_t)n * 99 / 100], us[n - 1]};
}

static void measure(const struct who *w, const unsigned char *content, size_t bytes,
	struct seal_library_way *way)
{
	struct sealed sealed = {bench_alloc(1, bytes + SEALED_MORE), 0, bytes + SEALED_MORE},
		      opened = {bench_alloc(1, bytes), 0, bytes};
	double *wall = bench_alloc(way->n, sizeof *wall), *cpu = bench_alloc(way->n, sizeof *cpu);

	seal_once(w, way->with_signature, content, bytes, &sealed);
	for (unsigned i = 0; i < way->n + WARM; i++) {
		double began = now_us(CLOCK_MONOTONIC), spent = now_us(CLOCK_PROCESS_CPUTIME_ID);

		if (way->opening)
			open_once(w, way->with_signature, &sealed, &opened);
		else
			seal_once(w, way->with_signature, content, bytes, &sealed);
		if (i >= WARM) {
			cpu[i - WARM] = now_us(CLOCK_PROCESS_CPUTIME_ID) - spent;
			wall[i - WARM] = now_us(CLOCK_MONOTONIC) - began;
		}
	}
	way->wall = quantiles(wall, way->n);
	way->cpu = quantiles(cpu, way->n);
	free(wall);
	free(cpu);
	free(sealed.p);
	free(opened.p);
}

void seal_library_measure(size_t bytes, unsigned n, struct seal_library_way out[SEAL_LIBRARY_WAYS])
{
	unsigned char *content = bench_alloc(1, bytes);
	char text[TG_KEY_TEXT_MAX];
	tg_sender *sender = NULL;
	struct who w;

	if (tg_identity_generate(&w.identity) != 0 || tg_signer_generate(&w.signer) != 0 ||
		tg_identity_recipient(w.identity, &w.recipient) != 0 ||
		tg_signer_sender(w.signer, &sender) != 0 || tg_senders_new(&w.senders) != 0)
		bench_die("cannot make keys");
	(void)tg_sender_text(sender, text, sizeof text);
	if (tg_senders_add(w.senders, "bench", text) != 0)
		bench_die("cannot make keys");
	for (unsigned i = 0; i < SEAL_LIBRARY_WAYS; i++) {
		out[i] = (struct seal_library_way){
			.opening = i >= 2, .with_signature = i % 2 != 0, .n = n};
		measure(&w, content, bytes, &out[i]);
	}
	tg_identity_free(w.identity);
	tg_signer_free(w.signer);
	tg_recipient_free(w.recipient);
	tg_sender_free(sender);
	tg_senders_free(w.senders);
	free(content);
}
