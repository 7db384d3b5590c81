/*
 * fuzz_envelope.c: the guard on arbitrary bytes. Invariants: however the input is cut, verdict,
 * reason, counters and reported stanzas are the same; an error is sticky; limits hold; what is
 * accepted begins with the version line and has a payload that STREAM can produce. The first byte
 * of the input says how to cut, the second whether scrypt is allowed. `make fuzz` runs it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include "core/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define MUST(x) \
	do { \
		if (!(x)) \
			abort(); \
	} while (0)

struct seen {
	uint64_t digest; /* of all that was reported, in order */
	uint32_t stanzas;
};

static void mix(struct seen *s, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s->digest = (s->digest ^ ((const uint8_t *)p)[i]) * 1099511628211u;
	s->digest = (s->digest ^ n) * 1099511628211u;
}

static int on_stanza(
	void *ctx, const char *args, size_t args_len, const uint8_t *body, size_t body_len)
{
	struct seen *s = ctx;

	MUST(args_len > 0 && args_len < TG_ENVELOPE_LINE_MAX && body_len <= TG_ENVELOPE_LINE_MAX);
	mix(s, args, args_len);
	mix(s, body, body_len);
	s->stanzas++;
	return 0;
}

static struct tg_envelope_text text[1];

static int judge(
	struct tg_envelope *e, struct seen *s, const uint8_t *p, size_t n, size_t cut, int scrypt)
{
	int err = 0;

	memset(s, 0, sizeof *s);
	tg_envelope_init(e, text);
	e->allow_scrypt = scrypt;
	e->on_stanza = on_stanza;
	e->ctx = s;
	for (size_t at = 0; at < n;) {
		size_t take = n - at < cut ? n - at : cut;
		/* An exact copy, so that a read past the piece is seen. */
		uint8_t *piece = malloc(take);
		int now;
		MUST(piece);
		memcpy(piece, p + at, take);
		now = tg_envelope_feed(e, piece, take);
		free(piece);
		MUST(err == 0 || now == err);
		err = now;
		at += take;
		cut = cut % 251 + 1; /* pieces of many sizes in one run */
	}
	MUST(e->header_len <= TG_ENVELOPE_HEADER_MAX && e->n_stanzas <= TG_ENVELOPE_STANZAS_MAX);
	err = tg_envelope_finish(e);
	MUST(tg_envelope_finish(e) == err);
	MUST(err == 0 || e->why);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct tg_envelope whole, cut;
	struct seen seen_whole, seen_cut;
	int a, b;

	if (n < 2)
		return 0;
	a = judge(&whole, &seen_whole, p + 2, n - 2, n, p[1] & 1);
	b = judge(&cut, &seen_cut, p + 2, n - 2, p[0] + 1u, p[1] & 1);
	MUST(a == b && whole.why == cut.why);
	MUST(memcmp(&seen_whole, &seen_cut, sizeof seen_whole) == 0);
	MUST(whole.n_x25519 == cut.n_x25519 && whole.n_scrypt == cut.n_scrypt);
	if (a == 0) {
		uint64_t sealed = whole.payload_len - TG_AGE_NONCE,
			 last = sealed % (TG_AGE_CHUNK + TG_AGE_TAG);
		MUST(memcmp(p + 2, "age-encryption.org/v1\n", 22) == 0);
		MUST(whole.header_len + whole.payload_len == n - 2 &&
			cut.payload_len == whole.payload_len);
		MUST(sealed == TG_AGE_TAG || (sealed > 0 && (last == 0 || last > TG_AGE_TAG)));
		MUST(seen_whole.stanzas == whole.n_stanzas && whole.n_stanzas > 0);
		MUST(p[1] & 1 || whole.n_scrypt == 0);
	}
	return 0;
}
