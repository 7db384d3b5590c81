/*
 * resp.c: writes requests of RESP2 into an evbuffer, and finds where its replies end. It builds no
 * reply, and does no I/O. Runs in every process that has a store.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <timeglas/errors.h>
#include "redis/resp.h"

enum {
	S_TYPE,      /* a value's first byte comes */
	S_NUMBER,    /* the digits of "$" or "*" */
	S_NUMBER_LF, /* the LF behind them */
	S_LINE,      /* the rest of "+", "-" or ":" */
	S_PAYLOAD,   /* bytes of a bulk that goes to the reader, and its CR LF */
	S_BODY,      /* bytes of a fetched bulk */
	S_BODY_CR,   /* the CR behind them */
	S_BODY_LF,   /* and the LF */
};

/* Replies ------------------------------------------------------------------ */

static int on_type(struct resp_scan *s, char c)
{
	if (!s->in_reply) {
		s->in_reply = true;
		s->need = 1;
	}
	s->type = c;
	s->number = 0;
	s->digits = 0;
	s->negative = false;
	if (c == '+' || c == '-' || c == ':')
		s->state = S_LINE;
	else if (c == '$' || c == '*')
		s->state = S_NUMBER;
	else
		return TG_EPROTO;
	return 0;
}

static int on_number(struct resp_scan *s, char c)
{
	if (c == '-' && s->digits == 0 && !s->negative) {
		s->negative = true;
	} else if (c >= '0' && c <= '9' && s->digits < 9) {
		s->number = s->number * 10 + (uint64_t)(c - '0');
		s->digits++;
	} else if (c == '\r' && s->digits > 0) {
		s->state = S_NUMBER_LF;
	} else {
		return TG_EPROTO;
	}
	return 0;
}

/* A "$" or "*" line is complete. */
static int on_number_end(struct resp_scan *s, char c)
{
	if (c != '\n' || (s->negative && s->number != 1))
		return TG_EPROTO;
	s->need--;
	s->state = S_TYPE;
	if (s->negative)
		return 0;
	if (s->type == '*') {
		s->need += s->number;
	} else if (s->number > RESP_BULK_MAX) {
		return TG_EPROTO;
	} else {
		s->left = (size_t)s->number + 2; /* CR LF */
		s->state = S_PAYLOAD;
	}
	return 0;
}

static bool at_end(const struct resp_scan *s)
{
	return s->in_reply && s->need == 0 && s->state == S_TYPE;
}

/* Bytes that go to the reader: to the end of the reply, or to the end of the bytes. */
static enum resp_step scan_fed(struct resp_scan *s, const char *p, size_t n, size_t *used)
{
	size_t i = 0;

	while (i < n) {
		int rc = 0;
		if (s->state == S_PAYLOAD) {
			size_t take = s->left < n - i ? s->left : n - i;
			i += take;
			s->left -= take;
			if (s->left == 0)
				s->state = S_TYPE;
		} else {
			char c = p[i++];
			if (s->state == S_TYPE) {
				rc = on_type(s, c);
			} else if (s->state == S_NUMBER) {
				rc = on_number(s, c);
			} else if (s->state == S_NUMBER_LF) {
				rc = on_number_end(s, c);
			} else if (c == '\n') { /* S_LINE */
				s->need--;
				s->state = S_TYPE;
			}
		}
		if (rc != 0)
			return RESP_BAD;
		if (at_end(s)) {
			s->in_reply = false;
			*used = i;
			return RESP_REPLY;
		}
	}
	*used = n;
	return RESP_FEED;
}

/* "\r\n" after a fetched bulk. */
static enum resp_step scan_body_end(struct resp_scan *s, char c, size_t *used)
{
	*used = 1;
	if (s->state == S_BODY_CR) {
		s->state = S_BODY_LF;
		return c == '\r' ? RESP_SKIP : RESP_BAD;
	}
	s->state = S_TYPE;
	s->in_reply = false;
	return c == '\n' ? RESP_BODY_END : RESP_BAD;
}

enum resp_step resp_scan(struct resp_scan *s, const char *p, size_t n, bool fetch, size_t *used)
{
	size_t i = 0;

	if (s->state == S_BODY && s->left > 0)
		return RESP_BODY;
	if (s->state == S_BODY)
		s->state = S_BODY_CR;
	if (s->state == S_BODY_CR || s->state == S_BODY_LF)
		return scan_body_end(s, p[0], used);
	/* What the reader does not get is a bulk that is the whole reply of a fetch. Its line must
	 * be complete first, because "$-1" is no bulk but a nil, which the reader gets. */
	if (!fetch || s->in_reply || p[0] != '$')
		return scan_fed(s, p, n, used);
	const char *lf = memchr(p, '\n', n);
	if (lf == NULL)
		return n < RESP_LINE_MAX ? RESP_WAIT : RESP_BAD;
	if (p[1] == '-')
		return scan_fed(s, p, n, used);
	while (p + i <= lf) {
		char c = p[i++];
		int rc = i == 1              ? on_type(s, c) :
			s->state == S_NUMBER ? on_number(s, c) :
					       on_number_end(s, c);
		if (rc != 0)
			return RESP_BAD;
	}
	s->left -= 2;
	s->bulk_len = (long)s->left;
	s->state = S_BODY;
	*used = i;
	return RESP_SKIP;
}

size_t resp_status(const char *p, size_t n)
{
	const char *lf = p[0] == '+' ? memchr(p, '\n', n) : NULL;

	return lf == NULL ? 0 : (size_t)(lf - p) + 1;
}

bool resp_in_body(const struct resp_scan *s)
{
	return s->state == S_BODY && s->left > 0;
}

/* Requests ----------------------------------------------------------------- */

static char *put_line(char *at, char type, uint64_t number)
{
	char digits[20];
	int n = 0;

	*at++ = type;
	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	while (n > 0)
		*at++ = digits[--n];
	*at++ = '\r';
	*at++ = '\n';
	return at;
}

static char *put_arg(char *at, const char *arg, size_t len)
{
	at = put_line(at, '$', len);
	memcpy(at, arg, len);
	at += len;
	*at++ = '\r';
	*at++ = '\n';
	return at;
}

#define LINE_BYTES ((size_t)26) /* of put_line and a closing CR LF, at most */

int resp_write(struct evbuffer *out, int argc, const char *const argv[], const size_t len[])
{
	struct evbuffer_iovec v;
	size_t need = LINE_BYTES;
	char *at;

	for (int i = 0; i < argc; i++)
		need += LINE_BYTES + len[i];
	if (evbuffer_reserve_space(out, (ev_ssize_t)need, &v, 1) != 1)
		return TG_ENOMEM;
	at = put_line(v.iov_base, '*', (uint64_t)argc);
	for (int i = 0; i < argc; i++)
		at = put_arg(at, argv[i], len[i]);
	v.iov_len = (size_t)(at - (char *)v.iov_base);
	return evbuffer_commit_space(out, &v, 1) == 0 ? 0 : TG_ENOMEM;
}

int resp_write_set(
	struct evbuffer *out, const char *key, size_t n, struct evbuffer *value, uint64_t px_ms)
{
	char px[24], tail[64], *end;
	struct evbuffer_iovec v;
	char *at;

	end = put_line(px, '$', px_ms); /* for the digits behind its "$" */
	tail[0] = '\r';
	tail[1] = '\n';
	at = put_arg(tail + 2, "PX", 2);
	at = put_arg(at, px + 1, (size_t)(end - px) - 3);
	size_t tail_len = (size_t)(at - tail);

	if (evbuffer_reserve_space(out, (ev_ssize_t)(5 * LINE_BYTES + n), &v, 1) != 1)
		return TG_ENOMEM;
	/* All memory is had before the first byte is written, so that no part of a command can be
	 * left in the buffer. */
	struct evbuffer *last = evbuffer_new();
	if (last == NULL || evbuffer_add(last, tail, tail_len) != 0) {
		if (last != NULL)
			evbuffer_free(last);
		return TG_ENOMEM;
	}
	at = put_line(v.iov_base, '*', 5);
	at = put_arg(at, "SET", 3);
	at = put_arg(at, key, n);
	at = put_line(at, '$', evbuffer_get_length(value));
	v.iov_len = (size_t)(at - (char *)v.iov_base);
	evbuffer_commit_space(out, &v, 1);
	evbuffer_add_buffer(out, value); /* moves chains, so neither call can fail */
	evbuffer_add_buffer(out, last);
	evbuffer_free(last);
	return 0;
}
