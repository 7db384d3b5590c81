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

/**
 * Called for each stanza of the header, when its body is complete.
 *
 * @args  the words of the stanza's line behind "-> ", with the blanks between them; args_len
 *        characters, borrowed until return
 * @body  decoded; body_len bytes, borrowed until return
 *
 * Returns 0 to go on, or a TG_E… code that ends the parse.
 */
typedef int tg_stanza_fn(
	void *ctx, const char *args, size_t args_len, const uint8_t *body, size_t body_len);

/* The header's lines: 24 KiB of the caller's memory, which are needed until the payload begins. */
struct tg_envelope_text {
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
	tg_stanza_fn *on_stanza; /* may be NULL */
	void *ctx;
	const char *why; /* a sentence for err; static */
	struct tg_envelope_text *text;
};

/**
 * Starts a parse. Between this and the first feed the caller may set e->allow_scrypt (unless it is
 * 1, scrypt recipients are refused), e->on_stanza and e->ctx.
 *
 * @text  the caller's; used until tg_envelope_in_payload()
 */
void tg_envelope_init(struct tg_envelope *e, struct tg_envelope_text *text);

/**
 * Reads the next n bytes. Verdict and reason do not depend on how the file is cut into calls.
 *
 * @p  may be NULL in the payload, whose bytes are only counted
 *
 * Returns 0, TG_EENVELOPE (e->why says which rule was broken), TG_EHEADER (an X25519 share of small
 * order), or what on_stanza returned. After an error every further call returns the same.
 */
int tg_envelope_feed(struct tg_envelope *e, const uint8_t *p, size_t n);

/** Returns 1 once the header, with its MAC line, has been accepted. From then on e needs no text.
 */
int tg_envelope_in_payload(const struct tg_envelope *e);

/** Overwrites what e's text may hold of the header's lines. */
void tg_envelope_wipe(struct tg_envelope *e);

/** Ends the input. Returns 0 when the payload's length is one that age's chunk format (STREAM) can
 * have, otherwise TG_EENVELOPE. */
int tg_envelope_finish(struct tg_envelope *e);

#endif
