/* entry.c: see entry.h. It reads no store and writes no file. */
#include <inttypes.h>
#include <stddef.h>
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

/* How a field's value becomes a member of the record. */
enum form {
	EVENT, /* its name */
	TEXT,
	NUMBER,
	TIME,
	DESCRIPTION,
	ADDRESSEES,
	AT /* the record's time */
};

/* A name's characters as one number, its length in front: a name is looked up for each field of
 * each event. */
#define NAME1(a) (UINT64_C(1) << 32 | (a))
#define NAME2(a, b) (UINT64_C(2) << 32 | (a) << 8 | (b))
#define NAME4(a, b, c, d) (UINT64_C(4) << 32 | (a) << 24 | (b) << 16 | (c) << 8 | (d))

static const struct field {
	uint64_t name;
	enum form form;
	size_t at; /* of the member in the record */
} fields[] = {
#define IN(member) offsetof(struct chain_record, member)
	{NAME1('e'), EVENT, IN(event)},
	{NAME1('d'), DESCRIPTION, 0},
	{NAME1('u'), TEXT, IN(uploader)},
	{NAME2('t', 'o'), ADDRESSEES, IN(to)},
	{NAME1('s'), TEXT, IN(session)},
	{NAME1('z'), NUMBER, IN(size_bytes)},
	{NAME2('d', 'l'), TIME, IN(deadline_ms)},
	{NAME2('a', 't'), AT, 0},
	{NAME1('c'), TEXT, IN(cause)},
	{NAME1('o'), TEXT, IN(outcome)},
	{NAME1('w'), TEXT, IN(by)},
	{NAME4('l', 'a', 't', 'e'), NUMBER, IN(late_us)},
	{NAME2('l', 'd'), TIME, IN(lease_ms)},
	{NAME2('s', 'j'), TEXT, IN(subject)},
	/* of refused reads */
	{NAME1('t'), TEXT, IN(tag)},
	{NAME1('r'), TEXT, IN(reason)},
	{NAME2('f', 'i'), TIME, IN(first_ms)},
	{NAME2('l', 'a'), TIME, IN(last_ms)},
	{NAME1('k'), NUMBER, IN(count)},
#undef IN
};

/* Returns NULL for a name that is not known. */
static const struct field *find(struct chain_text name)
{
	uint64_t packed = (uint64_t)name.n << 32;

	for (size_t i = 0; i < name.n && i < 4; i++)
		packed |= (uint64_t)(unsigned char)name.p[i] << 8 * ((name.n - 1 - i) & 3);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (fields[i].name == packed)
			return &fields[i];
	return NULL;
}

/* Puts a field into its member of the record. Returns false when it belongs into "more". */
static bool place(struct chain_record *r, const struct field *f, struct chain_text v, int64_t *at)
{
	void *const member = (char *)r + f->at;

	switch (f->form) {
	case EVENT:
	case TEXT:
		return text(v, member);
	case NUMBER:
		return number(v, INT64_MAX, member);
	case TIME:
		return number(v, TIME_MAX_MS, member);
	case DESCRIPTION:
		return description(v, r);
	case ADDRESSEES:
		return addressees(v, member);
	case AT:
		break;
	}
	return number(v, TIME_MAX_MS, at);
}

static void begin(struct entry *x, const struct outbox_event *e)
{
	x->blob = (struct chain_text){NULL, 0};
	x->forged = false;
	x->record = (struct chain_record){
		.id = {x->id, chain_id_text(e->shard, &e->pos, x->id)}, CHAIN_NO_NUMBERS};
	/* the time at which the store took the event in, unless a field "at" follows */
	x->record.time_ms = e->pos.ms <= TIME_MAX_MS ? (int64_t)e->pos.ms : 0;
}

void entry_fill(struct entry *x, const struct outbox_event *e)
{
	struct chain_buf more = {.p = x->more, .cap = sizeof x->more};
	struct chain_text name, value;
	const struct field *f;
	bool forged;
	int64_t at = -1;
	size_t i;

	begin(x, e);
	for (i = 0; i < e->n; i++) {
		outbox_field(e, i, &name, &value);
		if (name.n == 1 && name.p[0] == 'b') {
			x->blob = value;
			continue;
		}
		f = find(name);
		/* what only the recorder says, nobody else may */
		forged = f != NULL && f->form == EVENT && chain_is_own_name(value);
		x->forged |= forged;
		if (f == NULL || forged || (value.n > 0 && !place(&x->record, f, value, &at)))
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
