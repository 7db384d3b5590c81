/*
 * metrics.c: see metrics.h. It sends nothing: the admin process asks for the text. A slot has one
 * writer, so a relaxed load, an addition and a relaxed store are enough. Runs in every process.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/metrics.h"
#include "core/bug.h"

#define CACHE_LINE 64
#define BUCKET_FIRST_BIT 4 /* 16 us */
#define BUCKET_LAST_BIT 30 /* 1073.741824 s */
#define N_BUCKETS (BUCKET_LAST_BIT - BUCKET_FIRST_BIT + 1)

struct histogram {
	uint64_t bucket[N_BUCKETS + 1]; /* each alone, not cumulative; the last one is +Inf */
	uint64_t sum_us;
};

struct slot {
	_Alignas(CACHE_LINE) uint64_t counter[METRICS_N_COUNTERS];
	int64_t gauge[METRICS_N_GAUGES];
	struct histogram histogram[METRICS_N_HISTOGRAMS];
};

struct metrics {
	size_t map_bytes;
	unsigned n_slots;
	struct slot slot[];
};

struct text {
	char *b;
	size_t cap, n; /* n: the length of the whole, perhaps more than cap */
};

struct family {
	const char *name, *help;
};

#define X_(id, name, help) {name, help},
static const struct family counter_names[] = {METRICS_COUNTERS(X_)};
static const struct family gauge_names[] = {METRICS_GAUGES(X_)};
static const struct family histogram_names[] = {METRICS_HISTOGRAMS(X_)};
#undef X_

static struct slot private_slot; /* of a process that is not attached; nobody reads it */
static struct slot *own = &private_slot;

struct metrics *metrics_new(unsigned slots)
{
	size_t bytes = sizeof(struct metrics) + (size_t)slots * sizeof(struct slot);
	struct metrics *m =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		return NULL;
	m->map_bytes = bytes;
	m->n_slots = slots;
	return m;
}

void metrics_free(struct metrics *m)
{
	if (m == NULL)
		return;
	if (own >= m->slot && own < m->slot + m->n_slots)
		own = &private_slot;
	munmap(m, m->map_bytes);
}

void metrics_attach(struct metrics *m, unsigned slot)
{
	if (m == NULL) {
		own = &private_slot;
		return;
	}
	if (slot >= m->n_slots)
		tg_bug("metrics", "attached to a slot that is not there");
	own = &m->slot[slot];
	metrics_slot_clear(m, slot);
}

void metrics_slot_clear(struct metrics *m, unsigned slot)
{
	size_t i;

	if (slot >= m->n_slots)
		tg_bug("metrics", "cleared a slot that is not there");
	for (i = 0; i < METRICS_N_GAUGES; i++)
		__atomic_store_n(&m->slot[slot].gauge[i], 0, __ATOMIC_RELAXED);
}

static void add_u64(uint64_t *p, uint64_t by)
{
	__atomic_store_n(p, __atomic_load_n(p, __ATOMIC_RELAXED) + by, __ATOMIC_RELAXED);
}

void metrics_count(enum metric_counter c, uint64_t by)
{
	add_u64(&own->counter[c], by);
}

void metrics_gauge_set(enum metric_gauge g, int64_t value)
{
	__atomic_store_n(&own->gauge[g], value, __ATOMIC_RELAXED);
}

void metrics_gauge_add(enum metric_gauge g, int64_t by)
{
	metrics_gauge_set(g, __atomic_load_n(&own->gauge[g], __ATOMIC_RELAXED) + by);
}

/* Returns the first bucket whose bound, which belongs to it, is us or more. */
static size_t bucket_of(uint64_t us)
{
	int bits;

	if (us <= 1u << BUCKET_FIRST_BIT)
		return 0;
	bits = 64 - __builtin_clzll((unsigned long long)(us - 1));
	return bits > BUCKET_LAST_BIT ? N_BUCKETS : (size_t)(bits - BUCKET_FIRST_BIT);
}

void metrics_observe_us(enum metric_histogram h, uint64_t us)
{
	struct histogram *x = &own->histogram[h];

	add_u64(&x->bucket[bucket_of(us)], 1);
	add_u64(&x->sum_us, us);
}

int64_t metrics_gauge_slot(const struct metrics *m, unsigned slot, enum metric_gauge g)
{
	return slot < m->n_slots ? __atomic_load_n(&m->slot[slot].gauge[g], __ATOMIC_RELAXED) : 0;
}

int64_t metrics_gauge(const struct metrics *m, enum metric_gauge g)
{
	int64_t sum = 0;
	unsigned i;

	for (i = 0; i < m->n_slots; i++)
		sum += metrics_gauge_slot(m, i, g);
	return sum;
}

uint64_t metrics_counter(const struct metrics *m, enum metric_counter c)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < m->n_slots; i++)
		sum += __atomic_load_n(&m->slot[i].counter[c], __ATOMIC_RELAXED);
	return sum;
}

static void histogram_sum(const struct metrics *m, size_t h, struct histogram *out)
{
	unsigned i;
	size_t b;

	memset(out, 0, sizeof *out);
	for (i = 0; i < m->n_slots; i++) {
		const struct histogram *x = &m->slot[i].histogram[h];

		for (b = 0; b <= N_BUCKETS; b++)
			out->bucket[b] += __atomic_load_n(&x->bucket[b], __ATOMIC_RELAXED);
		out->sum_us += __atomic_load_n(&x->sum_us, __ATOMIC_RELAXED);
	}
}

static void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void text_add(struct text *t, const char *fmt, ...)
{
	size_t room = t->n < t->cap ? t->cap - t->n : 0;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room > 0 ? t->b + t->n : NULL, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->n += (size_t)n;
}

/* HELP and TYPE stand once for all rows of one name. before: the row before, or NULL. */
static void text_head(
	struct text *t, const struct family *f, const struct family *before, const char *type)
{
	size_t n = strcspn(f->name, "{");

	if (before != NULL && strcspn(before->name, "{") == n &&
		memcmp(before->name, f->name, n) == 0)
		return;
	text_add(t, "# HELP %.*s %s\n# TYPE %.*s %s\n", (int)n, f->name, f->help, (int)n, f->name,
		type);
}

static void text_histogram(struct text *t, const char *name, const struct histogram *h)
{
	uint64_t sofar = 0, bound;
	size_t b;

	for (b = 0; b < N_BUCKETS; b++) {
		bound = UINT64_C(1) << (b + BUCKET_FIRST_BIT);
		sofar += h->bucket[b];
		text_add(t, "%s_bucket{le=\"%llu.%06llu\"} %llu\n", name,
			(unsigned long long)(bound / 1000000),
			(unsigned long long)(bound % 1000000), (unsigned long long)sofar);
	}
	sofar += h->bucket[N_BUCKETS];
	text_add(t, "%s_bucket{le=\"+Inf\"} %llu\n", name, (unsigned long long)sofar);
	text_add(t, "%s_sum %llu.%06llu\n", name, (unsigned long long)(h->sum_us / 1000000),
		(unsigned long long)(h->sum_us % 1000000));
	text_add(t, "%s_count %llu\n", name, (unsigned long long)sofar);
}

size_t metrics_prometheus(const struct metrics *m, char *buf, size_t cap)
{
	struct text t = {buf, cap, 0};
	struct histogram h;
	size_t i;

	for (i = 0; i < METRICS_N_COUNTERS; i++) {
		text_head(&t, &counter_names[i], i > 0 ? &counter_names[i - 1] : NULL, "counter");
		text_add(&t, "%s %llu\n", counter_names[i].name,
			(unsigned long long)metrics_counter(m, (enum metric_counter)i));
	}
	for (i = 0; i < METRICS_N_GAUGES; i++) {
		text_head(&t, &gauge_names[i], i > 0 ? &gauge_names[i - 1] : NULL, "gauge");
		text_add(&t, "%s %lld\n", gauge_names[i].name,
			(long long)metrics_gauge(m, (enum metric_gauge)i));
	}
	for (i = 0; i < METRICS_N_HISTOGRAMS; i++) {
		text_head(&t, &histogram_names[i], NULL, "histogram");
		histogram_sum(m, i, &h);
		text_histogram(&t, histogram_names[i].name, &h);
	}
	return t.n;
}
