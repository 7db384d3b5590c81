/*
 * http_answer.c: what the server said, from JSON into structs (RFC 9457 problems, blobs, sessions). The server is not
 * trusted to be well-behaved: lengths are cut, control characters never reach a terminal, wrong types are a protocol error.
 * No I/O. Runs in whatever process uses the library. docs/openapi.yaml.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "lib/abi.h"
#include "lib/http.h"

#define PROBLEM_PREFIX "/problems/"

void http_copy_text(char *out, size_t cap, const char *text)
{
	const unsigned char *s = (const unsigned char *)(text != NULL ? text : "");
	size_t n = 0;

	for (; *s != '\0' && n + 1 < cap; s++) {
		int control = *s < 0x20 || *s == 0x7f;

		if (*s == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0) { /* C1 controls in UTF-8: some terminals obey them */
			s++;
			control = 1;
		}
		out[n++] = control ? '?' : (char)*s;
	}
	if (*s != '\0') /* cut: not in the middle of a UTF-8 character */
		while (n > 0 && (s[0] & 0xc0) == 0x80) {
			s--;
			n--;
		}
	out[n] = '\0';
}

static int code_of_type(const char *type)
{
	size_t n = strlen(PROBLEM_PREFIX);

	if (type == NULL || strncmp(type, PROBLEM_PREFIX, n) != 0)
		return TG_EPROBLEM;
#define X_(name, number, status, slug, retryable, text)                                                                \
	if ((status) != 0 && strcmp(type + n, slug) == 0)                                                              \
		return TG_##name;
	TG_ERRORS(X_)
#undef X_
	return TG_EPROBLEM;
}

static json_t *answer(const struct tg_client *c)
{
	json_error_t e;
	json_t *o = c->json_len > 0 ? json_loadb(c->json, c->json_len, JSON_REJECT_DUPLICATES, &e) : NULL;

	if (o != NULL && !json_is_object(o)) {
		json_decref(o);
		o = NULL;
	}
	return o;
}

static const char *text_member(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static long retry_after(const struct tg_client *c)
{
	const char *s = http_field(c, "Retry-After");
	char *end;
	long v;

	if (s == NULL || s[0] < '0' || s[0] > '9')
		return -1;
	v = strtol(s, &end, 10);
	return *end == '\0' && v >= 0 ? v : -1;
}

int http_read_problem(struct tg_client *c, long status)
{
	const char *media = http_field(c, "Content-Type");
	tg_problem *p = &c->problem;
	json_t *o = NULL;

	p->status = (int)status;
	p->code = TG_EPROBLEM;
	p->retry_after_s = retry_after(c);
	if (media != NULL && strncasecmp(media, "application/problem+json", 24) == 0)
		o = answer(c);
	if (o == NULL) {
		http_copy_text(p->title, sizeof p->title, "the server refused without saying why");
		if (c->json != NULL) /* whatever it is, it is no JSON for --json */
			c->json[0] = '\0';
		c->json_len = 0;
		return p->code;
	}
	p->code = code_of_type(text_member(o, "type"));
	http_copy_text(p->type, sizeof p->type, text_member(o, "type"));
	http_copy_text(p->title, sizeof p->title, text_member(o, "title"));
	http_copy_text(p->detail, sizeof p->detail, text_member(o, "detail"));
	http_copy_text(p->cause, sizeof p->cause, text_member(o, "cause"));
	http_copy_text(p->gone_at, sizeof p->gone_at, text_member(o, "gone_at"));
	http_copy_text(p->lease_deadline, sizeof p->lease_deadline, text_member(o, "lease_deadline"));
	http_copy_text(p->instance, sizeof p->instance, text_member(o, "instance"));
	json_decref(o);
	return p->code;
}

struct text_field {
	const char *name;
	char *out;
	size_t cap;
};

/* Absent and null give "". A member of another type or too long is not what we agreed on. */
static int read_texts(const json_t *o, const struct text_field *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_object_get(o, f[i].name);

		f[i].out[0] = '\0';
		if (v == NULL || json_is_null(v))
			continue;
		if (!json_is_string(v) || json_string_length(v) >= f[i].cap)
			return TG_EPROTO;
		http_copy_text(f[i].out, f[i].cap, json_string_value(v));
	}
	return 0;
}

static int no_answer(struct tg_client *c)
{
	return http_fail(c, TG_EPROTO, "the server's answer is not the JSON that this call promises");
}

/* An answer that is texts and one count; absent, the count is 0. */
static int read_answer(struct tg_client *c, const struct text_field *f, size_t n, const char *count_name, uint64_t *count)
{
	json_t *o = answer(c);
	json_int_t v = json_integer_value(json_object_get(o, count_name));
	int err = o != NULL ? read_texts(o, f, n) : TG_EPROTO;

	*count = v > 0 ? (uint64_t)v : 0;
	json_decref(o);
	return err;
}

int http_is_id(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && n <= TG_SESSION_MAX && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == n;
}

int http_read_blob(struct tg_client *c, tg_blob *b)
{
	const struct text_field fields[] = {
		{ "blob", b->blob, sizeof b->blob },	      { "ref", b->tag, sizeof b->tag },
		{ "state", b->state, sizeof b->state },	      { "kind", b->kind, sizeof b->kind },
		{ "issuer", b->issuer, sizeof b->issuer },    { "session", b->session, sizeof b->session },
		{ "sha256", b->sha256, sizeof b->sha256 },    { "stored_at", b->stored_at, sizeof b->stored_at },
		{ "deadline", b->deadline, sizeof b->deadline }, { "cause", b->cause, sizeof b->cause },
		{ "gone_at", b->gone_at, sizeof b->gone_at }, { "outcome", b->outcome, sizeof b->outcome },
		{ "event", b->event, sizeof b->event },
	};
	int err;

	memset(b, 0, sizeof *b);
	err = read_answer(c, fields, sizeof fields / sizeof fields[0], "size", &b->size);
	return err == 0 && http_is_id(b->blob) ? 0 : no_answer(c);
}

int http_read_session(struct tg_client *c, tg_session *s)
{
	const struct text_field fields[] = {
		{ "session", s->session, sizeof s->session },
		{ "state", s->state, sizeof s->state },
		{ "opened_at", s->opened_at, sizeof s->opened_at },
		{ "deadline", s->deadline, sizeof s->deadline },
	};
	uint64_t idle_s;
	int err;

	memset(s, 0, sizeof *s);
	err = read_answer(c, fields, sizeof fields / sizeof fields[0], "idle_s", &idle_s);
	s->idle_s = idle_s <= UINT32_MAX ? (uint32_t)idle_s : 0;
	return err == 0 && http_is_id(s->session) ? 0 : no_answer(c);
}

int http_read_claim(struct tg_client *c, tg_claim *k)
{
	const struct text_field fields[] = {
		{ "claim", k->claim, sizeof k->claim },
		{ "sha256", k->sha256, sizeof k->sha256 },
		{ "lease_deadline", k->lease_deadline, sizeof k->lease_deadline },
	};
	int err;

	memset(k, 0, sizeof *k);
	err = read_answer(c, fields, sizeof fields / sizeof fields[0], "size", &k->size);
	return err == 0 && k->claim[0] != '\0' && k->size > 0 ? 0 : no_answer(c);
}

int http_read_receipt(const struct tg_client *c, size_t i, tg_receipt *r)
{
	const struct text_field fields[] = {
		{ "blob", r->blob, sizeof r->blob },
		{ "ref", r->tag, sizeof r->tag },
		{ "cause", r->cause, sizeof r->cause },
		{ "outcome", r->outcome, sizeof r->outcome },
		{ "erased_at", r->erased_at, sizeof r->erased_at },
		{ "event", r->event, sizeof r->event },
	};
	json_t *o = answer(c);
	const json_t *list = json_object_get(o, "receipts");
	const json_t *one = list != NULL ? json_array_get(list, i) : i == 0 ? o : NULL;
	int err = TG_ENOENT;

	memset(r, 0, sizeof *r);
	if (one != NULL && json_object_get(one, "erased_at") != NULL)
		err = read_texts(one, fields, sizeof fields / sizeof fields[0]);
	json_decref(o);
	return err;
}

int tg_client_receipt(const tg_client *c, size_t i, tg_receipt *out)
{
	tg_receipt r;
	int err = TG_ABI_OUT_OK(out);

	if (err != 0)
		return err;
	err = http_read_receipt(c, i, &r);
	TG_ABI_OUT(out, r);
	return err;
}

static int copy_field(struct tg_client *c, const char *name, char *out, size_t cap)
{
	const char *v = http_field(c, name);

	if (v != NULL && strlen(v) >= cap)
		return http_fail(c, TG_EPROTO, "the answer's %s is too long", name);
	http_copy_text(out, cap, v);
	return 0;
}

int http_read_fields(struct tg_client *c, tg_blob *out)
{
	int err = copy_field(c, "Timeglas-Kind", out->kind, sizeof out->kind);

	if (err == 0)
		err = copy_field(c, "Timeglas-Issuer", out->issuer, sizeof out->issuer);
	if (err == 0)
		err = copy_field(c, "Timeglas-Session", out->session, sizeof out->session);
	if (err == 0)
		err = copy_field(c, "Timeglas-Stored-At", out->stored_at, sizeof out->stored_at);
	if (err == 0 && out->kind[0] == '\0')
		err = http_fail(c, TG_EPROTO, "the answer carries no Timeglas-Kind");
	return err;
}
