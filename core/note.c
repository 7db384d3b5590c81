/* note.c: see note.h. Whom to trust, and how many of them, is the caller's to decide. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <timeglas/errors.h>
#include "core/b64.h"
#include "core/bug.h"
#include "core/hex.h"
#include "core/note.h"

#define DASH "\xe2\x80\x94 " /* U+2014 and a blank: a signature's line begins so */
#define DASH_LEN (sizeof DASH - 1)
#define ID_BYTES 4u
#define ID_CHARS 8u /* of base64, which hold it */
#define TIME_BYTES 8u
#define SIGNED_MAX (ID_BYTES + TIME_BYTES + crypto_sign_BYTES)

_Static_assert(NOTE_SIGNATURE == crypto_sign_BYTES, "Ed25519");
_Static_assert(NOTE_PUBLIC == crypto_sign_PUBLICKEYBYTES, "Ed25519");
_Static_assert(NOTE_SECRET == crypto_sign_SECRETKEYBYTES, "Ed25519");

static void put_be(uint8_t *out, unsigned bytes, uint64_t v)
{
	while (bytes > 0) {
		out[--bytes] = (uint8_t)v;
		v >>= 8;
	}
}

static uint64_t get_be(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

/* Text --------------------------------------------------------------------- */

/* The length of the UTF-8 character at p, of which n > 0 bytes are there; 0: it is none. *code: the
 * character. */
static size_t utf8(const unsigned char *p, size_t n, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = p[0] < 0x80 ? 1 :
		p[0] >> 5 == 6   ? 2 :
		p[0] >> 4 == 14  ? 3 :
		p[0] >> 3 == 30  ? 4 :
				   0;

	if (len == 0 || len > n)
		return 0;
	*code = len == 1 ? p[0] : p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		*code = *code << 6 | (p[i] & 0x3fu);
	}
	if (*code < least[len] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return len;
}

/* Unicode's White_Space. */
static bool is_blank(uint32_t c)
{
	return c == ' ' || (c >= 0x09 && c <= 0x0d) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
		(c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
		c == 0x205f || c == 0x3000;
}

static bool is_text(const char *p, size_t n)
{
	for (size_t i = 0, len; i < n; i += len) {
		uint32_t c;

		len = utf8((const unsigned char *)p + i, n - i, &c);
		if (len == 0 || (c < 0x20 && c != '\n'))
			return false;
	}
	return true;
}

static bool is_name(const char *p, size_t n)
{
	if (n == 0 || n > NOTE_NAME_MAX)
		return false;
	for (size_t i = 0, len; i < n; i += len) {
		uint32_t c;

		len = utf8((const unsigned char *)p + i, n - i, &c);
		if (len == 0 || c < 0x20 || c == '+' || is_blank(c))
			return false;
	}
	return true;
}

/* Keys --------------------------------------------------------------------- */

static void with_type(const struct note_key *k, uint8_t out[1 + NOTE_PUBLIC])
{
	out[0] = (uint8_t)k->type;
	memcpy(out + 1, k->public, NOTE_PUBLIC);
}

int note_key_make(struct sha256 *h, const char *name, enum note_type type,
	const uint8_t public[NOTE_PUBLIC], struct note_key *out)
{
	char named[NOTE_NAME_MAX + 2];
	uint8_t key[1 + NOTE_PUBLIC], hash[SHA256_BYTES];
	size_t n = strlen(name);

	if (!is_name(name, n))
		return TG_EINVAL;
	*out = (struct note_key){.type = type};
	memcpy(out->name, name, n);
	memcpy(out->public, public, NOTE_PUBLIC);
	memcpy(named, name, n);
	named[n] = '\n';
	with_type(out, key);
	sha256_of(h, named, n + 1, key, sizeof key, hash);
	out->id = (uint32_t)get_be(hash, ID_BYTES);
	return 0;
}

char *note_key_text(const struct note_key *k, char out[NOTE_KEY_TEXT_MAX])
{
	char base64[TG_B64_LEN(1 + NOTE_PUBLIC) + 1];
	uint8_t key[1 + NOTE_PUBLIC];

	with_type(k, key);
	tg_b64_encode(TG_B64_STD, key, sizeof key, base64);
	snprintf(out, NOTE_KEY_TEXT_MAX, "%s+%08" PRIx32 "+%s", k->name, k->id, base64);
	return out;
}

int note_key_parse(struct sha256 *h, const char *s, size_t n, struct note_key *out)
{
	const char *id = memchr(s, '+', n), *const end = s + n;
	char name[NOTE_NAME_MAX + 1] = "";
	uint8_t key[1 + NOTE_PUBLIC], raw[ID_BYTES];
	int err;

	if (id == NULL || (size_t)(id - s) > NOTE_NAME_MAX || end - id < 10 || id[9] != '+' ||
		!tg_hex_is_lower(id + 1, 8) || tg_hex_decode(id + 1, 8, raw, sizeof raw) != 0 ||
		tg_b64_decode(TG_B64_STD, id + 10, (size_t)(end - id) - 10, key, sizeof key) !=
			(long)sizeof key ||
		(key[0] != NOTE_ED25519 && key[0] != NOTE_COSIGNATURE))
		return TG_EINVAL;
	memcpy(name, s, (size_t)(id - s));
	err = strlen(name) == (size_t)(id - s) ?
		note_key_make(h, name, (enum note_type)key[0], key + 1, out) :
		TG_EINVAL;
	return err == 0 && out->id != get_be(raw, ID_BYTES) ? TG_EINVAL : err;
}

/* Reading ------------------------------------------------------------------ */

/* The line of a signature, without its LF. */
static int scan_signature(struct note *note, const char *p, size_t n)
{
	const char *blank;
	struct note_span name, base64;

	if (note->n == NOTE_SIGNATURES_MAX || n < DASH_LEN || memcmp(p, DASH, DASH_LEN) != 0)
		return TG_EINVAL;
	p += DASH_LEN;
	n -= DASH_LEN;
	blank = memchr(p, ' ', n);
	if (blank == NULL)
		return TG_EINVAL;
	name = (struct note_span){p, (size_t)(blank - p)};
	base64 = (struct note_span){blank + 1, n - name.n - 1};
	/* id and at least a byte of signature */
	if (!is_name(name.p, name.n) || base64.n < ID_CHARS)
		return TG_EINVAL;
	note->signature[note->n].name = name;
	note->signature[note->n].base64 = base64;
	note->n++;
	return 0;
}

int note_scan(const char *p, size_t n, struct note *out)
{
	const char *const end = p + n;
	const char *at = NULL;

	*out = (struct note){0};
	if (n < 3 || n > NOTE_MAX || p[n - 1] != '\n' || !is_text(p, n))
		return TG_EINVAL;
	for (size_t i = n - 1; i > 0 && at == NULL; i--) /* the last empty line */
		if (p[i] == '\n' && p[i - 1] == '\n')
			at = p + i + 1;
	if (at == NULL || at == end)
		return TG_EINVAL;
	out->text = (struct note_span){p, (size_t)(at - p) - 1};
	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));

		if (scan_signature(out, at, (size_t)(lf - at)) != 0)
			return TG_EINVAL;
		at = lf + 1;
	}
	return 0;
}

/* Signatures --------------------------------------------------------------- */

/* What a cosignature signs in front of the text. */
static size_t cosigned(uint64_t time_s, char out[64])
{
	return (size_t)snprintf(out, 64, "cosignature/v1\ntime %" PRIu64 "\n", time_s);
}

/* What a key of this type signs, in memory of the caller's: NOTE_MAX + 64 bytes. */
static size_t message(
	enum note_type type, uint64_t time_s, const char *text, size_t n, unsigned char *out)
{
	char head[64];
	size_t len = type == NOTE_COSIGNATURE ? cosigned(time_s, head) : 0;

	if (n > NOTE_MAX)
		tg_bug("note", "a text is longer than a note may be");
	memcpy(out, head, len);
	memcpy(out + len, text, n);
	return len + n;
}

/* Returns 0, TG_ENOENT: another key's, or TG_ESIGNATURE. */
static int verify_one(const struct note *note, unsigned i, const struct note_key *k,
	unsigned char *space, uint64_t *time_s)
{
	const struct note_span name = note->signature[i].name, base64 = note->signature[i].base64;
	const unsigned time_bytes = k->type == NOTE_COSIGNATURE ? TIME_BYTES : 0;
	const size_t bytes = ID_BYTES + time_bytes + crypto_sign_BYTES;
	uint8_t raw[SIGNED_MAX];
	size_t n;

	/* Another algorithm's signature under this name may be longer than any of ours. */
	if (name.n != strlen(k->name) || memcmp(name.p, k->name, name.n) != 0 ||
		tg_b64_decode(TG_B64_STD, base64.p, ID_CHARS, raw, sizeof raw) < (long)ID_BYTES ||
		get_be(raw, ID_BYTES) != k->id)
		return TG_ENOENT;
	if (tg_b64_decode(TG_B64_STD, base64.p, base64.n, raw, sizeof raw) != (long)bytes)
		return TG_ESIGNATURE;
	*time_s = time_bytes > 0 ? get_be(raw + ID_BYTES, TIME_BYTES) : 0;
	if (*time_s > INT64_MAX)
		return TG_ESIGNATURE;
	n = message(k->type, *time_s, note->text.p, note->text.n, space);
	return crypto_sign_verify_detached(raw + ID_BYTES + time_bytes, space, n, k->public) == 0 ?
		0 :
		TG_ESIGNATURE;
}

int note_verify(const struct note *note, const struct note_key *k, uint64_t *time_s)
{
	unsigned char *space = malloc(NOTE_MAX + 64);
	int result = TG_ENOENT;

	if (space == NULL)
		return TG_ENOMEM;
	for (unsigned i = 0; i < note->n && result != TG_ESIGNATURE; i++) {
		uint64_t found = 0;
		int err = verify_one(note, i, k, space, &found);

		if (err == TG_ENOENT)
			continue;
		result = err;
		if (err == 0 && time_s != NULL)
			*time_s = found;
	}
	free(space);
	return result;
}

int note_line_of(
	const struct note *note, const struct note_key *k, char line[NOTE_LINE_MAX], size_t *n)
{
	for (unsigned i = 0; i < note->n; i++) {
		struct note one = {.text = note->text, .n = 1};

		one.signature[0] = note->signature[i];
		if (note_verify(&one, k, NULL) != 0)
			continue;
		*n = (size_t)snprintf(line, NOTE_LINE_MAX, DASH "%.*s %.*s\n",
			(int)one.signature[0].name.n, one.signature[0].name.p,
			(int)one.signature[0].base64.n, one.signature[0].base64.p);
		return 1;
	}
	return 0;
}

char *note_line(const struct note_key *k, uint64_t time_s, const uint8_t signature[NOTE_SIGNATURE],
	char out[NOTE_LINE_MAX])
{
	char base64[TG_B64_LEN(SIGNED_MAX) + 1];
	uint8_t raw[SIGNED_MAX];
	size_t at = ID_BYTES;

	put_be(raw, ID_BYTES, k->id);
	if (k->type == NOTE_COSIGNATURE) {
		put_be(raw + at, TIME_BYTES, time_s);
		at += TIME_BYTES;
	}
	memcpy(raw + at, signature, NOTE_SIGNATURE);
	tg_b64_encode(TG_B64_STD, raw, at + NOTE_SIGNATURE, base64);
	snprintf(out, NOTE_LINE_MAX, DASH "%s %s\n", k->name, base64);
	return out;
}

char *note_sign(const struct note_key *k, const uint8_t secret[NOTE_SECRET], const char *text,
	size_t n, uint64_t time_s, char out[NOTE_LINE_MAX])
{
	unsigned char *space = malloc(NOTE_MAX + 64);
	uint8_t signature[NOTE_SIGNATURE];

	if (space == NULL)
		return NULL;
	n = message(k->type, time_s, text, n, space);
	crypto_sign_detached(signature, NULL, space, n, secret);
	free(space);
	return note_line(k, time_s, signature, out);
}
