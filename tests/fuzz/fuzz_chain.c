/*
 * fuzz_chain.c: lines of evidence. Invariants: a line that reads writes the same bytes again, none
 * shorter or longer reads, and its numbers are in bounds; a line that was written from any bytes
 * reads, and says the same; ids and positions have one form. The first byte of the input: 0 scans
 * the rest as a line, anything else builds a record and a checkpoint from it. `make fuzz` runs it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <inttypes.h>
#include <sodium.h>
#include <timeglas/errors.h>
#include "core/chain.h"
#include "core/hex.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define MUST(x) \
	do { \
		if (!(x)) \
			abort(); \
	} while (0)
#define LINE (CHAIN_LINE_MAX + 1)

static uint8_t secret[CHAIN_SECRET];
static char plain[LINE]; /* texts without their escapes */
static size_t plain_n;

/* What stands in a line, as it was before it was escaped. */
static struct chain_text unescaped(struct chain_text t)
{
	struct chain_text out = {plain + plain_n, 0};
	uint8_t byte;

	if (t.p == NULL)
		return t;
	for (size_t i = 0; i < t.n; i++) {
		char c = t.p[i];

		if (c == '\\' && t.p[++i] == 'u') {
			MUST(tg_hex_decode(t.p + i + 3, 2, &byte, 1) == 0);
			c = (char)byte;
			i += 4;
		} else if (c == '\\') {
			c = t.p[i];
		}
		plain[plain_n++] = c;
	}
	out.n = (size_t)(plain + plain_n - out.p);
	return out;
}

static void record_unescaped(struct chain_record *r)
{
	struct chain_text *const t[] = {&r->id, &r->event, &r->tag, &r->kind, &r->cause,
		&r->outcome, &r->uploader, &r->to, &r->by, &r->session, &r->reason};

	plain_n = 0;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		*t[i] = unescaped(*t[i]);
}

static void check_ids(struct chain_text id)
{
	struct chain_pos pos;
	unsigned shard;
	char text[64];
	int n;

	if (id.p == NULL || chain_id_parse(id.p, id.n, &shard, &pos) != 0)
		return;
	n = snprintf(text, sizeof text, "%02x-%" PRIu64 "-%" PRIu64, shard, pos.ms, pos.seq);
	MUST(shard < CHAIN_SHARDS && n > 0 && (size_t)n <= CHAIN_ID_MAX && (size_t)n == id.n &&
		memcmp(text, id.p, id.n) == 0);
	MUST(chain_pos_cmp(&pos, &pos) == 0);
}

/* Member by member, "more" is what it was as a whole. */
static void check_more(const struct chain_record *r)
{
	static char again[LINE];
	struct chain_buf b = {.p = again, .cap = sizeof again};
	struct chain_text rest = r->more, name, value;
	struct chain_pos pos[CHAIN_SHARDS];

	while (chain_next_member(&rest, &name, &value)) {
		plain_n = 0;
		name = unescaped(name);
		value = unescaped(value);
		chain_put_member(&b, name, value);
	}
	MUST(rest.n == 0 && !b.full && b.n == r->more.n &&
		(b.n == 0 || memcmp(again, r->more.p, b.n) == 0));
	memset(pos, 0xff, sizeof pos);
	chain_more_positions(r, pos);
}

/* The signature cannot be made again, but all that it covers can, up to the key. */
static void check_rewritten(const char *line, size_t n, const struct chain_check *c)
{
	static char again[LINE];
	static const char key[] = ",\"key\":\"";
	struct chain_buf b = {.p = again, .cap = sizeof again};
	struct chain_check k = *c;
	struct chain_line l;

	MUST(c->signed_len < n && memcmp(line + c->signed_len, ",\"sig\":\"", 8) == 0);
	(void)chain_check_verify(line, c);
	plain_n = 0;
	k.reason = unescaped(k.reason);
	chain_put_check(&b, &k, secret);
	MUST(!b.full && b.n == n + 1);
	MUST(memcmp(again, line, c->signed_len - (size_t)2 * CHAIN_KEY - 1) == 0);
	MUST(memcmp(line + c->signed_len - (size_t)2 * CHAIN_KEY - sizeof key, key,
		     sizeof key - 1) == 0);
	MUST(chain_scan(again, n, &l) == 0 && l.is_check &&
		chain_check_verify(again, &l.check) == 0);
}

static void scan(const uint8_t *p, size_t n)
{
	static char again[LINE];
	struct chain_buf b = {.p = again, .cap = sizeof again};
	char *line = malloc(n + 1); /* an exact copy, so that a read past its end is seen */
	struct chain_line l;
	struct chain_pos pos;

	MUST(line != NULL);
	line = realloc(line, n > 0 ? n : 1);
	MUST(line != NULL);
	memcpy(line, p, n);
	(void)chain_pos_parse(line, n, &pos);
	check_ids((struct chain_text){line, n});
	if (chain_scan(line, n, &l) == 0) {
		MUST(n <= CHAIN_LINE_MAX);
		if (l.is_check) {
			MUST(l.check.n > 0);
			check_rewritten(line, n, &l.check);
		} else {
			MUST(l.record.n > 0 && l.record.event.p != NULL);
			check_ids(l.record.id);
			check_more(&l.record);
			/* an older line calls it ref; it is written as of today */
			if (l.record.tag.p != NULL)
				memcpy(line + (l.record.tag.p - line) - sizeof "ref\":\"" + 1,
					"tag", 3);
			record_unescaped(&l.record);
			chain_put_record(&b, &l.record);
			MUST(!b.full && b.n == n + 1 && memcmp(again, line, n) == 0);
		}
		MUST(chain_scan(line, n - 1, &l) != 0);
	}
	free(line);
}

/* Building ----------------------------------------------------------------- */

struct input {
	const uint8_t *p;
	size_t n;
};

static uint64_t take(struct input *in, unsigned bytes)
{
	uint64_t v = 0;

	for (; bytes > 0; bytes--) {
		v = v << 8 | (in->n > 0 ? *in->p : 0);
		in->p += in->n > 0;
		in->n -= in->n > 0;
	}
	return v;
}

static struct chain_text take_text(struct input *in)
{
	size_t n = (size_t)take(in, 1);
	struct chain_text t = {(const char *)in->p, n < in->n ? n : in->n};

	if (n == 255)
		return (struct chain_text){NULL, 0};
	in->p += t.n;
	in->n -= t.n;
	return t;
}

static int64_t take_number(struct input *in, int64_t max)
{
	int64_t v = (int64_t)(take(in, 8) >> 1);

	return v > max ? -1 : v;
}

static int same(struct chain_text a, struct chain_text b)
{
	return (a.p == NULL) == (b.p == NULL) && a.n == b.n &&
		(a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static void build_record(struct input *in)
{
	static char line[LINE], more[LINE];
	const int64_t last_ms = INT64_C(253402300799999);
	struct chain_buf b = {.p = line, .cap = sizeof line}, m = {.p = more, .cap = sizeof more};
	struct chain_record r = {.n = take(in, 8) | 1,
		.time_ms = (int64_t)(take(in, 8) % (uint64_t)last_ms),
		.id = take_text(in),
		.event = take_text(in),
		.tag = take_text(in),
		.kind = take_text(in),
		.dk = (int)(take(in, 1) % 3) - 1,
		.size_bytes = take_number(in, INT64_MAX),
		.deadline_ms = take_number(in, last_ms),
		.lease_ms = take_number(in, last_ms),
		.late_us = take_number(in, INT64_MAX),
		.cause = take_text(in),
		.outcome = take_text(in),
		.uploader = take_text(in),
		.to = take_text(in),
		.by = take_text(in),
		.session = take_text(in),
		.reason = take_text(in),
		.first_ms = take_number(in, last_ms),
		.last_ms = take_number(in, last_ms),
		.count = take_number(in, INT64_MAX)};
	struct chain_line l;

	if (r.event.p == NULL)
		r.event = (struct chain_text){"", 0};
	for (unsigned i = (unsigned)take(in, 1) % 4; i > 0; i--) {
		struct chain_text name = take_text(in), value = take_text(in);

		chain_put_member(&m, name, value);
	}
	r.more = (struct chain_text){more, m.n};
	chain_put_record(&b, &r);
	if (b.full || m.full)
		return;
	MUST(chain_scan(line, b.n - 1, &l) == 0 && !l.is_check);
	MUST(m.n == 0 ? l.record.more.p == NULL : same(r.more, l.record.more));
	record_unescaped(&l.record);
	MUST(l.record.n == r.n && l.record.time_ms == r.time_ms && l.record.dk == r.dk &&
		l.record.size_bytes == r.size_bytes);
	MUST(l.record.deadline_ms == r.deadline_ms && l.record.lease_ms == r.lease_ms &&
		l.record.late_us == r.late_us);
	MUST(same(r.id, l.record.id) && same(r.event, l.record.event) &&
		same(r.tag, l.record.tag) && same(r.kind, l.record.kind));
	MUST(same(r.cause, l.record.cause) && same(r.outcome, l.record.outcome) &&
		same(r.uploader, l.record.uploader));
	MUST(same(r.to, l.record.to) && same(r.by, l.record.by) &&
		same(r.session, l.record.session) && same(r.reason, l.record.reason));
	MUST(l.record.first_ms == r.first_ms && l.record.last_ms == r.last_ms &&
		l.record.count == r.count);
}

static void build_check(struct input *in)
{
	static char line[LINE];
	struct chain_buf b = {.p = line, .cap = sizeof line};
	struct chain_check c = {
		.n = take(in, 8) | 1, .time_ms = (int64_t)take(in, 5), .reason = take_text(in)};
	struct chain_line l;

	if (c.reason.p == NULL)
		c.reason = (struct chain_text){"", 0};
	if (take(in, 1) & 1)
		snprintf(c.epoch, sizeof c.epoch, "%016" PRIx64 "%016" PRIx64, take(in, 8),
			take(in, 8));
	for (unsigned i = 0; i < CHAIN_SHARDS && in->n > 0; i++)
		c.pos[i] = (struct chain_pos){take(in, 1) & 1 ? take(in, 8) : 0, take(in, 1)};
	chain_put_check(&b, &c, secret);
	MUST(!b.full && chain_scan(line, b.n - 1, &l) == 0 && l.is_check &&
		chain_check_verify(line, &l.check) == 0);
	plain_n = 0;
	MUST(l.check.n == c.n && l.check.time_ms == c.time_ms &&
		same(unescaped(l.check.reason), c.reason) && strcmp(l.check.epoch, c.epoch) == 0);
	MUST(memcmp(l.check.pos, c.pos, sizeof c.pos) == 0 &&
		memcmp(l.check.key, secret + CHAIN_SECRET - CHAIN_KEY, CHAIN_KEY) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint8_t seed[32] = {7};
	static int ready;
	uint8_t public[CHAIN_KEY];
	struct input in = {p, n};

	if (!ready) {
		MUST(sodium_init() >= 0);
		crypto_sign_seed_keypair(public, secret, seed);
		ready = 1;
	}
	if (n == 0)
		return 0;
	if (take(&in, 1) == 0) {
		scan(in.p, in.n);
	} else {
		build_record(&in);
		build_check(&in);
	}
	return 0;
}
