/*
 * chain_write.c: builds the lines of the evidence and signs its checkpoints. It writes into memory
 * only; the file is the recorder's. Runs in the recorder. docs/evidence.md.
 */
#include <stdbool.h>
#include <string.h>
#include <sodium.h>
#include "core/chain.h"
#include "core/chain_int.h"
#include "core/hex.h"
#include "core/time.h"

static void put(struct chain_buf *b, const char *s, size_t n)
{
	if (b->full || n > b->cap - b->n) {
		b->full = 1;
		return;
	}
	memcpy(b->p + b->n, s, n);
	b->n += n;
}

static void put_text(struct chain_buf *b, const char *s)
{
	put(b, s, strlen(s));
}

static void put_u64(struct chain_buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof digits;

	do
		digits[--at] = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	put(b, digits + at, sizeof digits - at);
}

static void put_time(struct chain_buf *b, int64_t unix_ms)
{
	char text[TG_TIME_LEN + 1];

	put(b, tg_time_format(unix_ms, text), TG_TIME_LEN);
}

/* Hashes and signatures are public, and each line has one: so a table may be used. */
static void put_hex(struct chain_buf *b, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char hex[2 * CHAIN_SIG];

	for (size_t i = 0; i < n; i++) {
		hex[2 * i] = digits[p[i] >> 4];
		hex[2 * i + 1] = digits[p[i] & 15];
	}
	put(b, hex, 2 * n);
}

size_t chain_id_text(unsigned shard, const struct chain_pos *pos, char out[CHAIN_ID_MAX + 1])
{
	struct chain_buf b = {.p = out, .cap = CHAIN_ID_MAX};
	char shard_text[2];

	tg_hex_byte((uint8_t)shard, shard_text);
	put(&b, shard_text, sizeof shard_text);
	put(&b, "-", 1);
	put_u64(&b, pos->ms);
	put(&b, "-", 1);
	put_u64(&b, pos->seq);
	out[b.n] = '\0';
	return b.n;
}

/* Returns how many bytes at the beginning need no escape. */
static size_t plain_bytes(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && (unsigned char)(p[i] - 0x20) <= 0x7e - 0x20 && p[i] != '"' && p[i] != '\\')
		i++;
	return i;
}

/* A byte that is not visible ASCII becomes \u00XX. So a line is ASCII, and every byte that stood in
 * the store can be read back. */
static void put_escape(struct chain_buf *b, unsigned char c)
{
	char esc[6] = {'\\', 'u', '0', '0'};
	const bool quoted = c == '"' || c == '\\';

	if (quoted)
		esc[1] = (char)c;
	else
		tg_hex_byte(c, esc + 4);
	put(b, esc, quoted ? 2 : 6);
}

static void put_escaped(struct chain_buf *b, struct chain_text t)
{
	size_t at = 0, n;

	while (at < t.n) {
		n = plain_bytes(t.p + at, t.n - at);
		put(b, t.p + at, n);
		at += n;
		if (at < t.n)
			put_escape(b, (unsigned char)t.p[at++]);
	}
}

static void put_string(struct chain_buf *b, const char *name, struct chain_text t)
{
	if (t.p == NULL)
		return;
	put_text(b, name);
	put_escaped(b, t);
	put_text(b, "\"");
}

static void put_number(struct chain_buf *b, const char *name, int64_t v)
{
	if (v < 0)
		return;
	put_text(b, name);
	put_u64(b, (uint64_t)v);
}

static void put_moment(struct chain_buf *b, const char *name, int64_t unix_ms)
{
	if (unix_ms < 0)
		return;
	put_text(b, name);
	put_time(b, unix_ms);
	put_text(b, "\"");
}

static void put_start(struct chain_buf *b, uint64_t n, int64_t time_ms)
{
	put_text(b, CHAIN_M_N);
	put_u64(b, n);
	put_text(b, CHAIN_M_TIME);
	put_time(b, time_ms);
	put_text(b, "\"");
}

void chain_put_member(struct chain_buf *b, struct chain_text name, struct chain_text value)
{
	put_text(b, b->n > 0 ? ",\"" : "\"");
	put_escaped(b, name);
	put_text(b, "\":\"");
	put_escaped(b, value);
	put_text(b, "\"");
}

void chain_put_record(struct chain_buf *b, const struct chain_record *r)
{
	put_start(b, r->n, r->time_ms);
	put_string(b, CHAIN_M_ID, r->id);
	put_string(b, CHAIN_M_EVENT, r->event);
	put_string(b, CHAIN_M_TAG, r->tag);
	put_string(b, CHAIN_M_KIND, r->kind);
	if (r->dk >= 0)
		put_text(b, r->dk ? CHAIN_M_DK "true" : CHAIN_M_DK "false");
	put_string(b, CHAIN_M_SUBJECT, r->subject);
	put_number(b, CHAIN_M_SIZE, r->size_bytes);
	put_moment(b, CHAIN_M_DEADLINE, r->deadline_ms);
	put_moment(b, CHAIN_M_LEASE, r->lease_ms);
	put_string(b, CHAIN_M_CAUSE, r->cause);
	put_number(b, CHAIN_M_LATE, r->late_us);
	put_string(b, CHAIN_M_OUTCOME, r->outcome);
	put_string(b, CHAIN_M_UPLOADER, r->uploader);
	put_string(b, CHAIN_M_TO, r->to);
	put_string(b, CHAIN_M_BY, r->by);
	put_string(b, CHAIN_M_SESSION, r->session);
	put_string(b, CHAIN_M_REASON, r->reason);
	put_moment(b, CHAIN_M_FIRST, r->first_ms);
	put_moment(b, CHAIN_M_LAST, r->last_ms);
	put_number(b, CHAIN_M_COUNT, r->count);
	if (r->more.p != NULL && r->more.n > 0) {
		put_text(b, CHAIN_M_MORE);
		put(b, r->more.p, r->more.n);
		put_text(b, "}");
	}
	put_text(b, CHAIN_M_PREV);
	put_hex(b, r->prev, CHAIN_HASH);
	put_text(b, "\"}\n");
}

static void put_positions(struct chain_buf *b, const struct chain_pos *pos)
{
	int first = 1;

	put_text(b, CHAIN_M_POSITIONS);
	for (unsigned i = 0; i < CHAIN_SHARDS; i++) {
		char name[] = {'"', 0, 0, '"', ':', '"'};

		if (pos[i].ms == 0 && pos[i].seq == 0)
			continue;
		tg_hex_byte((uint8_t)i, name + 1);
		put_text(b, first ? "" : ",");
		first = 0;
		put(b, name, sizeof name);
		put_u64(b, pos[i].ms);
		put_text(b, "-");
		put_u64(b, pos[i].seq);
		put_text(b, "\"");
	}
	put_text(b, "}");
}

static void put_tree(struct chain_buf *b, const struct chain_check *c)
{
	if (c->origin.p == NULL)
		return;
	put_string(b, CHAIN_M_ORIGIN, c->origin);
	put_text(b, CHAIN_M_ROOT);
	put_hex(b, c->root, CHAIN_ROOT);
	put_text(b, "\"" CHAIN_M_NOTE);
	put_hex(b, c->note, CHAIN_SIG);
	put_text(b, "\"");
}

void chain_put_check(
	struct chain_buf *b, const struct chain_check *c, const uint8_t secret[CHAIN_SECRET])
{
	const struct chain_text epoch = {c->epoch, strlen(c->epoch)};
	uint8_t sig[CHAIN_SIG];
	size_t from = b->n;

	put_start(b, c->n, c->time_ms);
	put_string(b, CHAIN_M_CHECK, c->reason);
	put_string(b, CHAIN_M_EPOCH, epoch);
	put_positions(b, c->pos);
	put_text(b, CHAIN_M_PREV);
	put_hex(b, c->prev, CHAIN_HASH);
	put_text(b, "\"");
	put_tree(b, c);
	put_text(b, CHAIN_M_KEY);
	put_hex(b, secret + CHAIN_SECRET - CHAIN_KEY, CHAIN_KEY);
	put_text(b, "\"");
	if (b->full)
		return;
	chain_sign(b->p + from, b->n - from, secret, sig);
	put_text(b, CHAIN_M_SIG);
	put_hex(b, sig, sizeof sig);
	put_text(b, "\"}\n");
}
