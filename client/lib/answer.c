/*
 * answer.c: reads the server's JSON and header fields into structs (RFC 9457 problems, blobs,
 * sessions, claims, receipts). The server is not trusted: long texts are refused or cut, control
 * characters never reach a terminal, and a member of the wrong type is a protocol error. No I/O.
 * Runs in the library. docs/openapi.yaml.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "core/hex.h"
#include "core/time.h"
#include "lib/answer.h"
#include "lib/untrusted.h"

#define PROBLEM_PREFIX "/problems/"
#define RETRY_AFTER_MAX_S 86400
#define TAG_CHARS_MIN 32

static int code_of_type(const char *type)
{
	size_t n = strlen(PROBLEM_PREFIX);

	if (type == NULL || strncmp(type, PROBLEM_PREFIX, n) != 0)
		return TG_EPROBLEM;
#define X_(name, number, status, slug, retryable, text) \
	if ((status) != 0 && strcmp(type + n, slug) == 0) \
		return TG_##name;
	TG_ERRORS(X_)
#undef X_
	return TG_EPROBLEM;
}

static json_t *answer(const struct http_conn *c)
{
	return untrusted_json_parse(c->json != NULL ? c->json : "", c->json_bytes);
}

static const char *text_member(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static long retry_after(const struct http_conn *c)
{
	const char *s = http_conn_field(c, "Retry-After");
	char *end;
	long v;

	if (s == NULL || s[0] < '0' || s[0] > '9')
		return -1;
	v = strtol(s, &end, 10);
	/* longer than anybody would wait: as if it were not there */
	return *end == '\0' && v <= RETRY_AFTER_MAX_S ? v : -1;
}

static void copy_problem(const json_t *o, tg_problem *p)
{
	untrusted_copy(p->type, sizeof p->type, text_member(o, "type"));
	untrusted_copy(p->title, sizeof p->title, text_member(o, "title"));
	untrusted_copy(p->detail, sizeof p->detail, text_member(o, "detail"));
	untrusted_copy(p->cause, sizeof p->cause, text_member(o, "cause"));
	untrusted_copy(p->gone_at, sizeof p->gone_at, text_member(o, "gone_at"));
	untrusted_copy(
		p->lease_deadline, sizeof p->lease_deadline, text_member(o, "lease_deadline"));
	untrusted_copy(p->instance, sizeof p->instance, text_member(o, "instance"));
}

int answer_read_problem(struct http_conn *c, long status, tg_problem *p)
{
	const char *media = http_conn_field(c, "Content-Type");
	json_t *o = NULL;

	p->status = (int)status;
	p->code = TG_EPROBLEM;
	p->retry_after_s = retry_after(c);
	if (media != NULL && strncasecmp(media, "application/problem+json", 24) == 0)
		o = answer(c);
	if (o == NULL) {
		untrusted_copy(p->title, sizeof p->title, "the server refused without saying why");
		if (c->json != NULL) /* it is not JSON, so --json must not print it */
			c->json[0] = '\0';
		c->json_bytes = 0;
		return p->code;
	}
	p->code = code_of_type(text_member(o, "type"));
	copy_problem(o, p);
	json_decref(o);
	return p->code;
}

struct text_field {
	const char *name;
	char *out;
	size_t cap;
};

/* A member that is absent or null gives "". One of another type, or too long, is a protocol error.
 */
static int read_texts(const json_t *o, const struct text_field *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_object_get(o, f[i].name);

		f[i].out[0] = '\0';
		if (v == NULL || json_is_null(v))
			continue;
		if (!json_is_string(v) || json_string_length(v) >= f[i].cap)
			return TG_EPROTO;
		untrusted_copy(f[i].out, f[i].cap, json_string_value(v));
	}
	return 0;
}

static int no_answer(struct http_conn *c)
{
	return http_conn_fail(
		c, TG_EPROTO, "the server's answer is not the JSON that belongs to this call");
}

int answer_normalise(struct http_conn *c)
{
	json_t *o = answer(c);
	char *text = untrusted_json_dump(o);

	json_decref(o);
	free(c->json);
	c->json = text;
	c->json_bytes = text != NULL ? strlen(text) : 0;
	return text != NULL ? 0 : no_answer(c);
}

static int is_time(const char *text)
{
	int64_t ms;

	return tg_time_parse(text, strlen(text), &ms) == 0;
}

static int is_time_or_none(const char *text)
{
	return text[0] == '\0' || is_time(text);
}

static int is_tag(const char *text)
{
	size_t n = strlen(text);

	return n >= TAG_CHARS_MIN && tg_hex_is_lower(text, n);
}

/* Causes, states, outcomes and events are one word each. */
static int is_word(const char *text)
{
	size_t n = strlen(text);

	return n > 0 &&
		strspn(text,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:") == n;
}

static int is_word_or_none(const char *text)
{
	return text[0] == '\0' || is_word(text);
}

static int is_sha256_or_none(const char *text)
{
	return text[0] == '\0' || (strlen(text) == 64 && tg_hex_is_lower(text, 64));
}

/* Reads an answer that has texts and one number; the number is 0 when it is absent. */
static int read_answer(struct http_conn *c, const struct text_field *f, size_t n,
	const char *count_name, uint64_t *count)
{
	json_t *o = answer(c);
	const json_t *v = json_object_get(o, count_name);
	int err = o != NULL ? read_texts(o, f, n) : TG_EPROTO;

	if (v != NULL && !json_is_null(v) && (!json_is_integer(v) || json_integer_value(v) < 0))
		err = TG_EPROTO;
	*count = err == 0 ? (uint64_t)json_integer_value(v) : 0;
	json_decref(o);
	return err;
}

int answer_is_id(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && n <= TG_SESSION_MAX &&
		strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
		n;
}

int answer_read_blob(struct http_conn *c, tg_blob *b)
{
	const struct text_field fields[] = {
		{"blob", b->blob, sizeof b->blob},
		{"tag", b->tag, sizeof b->tag},
		{"state", b->state, sizeof b->state},
		{"kind", b->kind, sizeof b->kind},
		{"issuer", b->issuer, sizeof b->issuer},
		{"session", b->session, sizeof b->session},
		{"sha256", b->sha256, sizeof b->sha256},
		{"stored_at", b->stored_at, sizeof b->stored_at},
		{"deadline", b->deadline, sizeof b->deadline},
		{"cause", b->cause, sizeof b->cause},
		{"gone_at", b->gone_at, sizeof b->gone_at},
		{"outcome", b->outcome, sizeof b->outcome},
		{"event", b->event, sizeof b->event},
	};
	int err;

	memset(b, 0, sizeof *b);
	err = read_answer(c, fields, sizeof fields / sizeof fields[0], "size", &b->size);
	if (err != 0 || !answer_is_id(b->blob) || !is_word(b->state) || !is_word_or_none(b->kind) ||
		!is_word_or_none(b->issuer) || !is_word_or_none(b->session) ||
		!is_sha256_or_none(b->sha256) || !is_word_or_none(b->cause) ||
		!is_word_or_none(b->outcome) || !is_word_or_none(b->event))
		return no_answer(c);
	if (!is_time_or_none(b->stored_at) || !is_time_or_none(b->deadline) ||
		!is_time_or_none(b->gone_at) || !(b->tag[0] == '\0' || is_tag(b->tag)))
		return no_answer(c);
	return 0;
}

int answer_read_session(struct http_conn *c, tg_session *s)
{
	const struct text_field fields[] = {
		{"session", s->session, sizeof s->session},
		{"state", s->state, sizeof s->state},
		{"opened_at", s->opened_at, sizeof s->opened_at},
		{"deadline", s->deadline, sizeof s->deadline},
	};
	uint64_t idle_s;
	int err;

	memset(s, 0, sizeof *s);
	err = read_answer(c, fields, sizeof fields / sizeof fields[0], "idle_s", &idle_s);
	if (err != 0 || idle_s > UINT32_MAX || !answer_is_id(s->session) || !is_word(s->state) ||
		!is_time_or_none(s->opened_at) || !is_time_or_none(s->deadline))
		return no_answer(c);
	s->idle_s = (uint32_t)idle_s;
	return 0;
}

int answer_read_subject(struct http_conn *c, tg_subject *s)
{
	const struct text_field fields[] = {
		{"subject", s->subject, sizeof s->subject},
		{"uploader", s->uploader, sizeof s->uploader},
		{"frozen_until", s->frozen_until, sizeof s->frozen_until},
		{"erased_at", s->erased_at, sizeof s->erased_at},
		{"method", s->method, sizeof s->method},
		{"by", s->by, sizeof s->by},
		{"tool", s->tool, sizeof s->tool},
		{"event", s->event, sizeof s->event},
	};
	int err;

	memset(s, 0, sizeof *s);
	err = read_answer(c, fields, sizeof fields / sizeof fields[0], "count", &s->count);
	if (err != 0 || !is_word(s->subject) || !is_word(s->uploader) ||
		!is_time_or_none(s->frozen_until) || !is_time_or_none(s->erased_at) ||
		!is_word_or_none(s->method) || !is_word_or_none(s->by) ||
		!is_word_or_none(s->event))
		return no_answer(c);
	return 0;
}

int answer_read_claim(struct http_conn *c, tg_claim *k)
{
	const struct text_field fields[] = {
		{"claim", k->claim, sizeof k->claim},
		{"sha256", k->sha256, sizeof k->sha256},
		{"lease_deadline", k->lease_deadline, sizeof k->lease_deadline},
	};
	int err;

	memset(k, 0, sizeof *k);
	err = read_answer(c, fields, sizeof fields / sizeof fields[0], "size", &k->size);
	return err == 0 && answer_is_id(k->claim) && k->size > 0 && is_sha256_or_none(k->sha256) &&
			is_time(k->lease_deadline) ?
		0 :
		no_answer(c);
}

static int read_receipt(const json_t *o, tg_receipt *r)
{
	const struct text_field fields[] = {
		{"blob", r->blob, sizeof r->blob},
		{"tag", r->tag, sizeof r->tag},
		{"cause", r->cause, sizeof r->cause},
		{"outcome", r->outcome, sizeof r->outcome},
		{"erased_at", r->erased_at, sizeof r->erased_at},
		{"event", r->event, sizeof r->event},
	};

	memset(r, 0, sizeof *r);
	if (json_object_get(o, "erased_at") == NULL)
		return TG_ENOENT;
	if (read_texts(o, fields, sizeof fields / sizeof fields[0]) != 0)
		return TG_EPROTO;
	return answer_is_id(r->blob) && is_tag(r->tag) && is_word(r->cause) &&
			is_word_or_none(r->outcome) && is_time(r->erased_at) && is_word(r->event) ?
		0 :
		TG_EPROTO;
}

int answer_read_receipt(const struct http_conn *c, size_t i, tg_receipt *r)
{
	json_t *o = answer(c);
	const json_t *list = json_object_get(o, "receipts");
	int err = read_receipt(list != NULL ? json_array_get(list, i) : i == 0 ? o : NULL, r);

	json_decref(o);
	return err;
}

int answer_receipt_of(struct http_conn *c, const char *id, const char *outcome, tg_receipt *r)
{
	int err = answer_read_receipt(c, 0, r);

	if (err != 0)
		return http_conn_fail(c, TG_EPROTO,
			"the server's answer holds no receipt, so nothing shows that the blob is "
			"erased");
	if (strcmp(r->blob, id) != 0)
		return http_conn_fail(c, TG_EPROTO,
			"the server's receipt is for another blob, so nothing shows that this one "
			"is erased");
	if (outcome != NULL && r->outcome[0] != '\0' && strcmp(r->outcome, outcome) != 0)
		return http_conn_fail(
			c, TG_EPROTO, "the server's receipt tells another outcome than was sent");
	return 0;
}

int answer_check_receipts(struct http_conn *c, size_t *n)
{
	json_t *o = answer(c), *one;
	const json_t *list = json_object_get(o, "receipts");
	int err = json_is_array(list) ? 0 : TG_EPROTO;
	tg_receipt r;
	size_t i;

	json_array_foreach(list, i, one) if (err == 0) err = read_receipt(one, &r);
	if (n != NULL)
		*n = json_array_size(list);
	json_decref(o);
	return err == 0 ? 0 :
			  http_conn_fail(c, TG_EPROTO,
				  "the server's answer does not have a receipt for each blob that "
				  "has ended");
}

static int copy_field(struct http_conn *c, const char *name, char *out, size_t cap)
{
	const char *v = http_conn_field(c, name);

	if (v != NULL && strlen(v) >= cap)
		return http_conn_fail(c, TG_EPROTO, "the answer's %s is too long", name);
	untrusted_copy(out, cap, v);
	return 0;
}

int answer_read_labels(struct http_conn *c, tg_blob *out)
{
	int err = copy_field(c, "Timeglas-Kind", out->kind, sizeof out->kind);

	if (err == 0)
		err = copy_field(c, "Timeglas-Issuer", out->issuer, sizeof out->issuer);
	if (err == 0)
		err = copy_field(c, "Timeglas-Session", out->session, sizeof out->session);
	if (err == 0)
		err = copy_field(c, "Timeglas-Stored-At", out->stored_at, sizeof out->stored_at);
	if (err == 0 && out->kind[0] == '\0')
		err = http_conn_fail(c, TG_EPROTO, "the answer carries no Timeglas-Kind");
	if (err == 0 &&
		(!is_word(out->kind) || !is_word_or_none(out->issuer) ||
			!is_word_or_none(out->session) || !is_time_or_none(out->stored_at)))
		err = http_conn_fail(
			c, TG_EPROTO, "the answer's Timeglas fields are not of their form");
	return err;
}
