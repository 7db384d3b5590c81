/*
 * h1.c: see h1.h. It does no I/O, allocates nothing, and keeps no pointer but into what it was
 * given. Runs in workers and the admin process.
 */
#include <string.h>
#include <strings.h>

#include <timeglas/errors.h>

#include "core/hex.h"
#include "http/h1.h"

#define LENGTH_MAX ((uint64_t)INT64_MAX)

/* RFC 9110 section 5.6.2 */
static const char tchar[256] = {
	['!'] = 1,
	['#'] = 1,
	['$'] = 1,
	['%'] = 1,
	['&'] = 1,
	['\''] = 1,
	['*'] = 1,
	['+'] = 1,
	['-'] = 1,
	['.'] = 1,
	['^'] = 1,
	['_'] = 1,
	['`'] = 1,
	['|'] = 1,
	['~'] = 1,
	['0' ... '9'] = 1,
	['A' ... 'Z'] = 1,
	['a' ... 'z'] = 1,
};
/* RFC 3986: unreserved and sub-delims, without the comma: an intermediary may have merged two Host
 * fields with one. */
static const char name_char[256] = {
	['-'] = 1,
	['.'] = 1,
	['_'] = 1,
	['~'] = 1,
	['!'] = 1,
	['$'] = 1,
	['&'] = 1,
	['\''] = 1,
	['('] = 1,
	[')'] = 1,
	['*'] = 1,
	['+'] = 1,
	[';'] = 1,
	['='] = 1,
	['0' ... '9'] = 1,
	['A' ... 'Z'] = 1,
	['a' ... 'z'] = 1,
};
/* RFC 3986: pchar, "/" and "?"; parse_target() looks at '%' */
static const char target_char[256] = {
	['-'] = 1,
	['.'] = 1,
	['_'] = 1,
	['~'] = 1,
	['!'] = 1,
	['$'] = 1,
	['&'] = 1,
	['\''] = 1,
	['('] = 1,
	[')'] = 1,
	['*'] = 1,
	['+'] = 1,
	[','] = 1,
	[';'] = 1,
	['='] = 1,
	[':'] = 1,
	['@'] = 1,
	['/'] = 1,
	['?'] = 1,
	['0' ... '9'] = 1,
	['A' ... 'Z'] = 1,
	['a' ... 'z'] = 1,
};

static int fail(const char **why, int err, const char *sentence)
{
	*why = sentence;
	return err;
}

static bool is_value_char(unsigned char c)
{
	return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static bool same(struct h1_str s, const char *lower)
{
	return s.n == strlen(lower) && strncasecmp(s.p, lower, s.n) == 0;
}

long h1_head_end(const char *p, size_t n, size_t *scanned)
{
	if (n > H1_HEAD_MAX)
		n = H1_HEAD_MAX; /* what follows must not change the result */
	if (n > 0 && !tchar[(unsigned char)p[0]])
		return TG_EINVAL;
	while (*scanned < n) {
		const char *lf = memchr(p + *scanned, '\n', n - *scanned);
		if (lf == NULL) {
			*scanned = n;
			break;
		}
		size_t at = (size_t)(lf - p);
		if (at == 0 || p[at - 1] != '\r')
			return TG_EINVAL;
		*scanned = at + 1;
		if (at >= 3 && p[at - 2] == '\n' && p[at - 3] == '\r')
			return (long)(at + 1);
	}
	return n >= H1_HEAD_MAX ? TG_EHEADERS : 0;
}

const char *h1_head_fault(int err)
{
	return err == TG_EHEADERS ?
		"the request line and the header fields together may have 16 KiB" :
		"this is no HTTP/1.1 request";
}

static enum h1_method method_of(struct h1_str s)
{
	static const struct {
		const char *name;
		enum h1_method method;
	} known[] = {
		{"GET", H1_GET},
		{"HEAD", H1_HEAD},
		{"POST", H1_POST},
		{"PUT", H1_PUT},
		{"DELETE", H1_DELETE},
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (s.n == strlen(known[i].name) && memcmp(s.p, known[i].name, s.n) == 0)
			return known[i].method;
	return H1_OTHER;
}

static int parse_target(struct h1_str t, struct h1_head *out, const char **why)
{
	if (t.n == 0 || t.p[0] != '/')
		return fail(why, TG_EINVAL,
			"the request target must be a path that starts with a slash");
	if (t.n > H1_TARGET_MAX)
		return fail(why, TG_EURI, "the request target is longer than 2048 bytes");
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] == '%' && i + 2 < t.n && tg_hex_digit(t.p[i + 1]) >= 0 &&
			tg_hex_digit(t.p[i + 2]) >= 0)
			i += 2;
		else if (!target_char[(unsigned char)t.p[i]])
			return fail(why, TG_EINVAL,
				"the request target holds a character that has to be "
				"percent-encoded");
	}
	const char *q = memchr(t.p, '?', t.n);
	out->target = t;
	out->has_query = q != NULL;
	out->path = (struct h1_str){t.p, q != NULL ? (size_t)(q - t.p) : t.n};
	out->query = q != NULL ? (struct h1_str){q + 1, t.n - out->path.n - 1} :
				 (struct h1_str){t.p + t.n, 0};
	return 0;
}

static int parse_version(struct h1_str v, const char **why)
{
	if (v.n == 8 && memcmp(v.p, "HTTP/1.1", 8) == 0)
		return 0;
	if (v.n == 8 && memcmp(v.p, "HTTP/", 5) == 0 && v.p[5] >= '0' && v.p[5] <= '9' &&
		v.p[6] == '.' && v.p[7] >= '0' && v.p[7] <= '9')
		return fail(why, TG_EVERSION, "this server speaks HTTP/1.1 alone");
	return fail(why, TG_EINVAL, "the request line must end in HTTP/1.1");
}

/* METHOD SP target SP version */
static int parse_request_line(const char *p, size_t n, struct h1_head *out, const char **why)
{
	const char *sp1 = memchr(p, ' ', n);
	if (sp1 == NULL || sp1 == p)
		return fail(why, TG_EINVAL,
			"the request line must be a method, a path and HTTP/1.1, with one space "
			"between them");
	struct h1_str method = {p, (size_t)(sp1 - p)};
	for (size_t i = 0; i < method.n; i++)
		if (!tchar[(unsigned char)p[i]])
			return fail(why, TG_EINVAL,
				"the method holds a character that is not allowed there");
	const char *rest = sp1 + 1, *sp2 = memchr(rest, ' ', n - method.n - 1);
	if (sp2 == NULL)
		return fail(why, TG_EINVAL,
			"the request line must be a method, a path and HTTP/1.1, with one space "
			"between them");
	int err = parse_version((struct h1_str){sp2 + 1, (size_t)(p + n - sp2 - 1)}, why);
	if (err != 0)
		return err;
	if (method.n == 7 && memcmp(method.p, "CONNECT", 7) == 0)
		return fail(why, TG_ENOTIMPL, "this server tunnels nothing");
	out->method = method_of(method);
	return parse_target((struct h1_str){rest, (size_t)(sp2 - rest)}, out, why);
}

static int parse_field(const char *p, size_t n, struct h1_field *f, const char **why)
{
	size_t k = 0;
	while (k < n && tchar[(unsigned char)p[k]])
		k++;
	if (k == 0 || k == n || p[k] != ':')
		return fail(why, TG_EINVAL,
			"a header field must be a name, a colon and a value, with no blank before "
			"the colon and no folded lines");
	f->name = (struct h1_str){p, k};
	const char *v = p + k + 1, *end = p + n;
	while (v < end && (*v == ' ' || *v == '\t'))
		v++;
	while (end > v && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	for (const char *c = v; c < end; c++)
		if (!is_value_char((unsigned char)*c))
			return fail(
				why, TG_EINVAL, "a header field's value holds a control character");
	f->value = (struct h1_str){v, (size_t)(end - v)};
	return 0;
}

static int parse_length(struct h1_str v, uint64_t *out)
{
	uint64_t x = 0;
	if (v.n == 0)
		return TG_EINVAL;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return TG_EINVAL;
		uint64_t d = (uint64_t)(v.p[i] - '0');
		if (x > (LENGTH_MAX - d) / 10)
			return TG_EINVAL;
		x = x * 10 + d;
	}
	*out = x;
	return 0;
}

/* Returns whether a comma-separated list has that token. */
static bool has_token(struct h1_str list, const char *lower)
{
	const char *end = list.p + list.n;
	for (const char *p = list.p; p < end;) {
		const char *comma = memchr(p, ',', (size_t)(end - p)),
			   *stop = comma != NULL ? comma : end, *t = p, *u = stop;
		while (t < u && (*t == ' ' || *t == '\t'))
			t++;
		while (u > t && (u[-1] == ' ' || u[-1] == '\t'))
			u--;
		if (same((struct h1_str){t, (size_t)(u - t)}, lower))
			return true;
		p = stop + 1;
	}
	return false;
}

/* Returns how many bytes the character of a host's name takes that stands at i: 1, or 3 when it is
 * percent-encoded; 0 when a name cannot have it. */
static size_t name_step(struct h1_str s, size_t i)
{
	if (s.p[i] == '%' && i + 2 < s.n && tg_hex_digit(s.p[i + 1]) >= 0 &&
		tg_hex_digit(s.p[i + 2]) >= 0)
		return 3;
	return name_char[(unsigned char)s.p[i]] ? 1 : 0;
}

/* Returns the length of the host that v begins with (RFC 3986, section 3.2.2): an IP literal in
 * brackets, or a name or IPv4 address; 0 when there is none. */
static size_t host_length(struct h1_str v)
{
	size_t i = 0;
	if (v.n == 0 || v.p[0] != '[') {
		for (size_t step; i < v.n && (step = name_step(v, i)) > 0;)
			i += step;
		return i;
	}
	for (i = 1; i < v.n && (name_char[(unsigned char)v.p[i]] || v.p[i] == ':');)
		i++;
	return i > 1 && i < v.n && v.p[i] == ']' ? i + 1 : 0;
}

/* RFC 9110, section 7.2: uri-host [ ":" port ]; for https the host is not empty. */
static bool is_host(struct h1_str v)
{
	size_t i = host_length(v);
	uint32_t port = 0;
	if (i == 0)
		return false;
	if (i == v.n)
		return true;
	if (v.p[i++] != ':')
		return false;
	for (; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9' ||
			(port = port * 10 + (uint32_t)(v.p[i] - '0')) > UINT16_MAX)
			return false;
	}
	return true;
}

/* The fields that decide where this request ends and the next one starts, and Expect. */
struct framing {
	const struct h1_str *length, *coding, *expect;
	unsigned hosts;
};

static int keep_once(const struct h1_str **slot, const struct h1_str *value, int err,
	const char *sentence, const char **why)
{
	if (*slot != NULL)
		return fail(why, err, sentence);
	*slot = value;
	return 0;
}

static int judge_field(
	struct h1_head *h, const struct h1_field *f, struct framing *x, const char **why)
{
	const struct h1_str name = f->name, *value = &f->value;

	if (same(name, "host")) {
		x->hosts++;
		if (!is_host(*value))
			return fail(why, TG_EINVAL,
				"Host must be a host's name or address, and a port behind a colon "
				"where there is one");
	} else if (same(name, "content-length")) {
		return keep_once(
			&x->length, value, TG_EINVAL, "Content-Length may stand once", why);
	} else if (same(name, "transfer-encoding")) {
		return keep_once(
			&x->coding, value, TG_EINVAL, "Transfer-Encoding may stand once", why);
	} else if (same(name, "expect")) {
		return keep_once(&x->expect, value, TG_EEXPECT, "Expect may stand once", why);
	} else if (same(name, "connection")) {
		h->close = h->close || has_token(*value, "close");
	} else if (same(name, "upgrade")) {
		return fail(why, TG_ENOTIMPL, "this server upgrades to no other protocol");
	}
	return 0;
}

static int judge_fields(struct h1_head *h, const char **why)
{
	struct framing x = {0};
	int err;

	for (size_t i = 0; i < h->n_fields; i++)
		if ((err = judge_field(h, &h->field[i], &x, why)) != 0)
			return err;
	if (x.hosts != 1)
		return fail(why, TG_EINVAL, "exactly one Host field is needed");
	if (x.length != NULL && x.coding != NULL)
		return fail(
			why, TG_EINVAL, "Content-Length and Transfer-Encoding exclude each other");
	if (x.coding != NULL && !same(*x.coding, "chunked"))
		return fail(why, TG_ENOTIMPL, "the only transfer coding known here is chunked");
	if (x.length != NULL && parse_length(*x.length, &h->content_length) != 0)
		return fail(why, TG_EINVAL, "Content-Length must be a plain decimal number");
	if (x.expect != NULL && !same(*x.expect, "100-continue"))
		return fail(why, TG_EEXPECT, "the only expectation known here is 100-continue");
	h->chunked = x.coding != NULL;
	if (h->chunked)
		h->content_length = H1_LENGTH_UNKNOWN;
	h->expect_continue = x.expect != NULL;
	return 0;
}

int h1_head_parse(const char *p, size_t n, struct h1_head *out, const char **why)
{
	const char *end = p + n - 2; /* the empty line's CRLF */
	int err;
	out->method = H1_OTHER;
	out->target = out->path = out->query = (struct h1_str){p, 0};
	out->n_fields = 0;
	out->content_length = 0;
	out->chunked = out->expect_continue = out->close = out->has_query = false;
	for (const char *line = p; line < end;) {
		const char *lf = memchr(line, '\n', (size_t)(end - line));
		if (lf == NULL || lf == line || lf[-1] != '\r')
			return fail(why, TG_EINVAL, "lines must end in CR LF");
		size_t len = (size_t)(lf - line - 1);
		if (line == p)
			err = parse_request_line(line, len, out, why);
		else if (out->n_fields == H1_FIELDS_MAX)
			err = fail(why, TG_EHEADERS, "more than 64 header fields");
		else
			err = parse_field(line, len, &out->field[out->n_fields++], why);
		if (err != 0)
			return err;
		line = lf + 1;
	}
	return judge_fields(out, why);
}

const struct h1_str *h1_field(const struct h1_head *h, const char *name, bool *dup)
{
	const struct h1_str *found = NULL;
	for (size_t i = 0; i < h->n_fields; i++) {
		if (!same(h->field[i].name, name))
			continue;
		if (found != NULL && dup != NULL)
			*dup = true;
		if (found == NULL)
			found = &h->field[i].value;
	}
	return found;
}
