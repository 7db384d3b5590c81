/*
 * chain_scan.c: reads lines of the evidence strictly: members in their one order, numbers and
 * escapes in their one form. It accepts a line only if chain_write.c could have written each byte
 * of it, or could have when the tag was called `ref`. It checks neither hashes nor signatures. Runs
 * in the recorder (its own tail) and in the timeglas command.
 */
#include <string.h>
#include <timeglas/errors.h>
#include "core/chain.h"
#include "core/chain_int.h"
#include "core/hex.h"
#include "core/num.h"
#include "core/time.h"

struct scan {
	const char *at, *end;
	int bad;
};

/* Most members are not there, and differ from what is by their first letter. */
static inline int looking_at(const struct scan *s, const char *text, size_t n)
{
	const size_t first = n > 2 ? 2 : 0;

	return (size_t)(s->end - s->at) >= n && s->at[first] == text[first] &&
		memcmp(s->at, text, n) == 0;
}

/* The text is a constant; inline, so is its length. */
static inline void must(struct scan *s, const char *text)
{
	size_t n = strlen(text);

	if (!s->bad && looking_at(s, text, n))
		s->at += n;
	else
		s->bad = 1;
}

static inline int may(struct scan *s, const char *text)
{
	size_t n = strlen(text);

	if (s->bad || !looking_at(s, text, n))
		return 0;
	s->at += n;
	return 1;
}

/* A number without leading zeros, of at most max. */
static uint64_t number(struct scan *s, uint64_t max)
{
	const char *from = s->at;
	uint64_t v = 0;

	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
		s->at++;
	if (tg_num_u64(from, (size_t)(s->at - from), max, &v) != 0 ||
		(*from == '0' && s->at - from > 1))
		s->bad = 1;
	return v;
}

static int64_t time_of(struct scan *s)
{
	int64_t ms = 0;

	if (s->bad || s->end - s->at < TG_TIME_LEN || tg_time_parse(s->at, TG_TIME_LEN, &ms) != 0 ||
		ms < 0)
		s->bad = 1;
	else
		s->at += TG_TIME_LEN;
	must(s, "\"");
	return ms;
}

/* What may stand behind a backslash: a quote, a backslash, or u00XX for a byte that is not visible
 * ASCII. Returns its length, 0 when it is none of these. */
static size_t escape(const char *p, const char *end)
{
	uint8_t v;

	if (end - p >= 1 && (*p == '"' || *p == '\\'))
		return 1;
	if (end - p < 5 || memcmp(p, "u00", 3) != 0 || !tg_hex_is_lower(p + 3, 2) ||
		tg_hex_decode(p + 3, 2, &v, 1) != 0)
		return 0;
	return v < 0x20 || v > 0x7e ? 5 : 0;
}

/* Are these eight bytes visible, and neither a quote nor a backslash? A byte b of x is zero when
 * the byte is that character; b - 1 has its highest bit set then, or a byte before it was zero,
 * which is an answer, too. */
static inline int plain(const char *p)
{
	const uint64_t one = 0x0101010101010101u, top = one << 7;
	uint64_t x, quote, slash, del;

	memcpy(&x, p, sizeof x);
	quote = x ^ one * '"';
	slash = x ^ one * '\\';
	del = x ^ one * 0x7f;
	return ((x | (x - one * 0x20) | ((quote - one) & ~quote) | ((slash - one) & ~slash) |
			((del - one) & ~del)) &
		       top) == 0;
}

/* Reads up to the closing quote, and that, too. */
static struct chain_text string(struct scan *s)
{
	struct chain_text t = {s->at, 0};
	const char *p = s->at;

	while (s->end - p >= 8 && plain(p))
		p += 8;
	while (p < s->end && *p != '"') {
		size_t n = 1;

		if (*p < 0x20 || *p > 0x7e)
			break;
		if (*p == '\\') {
			n = escape(p + 1, s->end);
			if (n == 0)
				break;
			n++;
		}
		p += n;
	}
	if (s->bad || p >= s->end || *p != '"') {
		s->bad = 1;
		return t;
	}
	t.n = (size_t)(p - t.p);
	s->at = p + 1;
	return t;
}

static inline struct chain_text maybe_string(struct scan *s, const char *member)
{
	const struct chain_text none = {NULL, 0};

	return may(s, member) ? string(s) : none;
}

static inline int64_t maybe_time(struct scan *s, const char *member)
{
	return may(s, member) ? time_of(s) : -1;
}

static inline int64_t maybe_number(struct scan *s, const char *member)
{
	return may(s, member) ? (int64_t)number(s, INT64_MAX) : -1;
}

static void hex(struct scan *s, uint8_t *out, size_t n)
{
	if (s->bad || (size_t)(s->end - s->at) < 2 * n) {
		s->bad = 1;
		return;
	}
	if (!tg_hex_is_lower(s->at, 2 * n) || tg_hex_decode(s->at, 2 * n, out, n) != 0) {
		s->bad = 1;
		return;
	}
	s->at += 2 * n;
	must(s, "\"");
}

static struct chain_text more_members(struct scan *s)
{
	struct chain_text t = {NULL, 0};

	if (!may(s, CHAIN_M_MORE))
		return t;
	t.p = s->at;
	do {
		must(s, "\"");
		(void)string(s);
		must(s, ":\"");
		(void)string(s);
	} while (may(s, ","));
	t.n = (size_t)(s->at - t.p);
	must(s, "}");
	return t;
}

static void scan_record(struct scan *s, struct chain_record *r)
{
	r->id = maybe_string(s, CHAIN_M_ID);
	must(s, CHAIN_M_EVENT);
	r->event = string(s);
	r->tag = maybe_string(s, CHAIN_M_TAG);
	if (r->tag.p == NULL)
		r->tag = maybe_string(s, CHAIN_M_TAG_BEFORE);
	r->kind = maybe_string(s, CHAIN_M_KIND);
	r->dk = -1;
	if (may(s, CHAIN_M_DK)) {
		r->dk = may(s, "true");
		if (!r->dk)
			must(s, "false");
	}
	r->subject = maybe_string(s, CHAIN_M_SUBJECT);
	r->size_bytes = maybe_number(s, CHAIN_M_SIZE);
	r->deadline_ms = maybe_time(s, CHAIN_M_DEADLINE);
	r->lease_ms = maybe_time(s, CHAIN_M_LEASE);
	r->cause = maybe_string(s, CHAIN_M_CAUSE);
	r->late_us = maybe_number(s, CHAIN_M_LATE);
	r->outcome = maybe_string(s, CHAIN_M_OUTCOME);
	r->uploader = maybe_string(s, CHAIN_M_UPLOADER);
	r->to = maybe_string(s, CHAIN_M_TO);
	r->by = maybe_string(s, CHAIN_M_BY);
	r->session = maybe_string(s, CHAIN_M_SESSION);
	r->reason = maybe_string(s, CHAIN_M_REASON);
	r->first_ms = maybe_time(s, CHAIN_M_FIRST);
	r->last_ms = maybe_time(s, CHAIN_M_LAST);
	r->count = maybe_number(s, CHAIN_M_COUNT);
	r->more = more_members(s);
	must(s, CHAIN_M_PREV);
	hex(s, r->prev, CHAIN_HASH);
}

/* Two digits, the number of a shard; CHAIN_SHARDS when they are none. */
static unsigned shard_of(const char *s, size_t n)
{
	uint8_t shard;

	if (n != 2 || !tg_hex_is_lower(s, n) || tg_hex_decode(s, n, &shard, 1) != 0 ||
		shard >= CHAIN_SHARDS)
		return CHAIN_SHARDS;
	return shard;
}

static void positions(struct scan *s, struct chain_pos *pos)
{
	unsigned least = 0; /* shards stand in their order */
	int first = 1;

	memset(pos, 0, CHAIN_SHARDS * sizeof *pos);
	must(s, CHAIN_M_POSITIONS);
	while (!s->bad && s->at < s->end && *s->at != '}') {
		unsigned shard;

		if (!first)
			must(s, ",");
		must(s, "\"");
		shard = s->bad || s->end - s->at < 2 ? CHAIN_SHARDS : shard_of(s->at, 2);
		if (shard < least || shard == CHAIN_SHARDS) {
			s->bad = 1;
			return;
		}
		s->at += 2;
		must(s, "\":\"");
		pos[shard].ms = number(s, UINT64_MAX);
		must(s, "-");
		pos[shard].seq = number(s, UINT64_MAX);
		must(s, "\"");
		if (pos[shard].ms == 0 && pos[shard].seq == 0)
			s->bad = 1;
		least = shard + 1;
		first = 0;
	}
	must(s, "}");
}

/* Hexadecimal digits; none before the first store was seen. */
static void epoch_of(struct scan *s, char out[CHAIN_EPOCH + 1])
{
	const char *from = s->at;
	size_t n = 0;

	while (n < CHAIN_EPOCH && s->at < s->end && tg_hex_is_lower(s->at, 1)) {
		s->at++;
		n++;
	}
	if (n != 0 && n != CHAIN_EPOCH)
		s->bad = 1;
	memcpy(out, from, n);
	out[n] = '\0';
	must(s, "\"");
}

/* Checkpoints of older programs have none. */
static void scan_tree(struct scan *s, struct chain_check *c)
{
	c->origin = (struct chain_text){NULL, 0};
	if (!may(s, CHAIN_M_ORIGIN))
		return;
	c->origin = string(s);
	if (!chain_is_origin(c->origin))
		s->bad = 1;
	must(s, CHAIN_M_ROOT);
	hex(s, c->root, CHAIN_ROOT);
	must(s, CHAIN_M_NOTE);
	hex(s, c->note, CHAIN_SIG);
}

static void scan_check(struct scan *s, const char *line, struct chain_check *c)
{
	c->reason = string(s);
	must(s, CHAIN_M_EPOCH);
	epoch_of(s, c->epoch);
	positions(s, c->pos);
	must(s, CHAIN_M_PREV);
	hex(s, c->prev, CHAIN_HASH);
	scan_tree(s, c);
	must(s, CHAIN_M_KEY);
	hex(s, c->key, CHAIN_KEY);
	c->signed_len = (size_t)(s->at - line);
	must(s, CHAIN_M_SIG);
	hex(s, c->sig, CHAIN_SIG);
}

int chain_scan(const char *line, size_t n, struct chain_line *out)
{
	struct scan s = {line, line + n, n > CHAIN_LINE_MAX};
	uint64_t seq;
	int64_t time_ms;

	must(&s, CHAIN_M_N);
	seq = number(&s, UINT64_MAX);
	must(&s, CHAIN_M_TIME);
	time_ms = time_of(&s);
	out->is_check = may(&s, CHAIN_M_CHECK);
	if (out->is_check) {
		out->check.n = seq;
		out->check.time_ms = time_ms;
		scan_check(&s, line, &out->check);
	} else {
		out->record.n = seq;
		out->record.time_ms = time_ms;
		scan_record(&s, &out->record);
	}
	must(&s, "}");
	return s.bad || s.at != s.end || seq == 0 ? TG_EINVAL : 0;
}

int chain_next_member(struct chain_text *rest, struct chain_text *name, struct chain_text *value)
{
	struct scan s = {rest->p, rest->p, 0};

	if (rest->p == NULL)
		return 0;
	s.end += rest->n;
	(void)may(&s, ",");
	must(&s, "\"");
	*name = string(&s);
	must(&s, ":\"");
	*value = string(&s);
	if (s.bad)
		return 0;
	*rest = (struct chain_text){s.at, (size_t)(s.end - s.at)};
	return 1;
}

void chain_more_positions(const struct chain_record *r, struct chain_pos pos[CHAIN_SHARDS])
{
	struct chain_text rest = r->more, name, value;
	struct chain_pos p;

	while (chain_next_member(&rest, &name, &value)) {
		unsigned shard = shard_of(name.p, name.n);

		if (shard < CHAIN_SHARDS && chain_pos_parse(value.p, value.n, &p) == 0)
			pos[shard] = p;
	}
}

int chain_is_origin(struct chain_text t)
{
	if (t.n == 0 || t.n > CHAIN_ORIGIN_MAX)
		return 0;
	for (size_t i = 0; i < t.n; i++)
		if (t.p[i] <= ' ' || t.p[i] > '~' || strchr("\"\\+", t.p[i]) != NULL)
			return 0;
	return 1;
}

int chain_is_own_name(struct chain_text event)
{
	static const char *const names[] = {CHAIN_STORE_LOST, CHAIN_STORE_REPLACED,
		CHAIN_FALSE_GONE, CHAIN_STORE_REVERTED, CHAIN_TAKEN_OVER};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (chain_is(event, names[i]))
			return 1;
	return 0;
}

int chain_is_own(const struct chain_record *r, const char *event)
{
	return r->id.p == NULL && chain_is(r->event, event);
}

int chain_pos_parse(const char *text, size_t n, struct chain_pos *out)
{
	struct scan s = {text, text + n, n == 0};

	out->ms = number(&s, UINT64_MAX);
	must(&s, "-");
	out->seq = s.bad ? 0 : number(&s, UINT64_MAX);
	return s.bad || s.at != s.end ? TG_EINVAL : 0;
}

int chain_pos_cmp(const struct chain_pos *a, const struct chain_pos *b)
{
	if (a->ms != b->ms)
		return a->ms < b->ms ? -1 : 1;
	return a->seq == b->seq ? 0 : a->seq < b->seq ? -1 : 1;
}

int chain_id_parse(const char *s, size_t n, unsigned *shard, struct chain_pos *pos)
{
	if (n < 6 || s[2] != '-')
		return TG_EINVAL;
	*shard = shard_of(s, 2);
	if (*shard == CHAIN_SHARDS)
		return TG_EINVAL;
	return chain_pos_parse(s + 3, n - 3, pos);
}
