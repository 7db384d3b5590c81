/*
 * head.c: writes and strictly reads the head of docs/envelope.md, section 3: fixed order, one spelling, every field
 * bounded, so that a head has exactly one text and its signature covers exactly one meaning. No keys, no I/O. Runs in
 * the library.
 */
#include <string.h>
#include "core/num.h"
#include "lib/head.h"

#define FIRST_LINE "timeglas-head: 1"

/* What each field may hold: the same checks when writing and when reading. -------------------------------------- */

static int kind_ok(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '-'))
			return 0;
	return n > 0 && n <= TG_KIND_MAX;
}

static int issuer_ok(const char *s, size_t n)
{
	char code[4];
	/* The canonical form only: "D", never "D<<". */
	return tg_issuer_parse(s, n, code) == 0 && strlen(code) == n;
}

static int session_ok(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= '0' && s[i] <= '9') ||
		      s[i] == '-' || s[i] == '_'))
			return 0;
	return n > 0 && n <= TG_SESSION_MAX;
}

static int content_type_ok(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x20 || s[i] > 0x7e)
			return 0;
	return n > 0 && n <= TG_CONTENT_TYPE_MAX && s[0] != ' ' && s[n - 1] != ' ';
}

int tg_head_check(const tg_head *h)
{
	if (!kind_ok(h->kind, strnlen(h->kind, sizeof h->kind)))
		return TG_EKIND;
	if (h->issuer[0] && !issuer_ok(h->issuer, strnlen(h->issuer, sizeof h->issuer)))
		return TG_EISSUER;
	if (h->session[0] && !session_ok(h->session, strnlen(h->session, sizeof h->session)))
		return TG_ESESSION;
	if (h->content_type[0] && !content_type_ok(h->content_type, strnlen(h->content_type, sizeof h->content_type)))
		return TG_EMEDIA;
	if (h->n_recipients == 0 || h->n_recipients > TG_RECIPIENTS_MAX)
		return TG_ERECIPIENT;
	return 0;
}

/* Writing ------------------------------------------------------------------------------------------------------- */

static char *put_text(char *at, const char *s)
{
	size_t n = strlen(s);
	memcpy(at, s, n);
	return at + n;
}

static char *put_field(char *at, const char *name, const char *value)
{
	at = put_text(at, name);
	at = put_text(at, ": ");
	at = put_text(at, value);
	*at++ = '\n';
	return at;
}

size_t tg_head_format(const tg_head *h, const tg_sender *sender, char out[TG_HEAD_TEXT_MAX])
{
	char text[TG_KEY_TEXT_MAX], *at = put_text(out, FIRST_LINE "\n");

	/* TG_HEAD_TEXT_MAX holds the longest of each: 17 + 38 + 12 + 75 + 31 + 143 + 83 + 20 * 74 + 38 + 1. */
	at = put_field(at, "kind", h->kind);
	if (h->issuer[0])
		at = put_field(at, "issuer", h->issuer);
	if (h->session[0])
		at = put_field(at, "session", h->session);
	at = put_field(at, "time", tg_time_format(h->time_ms, text));
	if (h->content_type[0])
		at = put_field(at, "content-type", h->content_type);
	tg_sender_text(sender, text);
	at = put_field(at, "sender", text);
	for (size_t i = 0; i < h->n_recipients; i++) {
		tg_recipient_text(&h->recipient[i], text);
		at = put_field(at, "recipient", text);
	}
	at = put_field(at, "ref", tg_hex_encode(h->ref, sizeof h->ref, text));
	*at++ = '\n';
	return (size_t)(at - out);
}

/* Reading ------------------------------------------------------------------------------------------------------- */

struct cursor {
	const char *at, *end;
};

struct value {
	const char *s;
	size_t n;
};

/* Takes the next line when it is "name: value"; otherwise takes nothing and returns 0. */
static int take_field(struct cursor *c, const char *name, struct value *v)
{
	size_t n = strlen(name);
	const char *lf = memchr(c->at, '\n', (size_t)(c->end - c->at));

	if (!lf || (size_t)(lf - c->at) < n + 2 || memcmp(c->at, name, n) != 0 || memcmp(c->at + n, ": ", 2) != 0)
		return 0;
	v->s = c->at + n + 2;
	v->n = (size_t)(lf - v->s);
	c->at = lf + 1;
	return 1;
}

/* Copies a value that its check has bounded to what out holds. */
static int keep(struct value v, int ok, char *out)
{
	if (!ok)
		return TG_EINVAL;
	memcpy(out, v.s, v.n);
	out[v.n] = '\0';
	return 0;
}

static int read_description(struct cursor *c, tg_head *h)
{
	struct value v;

	if (!take_field(c, "timeglas-head", &v) || v.n != 1 || v.s[0] != '1')
		return TG_EINVAL;
	if (!take_field(c, "kind", &v) || keep(v, kind_ok(v.s, v.n), h->kind) != 0)
		return TG_EINVAL;
	if (take_field(c, "issuer", &v) && keep(v, issuer_ok(v.s, v.n), h->issuer) != 0)
		return TG_EINVAL;
	if (take_field(c, "session", &v) && keep(v, session_ok(v.s, v.n), h->session) != 0)
		return TG_EINVAL;
	if (!take_field(c, "time", &v) || v.n != TG_TIME_LEN || tg_time_parse(v.s, v.n, &h->time_ms) != 0)
		return TG_EINVAL;
	if (take_field(c, "content-type", &v) && keep(v, content_type_ok(v.s, v.n), h->content_type) != 0)
		return TG_EINVAL;
	return 0;
}

static int read_keys(struct cursor *c, tg_head *h, tg_sender *sender)
{
	struct value v;

	if (!take_field(c, "sender", &v) || tg_sender_parse(v.s, v.n, sender) != 0)
		return TG_EINVAL;
	while (take_field(c, "recipient", &v)) {
		if (h->n_recipients == TG_RECIPIENTS_MAX ||
		    tg_recipient_parse(v.s, v.n, &h->recipient[h->n_recipients]) != 0)
			return TG_EINVAL;
		h->n_recipients++;
	}
	return h->n_recipients > 0 ? 0 : TG_EINVAL;
}

int tg_head_parse(const uint8_t *p, size_t n, tg_head *h, tg_sender *sender, size_t *len)
{
	struct cursor c = {(const char *)p, (const char *)p + (n < TG_HEAD_TEXT_MAX ? n : TG_HEAD_TEXT_MAX)};
	struct value ref;

	memset(h, 0, sizeof *h);
	if (read_description(&c, h) != 0 || read_keys(&c, h, sender) != 0)
		return TG_EINVAL;
	if (!take_field(&c, "ref", &ref) || tg_hex_decode(ref.s, ref.n, h->ref, sizeof h->ref) != 0)
		return TG_EINVAL;
	for (size_t i = 0; i < ref.n; i++)
		if (ref.s[i] >= 'A' && ref.s[i] <= 'F')
			return TG_EINVAL;
	if (c.at == c.end || *c.at != '\n')
		return TG_EINVAL;
	*len = (size_t)(c.at + 1 - (const char *)p);
	return 0;
}
