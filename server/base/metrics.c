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

struct witness {
	char name[METRICS_WITNESS_NAME]; /* ""; a reader may get it half written */
	uint64_t lines;                  /* of the checkpoint that it cosigned last */
	int64_t at_s;                    /* when; 0: never */
	uint64_t failures[METRICS_N_WITNESS_FAILURES];
};

struct metrics {
	size_t map_bytes;
	unsigned n_slots;
	struct witness witness[METRICS_WITNESSES_MAX];
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
static struct metrics *attached; /* NULL: this process is not */

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
	if (m == attached) {
		own = &private_slot;
		attached = NULL;
	}
	munmap(m, m->map_bytes);
}

void metrics_attach(struct metrics *m, unsigned slot)
{
	attached = m;
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

/* Witnesses ---------------------------------------------------------------- */

static struct witness *witness_at(unsigned i)
{
	return attached != NULL && i < METRICS_WITNESSES_MAX ? &attached->witness[i] : NULL;
}

void metrics_witness_name(unsigned i, const char *name)
{
	struct witness *w = witness_at(i);

	if (w == NULL || strcmp(w->name, name) == 0)
		return;
	memset(w, 0, sizeof *w);
	snprintf(w->name, sizeof w->name, "%s", name);
}

void metrics_witness_cosigned(unsigned i, uint64_t lines, int64_t at_s)
{
	struct witness *w = witness_at(i);

	if (w == NULL)
		return;
	__atomic_store_n(&w->lines, lines, __ATOMIC_RELAXED);
	__atomic_store_n(&w->at_s, at_s, __ATOMIC_RELAXED);
}

void metrics_witness_failed(unsigned i, enum metric_witness_failure why)
{
	struct witness *w = witness_at(i);

	if (w != NULL)
		add_u64(&w->failures[why], 1);
}

/* Numbers of this process --------------------------------------------------- */

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

/* A name as a label's value. Returns out. */
static const char *label(const struct witness *w, char out[2 * METRICS_WITNESS_NAME])
{
	size_t n = 0;

	for (size_t i = 0; i < METRICS_WITNESS_NAME - 1 && w->name[i] != '\0'; i++) {
		if (w->name[i] == '"' || w->name[i] == '\\')
			out[n++] = '\\';
		out[n++] = (unsigned char)w->name[i] < ' ' ? '?' : w->name[i];
	}
	out[n] = '\0';
	return out;
}

static void text_witness_failures(struct text *t, const struct witness *w, const char *name)
{
#define X_(id, text) text,
	static const char *const kinds[] = {METRICS_WITNESS_FAILURES(X_)};
#undef X_

	for (size_t k = 0; k < METRICS_N_WITNESS_FAILURES; k++)
		text_add(t, "timeglas_witness_failures_total{witness=\"%s\",kind=\"%s\"} %llu\n",
			name, kinds[k],
			(unsigned long long)__atomic_load_n(&w->failures[k], __ATOMIC_RELAXED));
}

/* Three families, with a row of each for every witness that the policy names. */
static void text_witnesses(struct text *t, const struct metrics *m)
{
	static const struct family
		lines = {"timeglas_witness_last_lines",
			"lines of the checkpoint that this witness cosigned last"},
		when = {"timeglas_witness_last_time_seconds",
			"when it did, in Unix seconds; 0: never"},
		failures = {"timeglas_witness_failures_total",
			"times that this witness did not cosign, by kind"};
	const struct witness *const w = m->witness;
	char name[2 * METRICS_WITNESS_NAME];

	text_head(t, &lines, NULL, "gauge");
	for (size_t i = 0; i < METRICS_WITNESSES_MAX; i++)
		if (w[i].name[0] != '\0')
			text_add(t, "%s{witness=\"%s\"} %llu\n", lines.name, label(&w[i], name),
				(unsigned long long)__atomic_load_n(&w[i].lines, __ATOMIC_RELAXED));
	text_head(t, &when, NULL, "gauge");
	for (size_t i = 0; i < METRICS_WITNESSES_MAX; i++)
		if (w[i].name[0] != '\0')
			text_add(t, "%s{witness=\"%s\"} %lld\n", when.name, label(&w[i], name),
				(long long)__atomic_load_n(&w[i].at_s, __ATOMIC_RELAXED));
	text_head(t, &failures, NULL, "counter");
	for (size_t i = 0; i < METRICS_WITNESSES_MAX; i++)
		if (w[i].name[0] != '\0')
			text_witness_failures(t, &w[i], label(&w[i], name));
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
	if (m->witness[0].name[0] != '\0')
		text_witnesses(&t, m);
	return t.n;
}
