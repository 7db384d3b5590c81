/*
 * lines.c: reads a function's answer: lines, and fields of a line in the order of schema.def. Pure.
 */
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include "base/text.h"
#include "store/lines.h"
#include "store/record.h"

/* Fields of a line behind the id that it begins with. */
#define PUBLIC(field) (1 + STORE_FIELD_##field)
#define PUBLIC_N (1 + STORE_PUBLIC_FIELDS)
#define SESSION(field) (1 + STORE_SESSION_##field)
#define SESSION_N (1 + STORE_SESSION_FIELDS)

/* A line or a field of an answer: n bytes, without a NUL. */
struct piece {
	const char *p;
	size_t n;
};

/* Returns the piece up to the next separator, and passes both. Behind the last piece at is NULL. */
static struct piece cut(struct lines *a, char separator)
{
	struct piece whole = {a->at, 0};
	const char *stop;

	if (a->at == NULL)
		return (struct piece){"", 0};
	stop = memchr(a->at, separator, (size_t)(a->end - a->at));
	whole.n = (size_t)((stop != NULL ? stop : a->end) - a->at);
	a->at = stop != NULL ? stop + 1 : NULL;
	return whole;
}

static char *text_of(struct piece t, char *out, size_t cap)
{
	size_t n = t.n < cap ? t.n : cap - 1;

	memcpy(out, t.p, n);
	out[n] = '\0';
	return out;
}

/* strtoll() stops at what is behind the piece: a separator, or the reply's own NUL. */
static int64_t num_of(struct piece t)
{
	return t.n > 0 ? strtoll(t.p, NULL, 10) : 0;
}

/* Copies the next word of a text, cut to cap - 1 bytes; "-" becomes "". Returns where the word
 * behind it begins. */
static const char *word(const char *text, char *out, size_t cap)
{
	size_t n = strcspn(text, " ");

	struct text t = text_in(out, cap);

	text_add_n(&t, text, n);
	if (strcmp(out, "-") == 0)
		out[0] = '\0';
	return text[n] == ' ' ? text + n + 1 : text + n;
}

struct lines lines_of(const redisReply *r)
{
	struct lines a;

	if (r == NULL || r->type != REDIS_REPLY_STRING)
		return (struct lines){NULL, NULL};
	a = (struct lines){r->str, r->str + r->len};
	(void)cut(&a, '\n');
	return a;
}

bool lines_more(const struct lines *a)
{
	return a->at != NULL;
}

int64_t lines_num(struct lines *a)
{
	return num_of(cut(a, '\n'));
}

char *lines_text(struct lines *a, char *out, size_t cap)
{
	return text_of(cut(a, '\n'), out, cap);
}

/* Cuts a line into its fields, which must be n. */
static int fields_of(struct lines *a, struct piece *field, size_t n)
{
	struct piece line = cut(a, '\n');
	struct lines rest = {line.p, line.p + line.n};

	for (size_t i = 0; i < n; i++) {
		if (rest.at == NULL)
			return TG_EINTERNAL;
		field[i] = cut(&rest, '\t');
	}
	return rest.at == NULL ? 0 : TG_EINTERNAL;
}

void lines_reaped(struct lines *a, char *cause, size_t cap, int64_t *late_us)
{
	struct piece f[2];
	int err = fields_of(a, f, 2);

	cause[0] = '\0';
	*late_us = 0;
	if (err != 0)
		return;
	text_of(f[0], cause, cap);
	*late_us = num_of(f[1]);
}

int lines_blob(struct lines *a, struct store_blob *b, unsigned *n_chunks)
{
	struct piece f[PUBLIC_N];
	char text[STORE_DESC_MAX], danish[4], chunk[12];
	const char *at;
	int err = fields_of(a, f, PUBLIC_N);

	memset(b, 0, sizeof *b);
	if (err != 0)
		return err;
	text_of(f[0], b->id, sizeof b->id);
	b->head_bytes = (unsigned)num_of(f[PUBLIC(HEAD)]);
	b->state = record_state(text_of(f[PUBLIC(STATE)], text, sizeof text));
	text_of(f[PUBLIC(UPLOADER)], b->desc.uploader, sizeof b->desc.uploader);
	text_of(f[PUBLIC(TO)], b->desc.to, sizeof b->desc.to);
	text_of(f[PUBLIC(SESSION)], b->desc.session, sizeof b->desc.session);
	b->desc.bound = f[PUBLIC(BOUND)].n == 1 && f[PUBLIC(BOUND)].p[0] == '1';
	b->desc.size_bytes = (uint64_t)num_of(f[PUBLIC(SIZE)]);
	at = word(text_of(f[PUBLIC(DESC)], text, sizeof text), b->desc.tag, sizeof b->desc.tag);
	at = word(at, b->desc.kind, sizeof b->desc.kind);
	at = word(at, danish, sizeof danish);
	b->desc.danish = danish[0] == '1';
	(void)word(at, b->desc.subject, sizeof b->desc.subject);
	text_of(f[PUBLIC(CAUSE)], b->cause, sizeof b->cause);
	b->gone_at_ms = num_of(f[PUBLIC(GONE_AT)]);
	text_of(f[PUBLIC(EVENT)], b->event, sizeof b->event);
	if (n_chunks != NULL)
		*n_chunks = (unsigned)num_of(f[PUBLIC(CHUNKS)]);
	if (b->state == STORE_GONE) { /* a tombstone has no more; p holds the outcome */
		text_of(f[PUBLIC(PRIVATE_DESC)], b->outcome, sizeof b->outcome);
		b->desc.chunk_bytes = STORE_CHUNK_BYTES;
		return 0;
	}
	at = word(text_of(f[PUBLIC(PRIVATE_DESC)], text, sizeof text), b->desc.issuer,
		sizeof b->desc.issuer);
	at = word(at, b->desc.sha256, sizeof b->desc.sha256);
	(void)word(at, chunk, sizeof chunk);
	b->desc.chunk_bytes =
		chunk[0] != '\0' ? (uint32_t)strtoul(chunk, NULL, 10) : STORE_CHUNK_BYTES;
	if (b->desc.chunk_bytes == 0 || b->desc.chunk_bytes > STORE_CHUNK_LARGE_BYTES)
		return TG_EINTERNAL;
	b->stored_at_ms = num_of(f[PUBLIC(STORED_AT)]);
	b->deadline_ms = num_of(f[PUBLIC(DEADLINE)]);
	return 0;
}

int lines_blobs(struct lines *l, struct store_blob **list, size_t *n)
{
	size_t cap = *n;

	while (lines_more(l)) {
		if (*n == cap) {
			cap = cap < 8 ? 8 : 2 * cap;
			struct store_blob *grown = realloc(*list, cap * sizeof *grown);
			if (grown == NULL)
				return TG_ENOMEM;
			*list = grown;
		}
		if (lines_blob(l, &(*list)[*n], NULL) != 0)
			return TG_EINTERNAL;
		++*n;
	}
	return 0;
}

int lines_session(struct lines *a, struct store_session *s)
{
	struct piece f[SESSION_N];
	int err = fields_of(a, f, SESSION_N);

	memset(s, 0, sizeof *s);
	if (err != 0)
		return err;
	text_of(f[0], s->id, sizeof s->id);
	text_of(f[SESSION(STATE)], s->state, sizeof s->state);
	text_of(f[SESSION(UPLOADER)], s->uploader, sizeof s->uploader);
	s->opened_at_ms = num_of(f[SESSION(OPENED_AT)]);
	s->deadline_ms = num_of(f[SESSION(DEADLINE)]);
	s->idle_deadline_ms = num_of(f[SESSION(IDLE_DEADLINE)]);
	s->idle_s = (uint32_t)(num_of(f[SESSION(IDLE)]) / 1000);
	s->gone_at_ms = num_of(f[SESSION(GONE_AT)]);
	return 0;
}
