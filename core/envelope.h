/*
 * envelope.h: the grammar of an age v1 file (C2SP age.md), read strictly as its bytes stream by. No
 * keys, no I/O, no allocation: the server's guard, and the first half of the opener, are this
 * parser.
 *
 * It proves the form, not the encryption. What it refuses, rule by rule: docs/envelope.md,
 * section 2.
 */
#ifndef TG_CORE_ENVELOPE_H
#define TG_CORE_ENVELOPE_H

#include <stddef.h>
#include <stdint.h>

#define TG_ENVELOPE_HEADER_MAX 65536u /* bytes of header; a post-quantum stanza is about 2,000 */
#define TG_ENVELOPE_LINE_MAX 8192u
#define TG_ENVELOPE_STANZAS_MAX 128u
#define TG_AGE_CHUNK 65536u
#define TG_AGE_TAG 16u
#define TG_AGE_NONCE 16u

/* Called for each stanza of the header, when its body is complete. args: space-separated words as
 * they stand in the line after "-> ". body: decoded. Returns 0 to go on, or a TG_E… that ends the
 * parse. May be NULL. */
typedef int tg_stanza_fn(
	void *ctx, const char *args, size_t args_len, const uint8_t *body, size_t body_len);

struct tg_envelope_text {
	/* what stands in the header's lines: 24 KiB of the caller's, needed until the payload
	 * begins */
	char args[TG_ENVELOPE_LINE_MAX];
	char line[TG_ENVELOPE_LINE_MAX];
	uint8_t body[TG_ENVELOPE_LINE_MAX];
};

struct tg_envelope { /* plain memory of the caller's; treat as opaque */
	uint32_t state;
	uint32_t n_stanzas;
	uint32_t n_x25519;
	uint32_t n_scrypt;
	uint32_t line_len;
	uint32_t args_len;
	uint32_t body_len;
	uint64_t header_len;
	uint64_t payload_len; /* nonce included */
	int err;              /* sticky */
	int allow_scrypt;
	tg_stanza_fn *on_stanza;
	void *ctx;
	const char *why; /* a sentence for err; static */
	struct tg_envelope_text *text;
};

/**
 * tg_envelope_init(e, text): start. Afterwards, before the first feed, may be set: e->allow_scrypt
 * (scrypt recipients are refused unless 1), e->on_stanza, e->ctx.
 */
void tg_envelope_init(struct tg_envelope *e, struct tg_envelope_text *text);
/**
 * tg_envelope_feed(e, p, n): the next n bytes. In the payload it only counts, so passing p = NULL
 * is fine there. Returns 0 or TG_EENVELOPE (sticky; e->why says which rule), or what on_stanza
 * returned. Verdict and reason do not depend on how the bytes were cut.
 */
int tg_envelope_feed(struct tg_envelope *e, const uint8_t *p, size_t n);
/** tg_envelope_in_payload(e): 1 once the header (through the MAC line) has been accepted. Then e
 * does without its text. */
int tg_envelope_in_payload(const struct tg_envelope *e);
/** tg_envelope_wipe(e): overwrites what of the header's lines may stand in its text. */
void tg_envelope_wipe(struct tg_envelope *e);
/**
 * tg_envelope_finish(e): the input has ended: 0 when the payload's length is one that STREAM can
 * produce, else TG_EENVELOPE.
 */
int tg_envelope_finish(struct tg_envelope *e);

#endif
