/*
 * store_reply.c: what functions.lua answers, as structs, and the texts that stand in Redis for a description. Pure but for the log.
 * The order of a record's elements is functions.lua's (BLOB, session_record). Runs in every process that has a store.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include "store/store_int.h"

enum { R_ID, R_STATE, R_UPLOADER, R_TO, R_SESSION, R_BOUND, R_CHUNKS, R_SIZE, R_STORED, R_DEADLINE, R_DESC, R_PRIVATE, R_CAUSE, R_GONE_AT, R_EVENT, R_N };
enum { S_ID, S_STATE, S_UPLOADER, S_REF, S_OPENED, S_DEADLINE, S_IDLE_DEADLINE, S_IDLE, S_GONE_AT, S_N };

size_t store_key(char out[STORE_KEY_MAX], unsigned shard, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(out, STORE_KEY_MAX, "tg:{%02x}:", shard), m;

	va_start(ap, fmt);
	m = vsnprintf(out + n, STORE_KEY_MAX - (size_t)n, fmt, ap);
	va_end(ap);
	if (m < 0 || (size_t)(n + m) >= STORE_KEY_MAX)
		abort(); /* ids have a fixed length */
	return (size_t)(n + m);
}

const redisReply *reply_at(const redisReply *r, size_t i)
{
	return r != NULL && r->type == REDIS_REPLY_ARRAY && i < r->elements ? r->element[i] : NULL;
}

int64_t reply_num(const redisReply *r, size_t i)
{
	const redisReply *e = reply_at(r, i);

	if (e == NULL)
		return 0;
	if (e->type == REDIS_REPLY_INTEGER)
		return e->integer;
	return e->type == REDIS_REPLY_STRING ? strtoll(e->str, NULL, 10) : 0;
}

const char *reply_text(const redisReply *r, size_t i)
{
	const redisReply *e = reply_at(r, i);

	return e != NULL && (e->type == REDIS_REPLY_STRING || e->type == REDIS_REPLY_STATUS) ? e->str : "";
}

static void copy(char *out, size_t cap, const char *text)
{
	snprintf(out, cap, "%s", text);
}

/* The next word of a text; "-" stands for none. */
static const char *word(const char *text, char *out, size_t cap)
{
	size_t n = strcspn(text, " ");

	snprintf(out, cap, "%.*s", (int)n, text);
	if (strcmp(out, "-") == 0)
		out[0] = '\0';
	return text[n] == ' ' ? text + n + 1 : text + n;
}

static const char *or_dash(const char *text)
{
	return text[0] != '\0' ? text : "-";
}

void desc_event(const struct store_desc *d, char out[STORE_DESC_MAX])
{
	snprintf(out, STORE_DESC_MAX, "%s %s %d", or_dash(d->ref), d->kind, d->danish);
}

void desc_private(const struct store_desc *d, char out[STORE_DESC_MAX])
{
	snprintf(out, STORE_DESC_MAX, "%s %s", or_dash(d->issuer), or_dash(d->sha256));
}

static enum store_state state_of(const char *text)
{
	static const char *const name[] = {"staged", "live", "taking", "claimed", "gone"};

	for (unsigned i = 0; i < sizeof name / sizeof name[0]; i++)
		if (strcmp(text, name[i]) == 0)
			return (enum store_state)i;
	return STORE_GONE;
}

const char *store_state_text(enum store_state s)
{
	switch (s) {
	case STORE_STAGED:
		return "staged";
	case STORE_LIVE:
		return "live";
	case STORE_TAKING:
	case STORE_CLAIMED:
		return "claimed";
	case STORE_GONE:
		break;
	}
	return "gone";
}

int reply_blob(const redisReply *r, struct store_blob *b, unsigned *n_chunks)
{
	char danish[4];
	const char *at;

	memset(b, 0, sizeof *b);
	if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements != R_N)
		return TG_EINTERNAL;
	copy(b->id, sizeof b->id, reply_text(r, R_ID));
	b->state = state_of(reply_text(r, R_STATE));
	copy(b->desc.uploader, sizeof b->desc.uploader, reply_text(r, R_UPLOADER));
	copy(b->desc.to, sizeof b->desc.to, reply_text(r, R_TO));
	copy(b->desc.session, sizeof b->desc.session, reply_text(r, R_SESSION));
	b->desc.bound = strcmp(reply_text(r, R_BOUND), "1") == 0;
	b->desc.size_bytes = (uint64_t)reply_num(r, R_SIZE);
	at = word(reply_text(r, R_DESC), b->desc.ref, sizeof b->desc.ref);
	at = word(at, b->desc.kind, sizeof b->desc.kind);
	(void)word(at, danish, sizeof danish);
	b->desc.danish = danish[0] == '1';
	at = word(reply_text(r, R_PRIVATE), b->desc.issuer, sizeof b->desc.issuer);
	(void)word(at, b->desc.sha256, sizeof b->desc.sha256);
	b->stored_at_ms = reply_num(r, R_STORED);
	b->deadline_ms = reply_num(r, R_DEADLINE);
	copy(b->cause, sizeof b->cause, reply_text(r, R_CAUSE));
	b->gone_at_ms = reply_num(r, R_GONE_AT);
	copy(b->event, sizeof b->event, reply_text(r, R_EVENT));
	if (n_chunks != NULL)
		*n_chunks = (unsigned)reply_num(r, R_CHUNKS);
	return 0;
}

int reply_session(const redisReply *r, struct store_session *s)
{
	memset(s, 0, sizeof *s);
	if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements != S_N)
		return TG_EINTERNAL;
	copy(s->id, sizeof s->id, reply_text(r, S_ID));
	copy(s->state, sizeof s->state, reply_text(r, S_STATE));
	copy(s->uploader, sizeof s->uploader, reply_text(r, S_UPLOADER));
	copy(s->subject_ref, sizeof s->subject_ref, reply_text(r, S_REF));
	s->opened_at_ms = reply_num(r, S_OPENED);
	s->deadline_ms = reply_num(r, S_DEADLINE);
	s->idle_deadline_ms = reply_num(r, S_IDLE_DEADLINE);
	s->idle_s = (uint32_t)(reply_num(r, S_IDLE) / 1000);
	s->gone_at_ms = reply_num(r, S_GONE_AT);
	return 0;
}
