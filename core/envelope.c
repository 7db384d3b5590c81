/*
 * envelope.c: age v1 (C2SP age.md, "Header" and "Payload") as a grammar that bytes stream through.
 * Knows no key, allocates nothing, copies only header lines; the payload is counted. Runs in the
 * workers (the guard), the library and its opener.
 *
 * Every rule that bounds or refuses depends on the position in the file alone, never on how the
 * bytes were cut into calls: the same file gets the same verdict however it arrives
 * (tests/fuzz/fuzz_envelope.c holds it to that).
 */
#include <string.h>
#include <timeglas/errors.h>
#include "core/b64.h"
#include "core/envelope.h"
#include "core/point.h"

#define VERSION_LINE "age-encryption.org/v1"
#define ARMOR_LINE "-----BEGIN AGE ENCRYPTED FILE-----"
#define KEY_BYTES 32u        /* an X25519 share, a wrapped file key, the MAC */
#define TAG_BYTES 4u         /* of a tagged recipient */
#define P256_BYTES 65u       /* an uncompressed point (SEC 1) */
#define MLKEM768_BYTES 1088u /* a ciphertext */
#define SEC1_UNCOMPRESSED 4
#define ARGUMENT_MAX (MLKEM768_BYTES + P256_BYTES)
#define KEY_TEXT 43u   /* characters of their base64 */
#define SALT_BYTES 16u /* scrypt */
#define BODY_COLUMNS 64u
#define WORDS_MAX 3u /* of the stanza types whose words have rules */
#define CHUNK_SEALED (TG_AGE_CHUNK + TG_AGE_TAG)

enum state { ST_VERSION, ST_STANZA_OR_MAC, ST_BODY, ST_PAYLOAD };

struct word {
	const char *s;
	size_t n;
};

/* The kind of key share with which a stanza's last argument ends. */
enum share { SHARE_X25519, SHARE_P256 };

/*
 * The native types, whose arguments have a fixed length (age.md, "Native recipient types"). A
 * stanza that breaks a rule here can be opened by nobody; one with a share of small order can be
 * opened by anybody. Stanzas of other types are not looked into.
 */
static const struct stanza_type {
	const char *name;
	unsigned n_args;     /* after the name */
	size_t arg_bytes[2]; /* of each, decoded */
	enum share share;
	const char *wrong_args, *wrong_body;
} types[] = {
	{"X25519", 1, {KEY_BYTES}, SHARE_X25519,
		"an X25519 stanza has one argument after its type, of 32 bytes in canonical base64",
		"the body of an X25519 stanza is 32 bytes"},
	{"mlkem768x25519", 1, {MLKEM768_BYTES + KEY_BYTES}, SHARE_X25519,
		"an mlkem768x25519 stanza has one argument after its type, of 1,120 bytes in "
		"canonical base64",
		"the body of an mlkem768x25519 stanza is 32 bytes"},
	{"p256tag", 2, {TAG_BYTES, P256_BYTES}, SHARE_P256,
		"a p256tag stanza has two arguments after its type, of 4 and 65 bytes in canonical "
		"base64",
		"the body of a p256tag stanza is 32 bytes"},
	{"mlkem768p256tag", 2, {TAG_BYTES, MLKEM768_BYTES + P256_BYTES}, SHARE_P256,
		"an mlkem768p256tag stanza has two arguments after its type, of 4 and 1,153 bytes "
		"in canonical base64",
		"the body of an mlkem768p256tag stanza is 32 bytes"},
};

void tg_envelope_init(struct tg_envelope *e, struct tg_envelope_text *text)
{
	/* The text is not zeroed, since lengths say which part is valid, and the guard starts a
	 * parse for each upload. */
	*e = (struct tg_envelope){.state = ST_VERSION, .text = text};
}

static int refuse(struct tg_envelope *e, const char *why)
{
	e->err = TG_EENVELOPE;
	e->why = why;
	return e->err;
}

static int word_is(struct word w, const char *text)
{
	return w.n == strlen(text) && memcmp(w.s, text, w.n) == 0;
}

static int decodes_to(struct word w, size_t want)
{
	uint8_t raw[KEY_BYTES];
	return tg_b64_decode(TG_B64_NOPAD, w.s, w.n, raw, sizeof raw) == (long)want;
}

/*
 * Words of the stanza's line: one or more visible characters each, one space between. Returns their
 * number, 0 when malformed.
 */
static size_t split_words(const char *s, size_t n, struct word *out)
{
	size_t words = 0, begin = 0;

	for (size_t i = 0; i <= n; i++) {
		if (i < n && s[i] != ' ') {
			if (s[i] < 0x21 || s[i] > 0x7e)
				return 0;
			continue;
		}
		if (i == begin)
			return 0;
		if (words < WORDS_MAX)
			out[words] = (struct word){s + begin, i - begin};
		words++;
		begin = i + 1;
	}
	return words;
}

static const struct stanza_type *find_type(struct word name)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (word_is(name, types[i].name))
			return &types[i];
	return NULL;
}

static int check_share(struct tg_envelope *e, enum share share, const uint8_t *key, size_t n)
{
	switch (share) {
	case SHARE_X25519:
		if (tg_point_small_order(key + n - KEY_BYTES))
			return refuse(e,
				"an X25519 share is a point of small order: anybody could open the "
				"file");
		break;
	case SHARE_P256:
		if (key[n - P256_BYTES] != SEC1_UNCOMPRESSED)
			return refuse(
				e, "a P-256 share is an uncompressed point: its first byte is 4");
		break;
	}
	return 0;
}

static int check_native(
	struct tg_envelope *e, const struct stanza_type *t, const struct word *w, size_t words)
{
	uint8_t key[ARGUMENT_MAX];

	e->n_x25519 += t == &types[0];
	if (words != 1 + t->n_args)
		return refuse(e, t->wrong_args);
	for (size_t i = 0; i < t->n_args; i++)
		if (tg_b64_decode(TG_B64_NOPAD, w[1 + i].s, w[1 + i].n, key, sizeof key) !=
			(long)t->arg_bytes[i])
			return refuse(e, t->wrong_args);
	return check_share(e, t->share, key, t->arg_bytes[t->n_args - 1]);
}

static int check_scrypt(struct tg_envelope *e, const struct word *w, size_t words)
{
	e->n_scrypt++;
	if (!e->allow_scrypt)
		return refuse(e,
			"passphrase (scrypt) recipients are refused: a passphrase is a key that "
			"people share");
	if (words != 3)
		return refuse(e, "a scrypt stanza has exactly two arguments after its type");
	if (!decodes_to(w[1], SALT_BYTES))
		return refuse(e, "a scrypt salt is 16 bytes of canonical base64");
	for (size_t i = 0; i < w[2].n; i++)
		if (w[2].s[i] < '0' || w[2].s[i] > '9')
			return refuse(e, "a scrypt work factor is a decimal number");
	if (w[2].s[0] == '0' || w[2].n > 2)
		return refuse(e, "a scrypt work factor has no leading zero and at most two digits");
	return 0;
}

static int on_stanza_line(struct tg_envelope *e)
{
	const struct stanza_type *type;
	struct word w[WORDS_MAX];
	size_t words;

	if (e->line_len < 3 || memcmp(e->text->line, "-> ", 3) != 0)
		return refuse(
			e, "a header line is neither a stanza (\"-> \") nor the MAC (\"--- \")");
	if (e->n_stanzas == TG_ENVELOPE_STANZAS_MAX)
		return refuse(e, "more than 128 stanzas");
	e->args_len = e->line_len - 3;
	memcpy(e->text->args, e->text->line + 3, e->args_len);
	e->n_stanzas++;
	e->body_len = 0;
	e->state = ST_BODY;
	words = split_words(e->text->args, e->args_len, w);
	if (words == 0)
		return refuse(e,
			"a stanza's arguments are visible ASCII words with one space between them");
	if (word_is(w[0], "scrypt"))
		return check_scrypt(e, w, words);
	type = find_type(w[0]);
	return type ? check_native(e, type, w, words) : 0;
}

static int on_stanza_end(struct tg_envelope *e)
{
	const struct stanza_type *type;
	struct word w[WORDS_MAX];

	e->state = ST_STANZA_OR_MAC;
	(void)split_words(e->text->args, e->args_len, w);
	type = find_type(w[0]);
	if (type && e->body_len != KEY_BYTES)
		return refuse(e, type->wrong_body);
	if (word_is(w[0], "scrypt") && e->body_len != KEY_BYTES)
		return refuse(e, "the body of a scrypt stanza is 32 bytes");
	if (e->n_scrypt > 0 && e->n_stanzas > 1)
		return refuse(e, "a scrypt stanza must be the only one");
	if (e->on_stanza) {
		e->err = e->on_stanza(
			e->ctx, e->text->args, e->args_len, e->text->body, e->body_len);
		if (e->err)
			e->why = "the header was not accepted";
	}
	return e->err;
}

static int on_body_line(struct tg_envelope *e)
{
	long n;

	if (e->line_len > BODY_COLUMNS)
		return refuse(e, "a line of a stanza's body is longer than 64 columns");
	n = tg_b64_decode(TG_B64_NOPAD, e->text->line, e->line_len, e->text->body + e->body_len,
		sizeof e->text->body - e->body_len);
	if (n < 0 && e->body_len + BODY_COLUMNS > sizeof e->text->body)
		return refuse(e, "a stanza's body is longer than 8192 bytes");
	if (n < 0)
		return refuse(e,
			"a stanza's body is canonical base64 that ends with a line of fewer than "
			"64 columns");
	e->body_len += (uint32_t)n;
	return e->line_len < BODY_COLUMNS ? on_stanza_end(e) : 0;
}

static int on_mac_line(struct tg_envelope *e)
{
	if (e->n_stanzas == 0)
		return refuse(e, "the header names no recipient");
	if (e->line_len != 4 + KEY_TEXT ||
		!decodes_to((struct word){e->text->line + 4, KEY_TEXT}, KEY_BYTES))
		return refuse(e, "the MAC line is \"--- \" and 32 bytes of canonical base64");
	e->state = ST_PAYLOAD;
	return 0;
}

static int on_line(struct tg_envelope *e)
{
	switch ((enum state)e->state) {
	case ST_VERSION:
		if (e->line_len != strlen(VERSION_LINE))
			return refuse(e, "the first line is not \"" VERSION_LINE "\"");
		e->state = ST_STANZA_OR_MAC;
		return 0;
	case ST_STANZA_OR_MAC:
		if (e->line_len >= 4 && memcmp(e->text->line, "--- ", 4) == 0)
			return on_mac_line(e);
		return on_stanza_line(e);
	case ST_BODY:
		return on_body_line(e);
	case ST_PAYLOAD:
		break;
	}
	return 0;
}

/* The version line is compared byte by byte as it comes, so that plaintext is refused at its first
 * wrong byte. */
static int check_version(struct tg_envelope *e)
{
	size_t n = e->line_len < strlen(VERSION_LINE) ? e->line_len : strlen(VERSION_LINE);

	if (memcmp(e->text->line, VERSION_LINE, n) == 0 && e->line_len <= strlen(VERSION_LINE))
		return 0;
	if (e->text->line[0] == ARMOR_LINE[0])
		return refuse(e, "not a binary age file: ASCII-armored files are not accepted");
	return refuse(e, "the first line is not \"" VERSION_LINE "\"");
}

/* Takes one line, or that part of it which has come. Returns the bytes taken. */
static size_t take_line(struct tg_envelope *e, const uint8_t *p, size_t n)
{
	size_t line_room = TG_ENVELOPE_LINE_MAX - e->line_len;
	size_t header_room = TG_ENVELOPE_HEADER_MAX - (size_t)e->header_len;
	size_t room = line_room < header_room ? line_room : header_room;
	size_t have = n < room ? n : room;
	const uint8_t *lf = have ? memchr(p, '\n', have) : NULL;
	size_t text = lf ? (size_t)(lf - p) : have;

	memcpy(e->text->line + e->line_len, p, text);
	e->line_len += (uint32_t)text;
	e->header_len += text;
	if (e->state == ST_VERSION && e->line_len > 0 && check_version(e) != 0)
		return text;
	if (lf) {
		e->header_len++;
		e->err = on_line(e);
		e->line_len = 0;
		return text + 1;
	}
	if (n > room)
		(void)refuse(e,
			line_room <= header_room ? "a header line is longer than 8191 bytes" :
						   "the header is longer than 65536 bytes");
	return text;
}

int tg_envelope_feed(struct tg_envelope *e, const uint8_t *p, size_t n)
{
	while (n > 0 && !e->err && e->state != ST_PAYLOAD) {
		size_t took = take_line(e, p, n);
		p += took;
		n -= took;
	}
	if (!e->err)
		e->payload_len += n;
	return e->err;
}

int tg_envelope_in_payload(const struct tg_envelope *e)
{
	return e->state == ST_PAYLOAD && !e->err;
}

void tg_envelope_wipe(struct tg_envelope *e)
{
	/* No line, and no stanza's words or body, is longer than the header. */
	size_t n =
		e->header_len < TG_ENVELOPE_LINE_MAX ? (size_t)e->header_len : TG_ENVELOPE_LINE_MAX;

	explicit_bzero(e->text->args, n);
	explicit_bzero(e->text->line, n);
	explicit_bzero(e->text->body, n);
}

int tg_envelope_finish(struct tg_envelope *e)
{
	uint64_t sealed, last;

	if (e->err)
		return e->err;
	if (e->state != ST_PAYLOAD)
		return refuse(e, "the file ends within its header");
	if (e->payload_len < TG_AGE_NONCE)
		return refuse(e, "the file ends within its nonce");
	sealed = e->payload_len - TG_AGE_NONCE;
	last = sealed % CHUNK_SEALED;
	/* Only an empty payload has an empty last chunk. A last chunk of a tag alone, or of a part
	 * of one, was cut. */
	if (sealed != TG_AGE_TAG && (sealed == 0 || (last >= 1 && last <= TG_AGE_TAG)))
		return refuse(e,
			"the payload's length is one that age never produces: the file was cut or "
			"added to");
	return 0;
}
