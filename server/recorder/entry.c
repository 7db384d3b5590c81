/* entry.c: see entry.h. It reads no store and writes no file. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sodium.h>

#include "core/hex.h"
#include "core/num.h"
#include "recorder/entry.h"

#define TIME_MAX_MS UINT64_C(253402300799999) /* the end of the year 9999 */

/* Reads digits without leading zeros. Returns false for anything else, and, as the functions that
 * follow do, when *out has its value already. */
static bool number(struct chain_text t, uint64_t max, int64_t *out)
{
	uint64_t v;

	if (*out >= 0 || tg_num_u64(t.p, t.n, max, &v) != 0 || (t.n > 1 && t.p[0] == '0'))
		return false;
	*out = (int64_t)v;
	return true;
}

static bool text(struct chain_text t, struct chain_text *out)
{
	if (out->p != NULL)
		return false;
	*out = t;
	return true;
}

/* "<tag|-> <kind> <1|0>"; a blank and the subject's hash may follow. */
static bool description(struct chain_text t, struct chain_record *r)
{
	const char *end = t.p + t.n, *a = memchr(t.p, ' ', t.n),
		   *b = a != NULL ? memchr(a + 1, ' ', (size_t)(end - a - 1)) : NULL;

	const char *subject = b != NULL && end - b > 3 && b[2] == ' ' ? b + 3 : NULL;

	if (b == NULL || r->dk >= 0 ||
		(end - b != 2 && (subject == NULL || r->subject.p != NULL)) ||
		(b[1] != '0' && b[1] != '1') || a == t.p || b == a + 1)
		return false;
	if (a - t.p != 1 || t.p[0] != '-')
		r->tag = (struct chain_text){t.p, (size_t)(a - t.p)};
	r->kind = (struct chain_text){a + 1, (size_t)(b - a - 1)};
	r->dk = b[1] == '1';
	if (subject != NULL)
		r->subject = (struct chain_text){subject, (size_t)(end - subject)};
	return true;
}

/* The store keeps a blank before and behind each name; a record has them between names only. */
static bool addressees(struct chain_text t, struct chain_text *out)
{
	if (t.n < 3 || t.p[0] != ' ' || t.p[t.n - 1] != ' ')
		return false;
	return text((struct chain_text){t.p + 1, t.n - 2}, out);
}

/* The fields that only refused reads have. */
static bool place_attempt(struct chain_record *r, struct chain_text name, struct chain_text v)
{
	if (chain_is(name, "t"))
		return v.n > 0 && text(v, &r->tag);
	if (chain_is(name, "r"))
		return text(v, &r->reason);
	if (chain_is(name, "fi"))
		return number(v, TIME_MAX_MS, &r->first_ms);
	if (chain_is(name, "la"))
		return number(v, TIME_MAX_MS, &r->last_ms);
	return chain_is(name, "k") && number(v, INT64_MAX, &r->count);
}

/* Puts a field into its member of the record. Returns false when it belongs into "more". */
static bool place(struct chain_record *r, struct chain_text name, struct chain_text v, int64_t *at)
{
	if (chain_is(name, "e")) /* what only the recorder says, nobody else may */
		return v.n > 0 && !chain_is_own_name(v) && text(v, &r->event);
	if (chain_is(name, "d"))
		return description(v, r);
	if (chain_is(name, "at"))
		return number(v, TIME_MAX_MS, at);
	if (chain_is(name, "z"))
		return number(v, INT64_MAX, &r->size_bytes);
	if (chain_is(name, "dl"))
		return number(v, TIME_MAX_MS, &r->deadline_ms);
	if (chain_is(name, "ld"))
		return number(v, TIME_MAX_MS, &r->lease_ms);
	if (chain_is(name, "late"))
		return number(v, INT64_MAX, &r->late_us);
	if (chain_is(name, "to"))
		return addressees(v, &r->to);
	if (chain_is(name, "c"))
		return text(v, &r->cause);
	if (chain_is(name, "o"))
		return text(v, &r->outcome);
	if (chain_is(name, "u"))
		return text(v, &r->uploader);
	if (chain_is(name, "w"))
		return text(v, &r->by);
	if (chain_is(name, "sj"))
		return v.n > 0 && text(v, &r->subject);
	if (chain_is(name, "s"))
		return text(v, &r->session);
	return place_attempt(r, name, v);
}

static bool is_known(struct chain_text name)
{
	static const char *const names[] = {"e", "d", "at", "z", "dl", "ld", "late", "to", "c", "o",
		"u", "w", "s", "sj", "t", "r", "fi", "la", "k"};
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (chain_is(name, names[i]))
			return true;
	return false;
}

static void begin(struct entry *x, const struct outbox_event *e)
{
	int n = snprintf(
		x->id, sizeof x->id, "%02x-%" PRIu64 "-%" PRIu64, e->shard, e->pos.ms, e->pos.seq);

	x->blob = (struct chain_text){NULL, 0};
	x->forged = false;
	x->record = (struct chain_record){.id = {x->id, (size_t)n}, CHAIN_NO_NUMBERS};
	/* the time at which the store took the event in, unless a field "at" follows */
	x->record.time_ms = e->pos.ms <= TIME_MAX_MS ? (int64_t)e->pos.ms : 0;
}

void entry_fill(struct entry *x, const struct outbox_event *e)
{
	struct chain_buf more = {.p = x->more, .cap = sizeof x->more};
	struct chain_text name, value;
	int64_t at = -1;
	size_t i;

	begin(x, e);
	for (i = 0; i < e->n; i++) {
		outbox_field(e, i, &name, &value);
		if (chain_is(name, "b")) {
			x->blob = value;
			continue;
		}
		x->forged |= chain_is(name, "e") && chain_is_own_name(value);
		if ((value.n > 0 || !is_known(name)) && !place(&x->record, name, value, &at))
			chain_put_member(&more, name, value);
	}
	if (at >= 0)
		x->record.time_ms = at;
	if (x->record.event.p == NULL)
		x->record.event = (struct chain_text){"?", 1};
	if (more.n > 0)
		x->record.more = (struct chain_text){x->more, more.n};
	if (more.full)
		entry_unreadable(x, e);
}

void entry_unreadable(struct entry *x, const struct outbox_event *e)
{
	struct chain_buf more = {.p = x->more, .cap = sizeof x->more};
	uint8_t hash[CHAIN_HASH];
	char hex[2 * CHAIN_HASH + 1], bytes[24];
	crypto_generichash_state h;
	struct chain_text part[2];
	uint64_t total = 0;
	size_t i, k;

	crypto_generichash_init(&h, NULL, 0, sizeof hash);
	for (i = 0; i < e->n; i++) {
		outbox_field(e, i, &part[0], &part[1]);
		for (k = 0; k < 2; k++) {
			crypto_generichash_update(&h, (const unsigned char *)part[k].p, part[k].n);
			/* a NUL behind each */
			crypto_generichash_update(&h, (const unsigned char *)"", 1);
			total += part[k].n;
		}
	}
	crypto_generichash_final(&h, hash, sizeof hash);
	snprintf(bytes, sizeof bytes, "%" PRIu64, total);
	tg_hex_encode(hash, sizeof hash, hex);
	begin(x, e);
	x->record.event = (struct chain_text){"unreadable", 10};
	chain_put_member(
		&more, (struct chain_text){"bytes", 5}, (struct chain_text){bytes, strlen(bytes)});
	chain_put_member(
		&more, (struct chain_text){"blake2b", 7}, (struct chain_text){hex, strlen(hex)});
	x->record.more = (struct chain_text){x->more, more.n};
}
