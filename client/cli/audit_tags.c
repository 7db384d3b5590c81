/*
 * audit_tags.c: a hash table with linear probing, at most half full. It knows nothing of a blob but
 * its tag. Runs in the timeglas command.
 */
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include "cli/audit_tags.h"
#include "core/hex.h"

#define FIRST_SLOTS 4096u

struct audit_tags_slot {
	size_t place; /* of the caller's array, plus 1; 0: the slot is free */
	uint8_t tag[AUDIT_TAGS_BYTES];
};

void audit_tags_read(struct chain_text text, uint8_t out[AUDIT_TAGS_BYTES])
{
	if (text.n == 2 * AUDIT_TAGS_BYTES &&
		tg_hex_decode(text.p, text.n, out, AUDIT_TAGS_BYTES) == 0)
		return;
	crypto_generichash(out, AUDIT_TAGS_BYTES,
		(const unsigned char *)(text.p != NULL ? text.p : ""), text.n, NULL, 0);
}

/* The slot in which a tag would be if no other tag had the same hash. */
static size_t home_of(const struct audit_tags *t, const uint8_t tag[AUDIT_TAGS_BYTES])
{
	uint8_t h[crypto_shorthash_BYTES];
	size_t n;

	_Static_assert(sizeof t->seed == crypto_shorthash_KEYBYTES, "a key of SipHash");
	crypto_shorthash(h, tag, AUDIT_TAGS_BYTES, t->seed);
	memcpy(&n, h, sizeof n);
	return n & (t->cap - 1);
}

static inline bool same(const uint8_t a[AUDIT_TAGS_BYTES], const uint8_t b[AUDIT_TAGS_BYTES])
{
	uint64_t x[2], y[2];

	_Static_assert(sizeof x == AUDIT_TAGS_BYTES, "a tag is two words");
	memcpy(x, a, sizeof x);
	memcpy(y, b, sizeof y);
	return x[0] == y[0] && x[1] == y[1];
}

/* The slot of this tag, or the free one where it would be. */
static size_t slot_of(const struct audit_tags *t, const uint8_t tag[AUDIT_TAGS_BYTES])
{
	size_t i = home_of(t, tag);

	while (t->slot[i].place != 0 && !same(t->slot[i].tag, tag))
		i = (i + 1) & (t->cap - 1);
	return i;
}

static bool double_slots(struct audit_tags *t)
{
	struct audit_tags old = *t;

	t->cap = old.cap > 0 ? old.cap * 2 : FIRST_SLOTS;
	if (old.cap == 0)
		randombytes_buf(t->seed, sizeof t->seed);
	t->slot = calloc(t->cap, sizeof *t->slot);
	if (t->slot == NULL) {
		*t = old;
		return false;
	}
	for (size_t i = 0; i < old.cap; i++)
		if (old.slot[i].place != 0)
			t->slot[slot_of(t, old.slot[i].tag)] = old.slot[i];
	free(old.slot);
	return true;
}

bool audit_tags_put(struct audit_tags *t, const uint8_t tag[AUDIT_TAGS_BYTES], size_t place)
{
	struct audit_tags_slot *s;

	if ((t->n + 1) * 2 > t->cap && !double_slots(t))
		return false;
	s = &t->slot[slot_of(t, tag)];
	t->n += s->place == 0;
	s->place = place + 1;
	memcpy(s->tag, tag, AUDIT_TAGS_BYTES);
	return true;
}

size_t audit_tags_find(const struct audit_tags *t, const uint8_t tag[AUDIT_TAGS_BYTES])
{
	size_t place = t->cap > 0 ? t->slot[slot_of(t, tag)].place : 0;

	return place != 0 ? place - 1 : AUDIT_TAGS_NONE;
}

void audit_tags_remove(struct audit_tags *t, const uint8_t tag[AUDIT_TAGS_BYTES])
{
	size_t mask = t->cap - 1, hole = t->cap > 0 ? slot_of(t, tag) : 0;

	if (t->cap == 0 || t->slot[hole].place == 0)
		return;
	/* A slot behind the hole moves into it, unless its home lies behind the hole, too. */
	for (size_t i = (hole + 1) & mask; t->slot[i].place != 0; i = (i + 1) & mask) {
		if (((i - home_of(t, t->slot[i].tag)) & mask) < ((i - hole) & mask))
			continue;
		t->slot[hole] = t->slot[i];
		hole = i;
	}
	t->slot[hole].place = 0;
	t->n--;
}

void audit_tags_clear(struct audit_tags *t)
{
	if (t->cap > 0)
		memset(t->slot, 0, t->cap * sizeof *t->slot);
	t->n = 0;
}

void audit_tags_free(struct audit_tags *t)
{
	free(t->slot);
	*t = (struct audit_tags){0};
}
