/*
 * head.c: writes and strictly reads the head of docs/envelope.md, section 3. Its fields have a
 * fixed order, one spelling and bounds, so a head has exactly one text, and a signature covers
 * exactly one meaning. A malformed head is refused with line and reason, for those who write heads
 * in another language. No secret keys, no I/O. Runs in the library.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "core/hex.h"
#include "core/time.h"
#include "lib/head.h"

#define VERSION_NAME "timeglas-head"
#define VERSION "1"
#define REF_CHARS (2 * TG_REF_BYTES)

/* What each field may hold: the same checks when writing and when reading. ---- */

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
	/* The canonical form only: "D" and not "D<<". */
	return tg_issuer_parse(s, n, code) == 0 && strlen(code) == n;
}

static int session_ok(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
			    (s[i] >= '0' && s[i] <= '9') || s[i] == '-' || s[i] == '_'))
			return 0;
	return n > 0 && n <= TG_SESSION_MAX;
}

static int subject_ok(const char *s, size_t n)
{
	return n == TG_SUBJECT_CHARS && tg_hex_is_lower(s, n);
}

static int content_type_ok(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x20 || s[i] > 0x7e)
			return 0;
	return n > 0 && n <= TG_CONTENT_TYPE_MAX && s[0] != ' ' && s[n - 1] != ' ';
}

static int time_ok(int64_t ms)
{
	char text[TG_TIME_LEN + 1];
	int64_t back;

	return tg_time_parse(tg_time_format(ms, text), TG_TIME_LEN, &back) == 0 && back == ms;
}

int tg_head_check(const struct tg_head_fields *h)
{
	if (!kind_ok(h->kind, strnlen(h->kind, sizeof h->kind)))
		return TG_EKIND;
	if (h->issuer[0] && !issuer_ok(h->issuer, strnlen(h->issuer, sizeof h->issuer)))
		return TG_EISSUER;
	if (h->session[0] && !session_ok(h->session, strnlen(h->session, sizeof h->session)))
		return TG_ESESSION;
	if (h->subject[0] && !subject_ok(h->subject, strnlen(h->subject, sizeof h->subject)))
		return TG_ESUBJECT;
	if (h->content_type[0] &&
		!content_type_ok(h->content_type, strnlen(h->content_type, sizeof h->content_type)))
		return TG_EMEDIA;
	if (!time_ok(h->time_ms))
		return TG_EINVAL;
	if (h->n_recipients == 0 || h->n_recipients > TG_RECIPIENTS_MAX)
		return TG_ERECIPIENT;
	return 0;
}

/* Writing ------------------------------------------------------------------ */

static char *put_field(char *at, const char *name, const char *value)
{
	at = stpcpy(at, name);
	at = stpcpy(at, ": ");
	at = stpcpy(at, value);
	*at++ = '\n';
	return at;
}

size_t tg_head_format(const struct tg_head_fields *h, char out[TG_HEAD_TEXT_MAX])
{
	char text[TG_PUBLIC_TEXT], *at = put_field(out, VERSION_NAME, VERSION);

	/* TG_HEAD_TEXT_MAX holds the longest of each: 17 + 38 + 12 + 74 + 74 + 31 + 143 + 84 + 20 *
	 * 75 + 38 + 1. */
	at = put_field(at, "kind", h->kind);
	if (h->issuer[0])
		at = put_field(at, "issuer", h->issuer);
	if (h->session[0])
		at = put_field(at, "session", h->session);
	if (h->subject[0])
		at = put_field(at, "subject", h->subject);
	at = put_field(at, "time", tg_time_format(h->time_ms, text));
	if (h->content_type[0])
		at = put_field(at, "content-type", h->content_type);
	(void)tg_sender_text(&h->sender, text, sizeof text);
	at = put_field(at, "sender", text);
	for (size_t i = 0; i < h->n_recipients; i++) {
		(void)tg_recipient_text(&h->recipient[i], text, sizeof text);
		at = put_field(at, "recipient", text);
	}
	at = put_field(at, "ref", tg_hex_encode(h->ref, sizeof h->ref, text));
	*at++ = '\n';
	return (size_t)(at - out);
}

/* Reading: each value by a function of its own, which returns NULL or what is wrong with it. ----
 */

struct value {
	const char *s;
	size_t n;
};

/* Copies a value whose length its check has bounded. Returns NULL, or rule when ok is 0. */
static const char *keep(struct value v, int ok, char *out, const char *rule)
{
	if (!ok)
		return rule;
	memcpy(out, v.s, v.n);
	out[v.n] = '\0';
	return NULL;
}

static const char *read_version(struct tg_head_fields *h, struct value v)
{
	(void)h;
	return v.n == strlen(VERSION) && memcmp(v.s, VERSION, v.n) == 0 ?
		NULL :
		"this version of the head is not known; 1 is the only one";
}

static const char *read_kind(struct tg_head_fields *h, struct value v)
{
	return keep(v, kind_ok(v.s, v.n), h->kind, "a kind is 1 to 31 of a-z, 0-9 and '-'");
}

static const char *read_issuer(struct tg_head_fields *h, struct value v)
{
	char code[4];

	if (tg_issuer_parse(v.s, v.n, code) == 0 && strlen(code) != v.n)
		return "the issuer is written without fillers";
	return keep(v, issuer_ok(v.s, v.n), h->issuer, "the issuer is not an ICAO 9303 code");
}

static const char *read_session(struct tg_head_fields *h, struct value v)
{
	return keep(v, session_ok(v.s, v.n), h->session,
		"a session is 1 to 64 of A-Z, a-z, 0-9, '-' and '_'");
}

static const char *read_subject(struct tg_head_fields *h, struct value v)
{
	return keep(v, subject_ok(v.s, v.n), h->subject,
		"a subject is 64 lower-case hexadecimal digits");
}

/* Mistakes of programs that print times by a library: Java's Instant leaves ".000" out, others
 * write six digits, or an offset. */
static const char *read_time(struct tg_head_fields *h, struct value v)
{
	if (v.n == TG_TIME_LEN && tg_time_parse(v.s, v.n, &h->time_ms) == 0)
		return NULL;
	if (v.n == TG_TIME_LEN - 4 && tg_time_parse(v.s, v.n, &h->time_ms) == 0)
		return "milliseconds are missing: the time ends with .000Z, also when they are "
		       "zero";
	if (v.n == 0 || v.s[v.n - 1] != 'Z')
		return "the time is in UTC and ends with Z";
	if (v.n > 20 && v.s[19] == '.' && v.n != TG_TIME_LEN)
		return "the time has exactly three digits of a second's fraction";
	return "the time is not one of the form 2026-11-22T12:00:00.123Z";
}

static const char *read_content_type(struct tg_head_fields *h, struct value v)
{
	return keep(v, content_type_ok(v.s, v.n), h->content_type,
		"a content type is 1 to 127 printable ASCII characters, without a blank at either "
		"end");
}

/*
 * A sender's point is not checked for small order here: that would take longer than all the rest.
 * It is checked when a key enters the set of senders, and no other key is accepted.
 */
static const char *read_sender(struct tg_head_fields *h, struct value v)
{
	return tg_sender_decode(v.s, v.n, &h->sender) == 0 ?
		NULL :
		"the sender is not a well-formed timeglas-sender1... key";
}

static const char *read_recipient(struct tg_head_fields *h, struct value v)
{
	if (h->n_recipients == TG_RECIPIENTS_MAX)
		return "more than 20 recipients";
	if (tg_recipient_read(v.s, v.n, &h->recipient[h->n_recipients]) != 0)
		return "the recipient is not a well-formed age X25519 key (age1...)";
	h->n_recipients++;
	return NULL;
}

static const char *read_ref(struct tg_head_fields *h, struct value v)
{
	if (v.n != REF_CHARS || !tg_hex_is_lower(v.s, v.n) ||
		tg_hex_decode(v.s, v.n, h->ref, sizeof h->ref) != 0)
		return "a ref is 32 lower-case hexadecimal digits";
	return NULL;
}

/* The fields of a head, in their order. */
static const struct field {
	const char *name;
	int needed, repeats;
	const char *(*read)(struct tg_head_fields *h, struct value v);
} fields[] = {
	{.name = VERSION_NAME, .needed = 1, .read = read_version},
	{.name = "kind", .needed = 1, .read = read_kind},
	{.name = "issuer", .read = read_issuer},
	{.name = "session", .read = read_session},
	{.name = "subject", .read = read_subject},
	{.name = "time", .needed = 1, .read = read_time},
	{.name = "content-type", .read = read_content_type},
	{.name = "sender", .needed = 1, .read = read_sender},
	{.name = "recipient", .needed = 1, .repeats = 1, .read = read_recipient},
	{.name = "ref", .needed = 1, .read = read_ref},
};
#define FIELDS (sizeof fields / sizeof fields[0])

struct reader {
	const char *at, *end;
	unsigned line;
	size_t next;   /* index of the first field that may follow */
	unsigned seen; /* a bit for each field that was met */
	char *why;
};

static int refuse(const struct reader *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static int refuse(const struct reader *r, const char *fmt, ...)
{
	int n = snprintf(r->why, TG_HEAD_WHY, "line %u: ", r->line);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why + n, TG_HEAD_WHY - (size_t)n, fmt, ap);
	va_end(ap);
	return TG_EINVAL;
}

/* Checks that no field is missing which must stand before field number `before`. */
static int complete(const struct reader *r, size_t before)
{
	for (size_t i = r->next; i < before; i++)
		if (fields[i].needed && !(r->seen & 1u << i))
			return refuse(r, "the field \"%s\" is missing here", fields[i].name);
	return 0;
}

static int unknown(const struct reader *r, const char *line, size_t name_len)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (strlen(fields[i].name) == name_len &&
			strncasecmp(fields[i].name, line, name_len) == 0)
			return refuse(r, "the name of the field \"%s\" is written in lower case",
				fields[i].name);
	return refuse(r, "there is no field of this name in a head");
}

static int misplaced(const struct reader *r, size_t i)
{
	if (r->seen & 1u << i)
		return refuse(r, "the field \"%s\" stands here a second time", fields[i].name);
	return refuse(r, "the field \"%s\" stands too late: before \"%s\" is its place",
		fields[i].name, fields[r->next - 1].name);
}

static int take_line(struct reader *r, struct tg_head_fields *h, const char *line, size_t n)
{
	const char *colon, *fault;
	size_t name_len, i;
	int err;

	if (memchr(line, '\r', n))
		return refuse(r, "a carriage return: lines end with a line feed alone");
	colon = memchr(line, ':', n);
	if (!colon)
		return refuse(r,
			"neither a field, as \"name: value\", nor the empty line that ends the "
			"head");
	name_len = (size_t)(colon - line);
	for (i = 0; i < FIELDS; i++)
		if (strlen(fields[i].name) == name_len &&
			memcmp(fields[i].name, line, name_len) == 0)
			break;
	if (i == FIELDS)
		return unknown(r, line, name_len);
	if (n < name_len + 2 || colon[1] != ' ')
		return refuse(r, "one blank stands between the colon and the value");
	if (i < r->next && !(fields[i].repeats && r->next == i + 1))
		return misplaced(r, i);
	err = complete(r, i);
	if (err)
		return err;
	if (colon[2] == ' ' && n > name_len + 2)
		return refuse(r, "one blank stands between the colon and the value");
	fault = fields[i].read(h, (struct value){colon + 2, n - name_len - 2});
	if (fault)
		return refuse(r, "%s", fault);
	r->seen |= 1u << i;
	r->next = i + 1;
	return 0;
}

int tg_head_parse(
	const uint8_t *p, size_t n, struct tg_head_fields *h, size_t *len, char why[TG_HEAD_WHY])
{
	size_t bound = n < TG_HEAD_TEXT_MAX ? n : TG_HEAD_TEXT_MAX;
	struct reader r = {.at = (const char *)p, .end = (const char *)p + bound, .why = why};

	memset(h, 0, sizeof *h);
	for (;;) {
		const char *lf = memchr(r.at, '\n', (size_t)(r.end - r.at));
		const char *line = r.at;

		r.line++;
		if (!lf)
			return refuse(&r,
				n > bound ? "the head is longer than 4096 bytes, or its empty line "
					    "is missing" :
					    "the content ends within the head, or its empty line "
					    "is missing");
		r.at = lf + 1;
		if (lf == line)
			break;
		if (take_line(&r, h, line, (size_t)(lf - line)) != 0)
			return TG_EINVAL;
	}
	*len = (size_t)(r.at - (const char *)p);
	return complete(&r, FIELDS);
}

int tg_head_begins(const uint8_t *p, size_t n)
{
	size_t want = strlen(VERSION_NAME);

	return n >= want && strncasecmp((const char *)p, VERSION_NAME, want) == 0;
}

void tg_head_public(const struct tg_head_fields *h, const char *sender_name, tg_head *out)
{
	memset(out, 0, sizeof *out);
	out->struct_size = sizeof *out;
	memcpy(out->kind, h->kind, sizeof out->kind);
	memcpy(out->issuer, h->issuer, sizeof out->issuer);
	memcpy(out->session, h->session, sizeof out->session);
	memcpy(out->subject, h->subject, sizeof out->subject);
	memcpy(out->content_type, h->content_type, sizeof out->content_type);
	memcpy(out->ref, h->ref, sizeof out->ref);
	out->time_ms = h->time_ms;
	out->n_recipients = h->n_recipients;
	tg_name_of(&h->sender, h->ref, out->name);
	(void)tg_sender_text(&h->sender, out->sender, sizeof out->sender);
	snprintf(out->sender_name, sizeof out->sender_name, "%s", sender_name ? sender_name : "");
}
