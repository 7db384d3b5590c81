/*
 * untrusted.c: which characters of a server's text may reach a person, and the bounds of its JSON.
 * It knows no call and no field. No I/O. Runs in the library. RFC 3629
 * (UTF-8), RFC 8259 (JSON), Unicode UAX #9 (bidirectional controls).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "lib/untrusted.h"

/* Characters that a terminal obeys, or that change how others are shown. */
static const struct range {
	uint32_t first, last;
} unprintable[] = {
	{0x0000, 0x001f}, {0x007f, 0x009f}, /* C0, DEL, C1 */
	{0x00ad, 0x00ad}, {0x061c, 0x061c}, /* soft hyphen; Arabic letter mark */
	/* without width; left-to-right and right-to-left mark */
	{0x180e, 0x180e}, {0x200b, 0x200f},
	/* line and paragraph separator; embeddings and overrides */
	{0x2028, 0x202e},
	/* isolates, and what is without width or deprecated */
	{0x2060, 0x206f}, {0xfeff, 0xfeff},
	{0xfff9, 0xfffb},   /* byte order mark; interlinear annotation */
	{0xe0000, 0xe0fff}, /* tags, variation selectors */
};

/* Decodes one character at s. Returns its bytes, 0 when it is not well-formed. Reads no byte behind
 * a NUL. */
static size_t decode_utf8(const unsigned char *s, uint32_t *out)
{
	static const struct form {
		unsigned char first, last, second_min, second_max, mask;
		size_t n;
	} forms[] = {
		{0x00, 0x7f, 0, 0, 0x7f, 1},
		{0xc2, 0xdf, 0x80, 0xbf, 0x1f, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 0x0f, 3},
		{0xe1, 0xec, 0x80, 0xbf, 0x0f, 3},
		{0xed, 0xed, 0x80, 0x9f, 0x0f, 3},
		{0xee, 0xef, 0x80, 0xbf, 0x0f, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 0x07, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 0x07, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 0x07, 4},
	};
	const struct form *f = forms;

	while (f < forms + sizeof forms / sizeof forms[0] && (*s < f->first || *s > f->last))
		f++;
	if (f == forms + sizeof forms / sizeof forms[0])
		return 0;
	*out = *s & f->mask;
	for (size_t i = 1; i < f->n; i++) {
		if (s[i] < (i == 1 ? f->second_min : 0x80) ||
			s[i] > (i == 1 ? f->second_max : 0xbf))
			return 0;
		*out = *out << 6 | (s[i] & 0x3f);
	}
	return f->n;
}

static int is_printable(uint32_t c)
{
	for (size_t i = 0; i < sizeof unprintable / sizeof unprintable[0]; i++)
		if (c >= unprintable[i].first && c <= unprintable[i].last)
			return 0;
	return 1;
}

void untrusted_copy(char *out, size_t cap, const char *text)
{
	const unsigned char *s = (const unsigned char *)(text != NULL ? text : "");
	size_t at = 0;

	while (*s != '\0') {
		uint32_t c = 0;
		size_t n = decode_utf8(s, &c);
		int good = n > 0 && is_printable(c);
		size_t room = good ? n : 1;

		if (at + room >= cap)
			break;
		if (good)
			memcpy(out + at, s, n);
		else
			out[at] = '?';
		at += room;
		s += n > 0 ? n : 1;
	}
	out[at] = '\0';
}

/* Checks the bounds before the parser runs, as it needs many times the text's memory. */
static int within_bounds(const char *text, size_t n)
{
	size_t depth = 0, values = 0;
	int in_string = 0;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (in_string) {
			i += c == '\\';
			in_string = c != '"';
			continue;
		}
		in_string = c == '"';
		if ((c == '{' || c == '[') && ++depth > UNTRUSTED_JSON_DEPTH)
			return 0;
		if ((c == '}' || c == ']') && depth-- == 0)
			return 0;
		if ((c == ',' || c == '{' || c == '[') && ++values > UNTRUSTED_JSON_VALUES)
			return 0;
	}
	return 1;
}

json_t *untrusted_json_parse(const char *text, size_t n)
{
	json_t *o = n > 0 && within_bounds(text, n) ?
		json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL) :
		NULL;

	if (json_is_object(o))
		return o;
	json_decref(o);
	return NULL;
}

char *untrusted_json_dump(const json_t *o)
{
	static const char del[] = "\\u007f";
	char *text = o != NULL ? json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY) :
				 NULL,
	     *out;
	size_t n = 0, at = 0;

	if (text == NULL)
		return NULL;
	for (const char *s = text; *s != '\0'; s++)
		n += *s == 0x7f;
	if (n == 0)
		return text;
	/* jansson does not escape DEL, as it is ASCII */
	out = malloc(strlen(text) + n * (sizeof del - 2) + 1);
	for (const char *s = text; out != NULL; s++) {
		if (*s == 0x7f) {
			memcpy(out + at, del, sizeof del - 1);
			at += sizeof del - 1;
		} else {
			out[at++] = *s;
		}
		if (*s == '\0')
			break;
	}
	free(text);
	return out;
}
