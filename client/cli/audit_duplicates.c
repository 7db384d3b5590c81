/*
 * audit_duplicates.c: remembers the last events of each outbox, over all chains. When a recorder
 * dies, only its last round can be in two chains (256 events of a shard at most), and what a
 * replica did not know yet. So it suffices to remember a few rounds. Runs in the timeglas command.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include "cli/audit_duplicates.h"
#include "lib/untrusted.h"

#define RING 1024u
#define CONTENT 16u

struct seen {
	struct chain_pos pos;
	unsigned epoch;
	uint32_t chain; /* number of the chain + 1; 0: a free place */
	uint8_t content[CONTENT];
	const char *file;
	uint64_t line;
};

struct audit_duplicates_ring {
	struct seen place[RING];
	size_t n; /* how many were ever put in */
};

/* Hashes what the event says: the line from behind its number to the hash of the line before. */
static void content_of(const char *line, size_t n, uint8_t out[CONTENT])
{
	static const char prev[] = ",\"prev\":\"";
	const char *from = memchr(line, ',', n),
		   *to = line + n - (sizeof prev - 1) - (size_t)2 * CHAIN_HASH - 2;

	crypto_generichash(out, CONTENT, (const unsigned char *)from, (size_t)(to - from), NULL, 0);
}

static struct seen *find_seen(struct audit_duplicates_ring *r, const struct audit_event *e)
{
	size_t have = r->n < RING ? r->n : RING;

	/* Backwards, to find the last one of an id that came twice. */
	for (size_t i = 0; i < have; i++) {
		struct seen *s = &r->place[(r->n - 1 - i) % RING];

		if (s->chain != 0 && s->epoch == e->epoch && chain_pos_cmp(&s->pos, &e->pos) == 0)
			return s;
	}
	return NULL;
}

/* Positions of an outbox grow, so an event behind the last one cannot have been met before. */
static bool may_be_old(const struct audit_duplicates_ring *r, const struct audit_event *e)
{
	const struct seen *last = &r->place[(r->n - 1) % RING];

	return r->n > 0 &&
		(last->chain == 0 || last->epoch != e->epoch ||
			chain_pos_cmp(&e->pos, &last->pos) <= 0);
}

static void list_duplicate(
	struct audit_duplicates *t, const struct audit_event *e, const struct seen *s)
{
	struct audit_duplicate *x;

	t->total++;
	if (t->list == NULL)
		t->list = calloc(AUDIT_DUPLICATES_LISTED, sizeof *t->list);
	if (t->list == NULL || t->n == AUDIT_DUPLICATES_LISTED)
		return;
	x = &t->list[t->n++];
	snprintf(x->event, sizeof x->event, "%.*s", (int)e->record->id.n, e->record->id.p);
	untrusted_copy(x->file, sizeof x->file, s->file);
	untrusted_copy(x->also, sizeof x->also, e->at->file);
	x->line = s->line;
	x->also_line = e->at->line;
}

bool audit_duplicates_check(struct audit_duplicates *t, struct findings *f,
	const struct audit_event *e, const char *line, size_t n, size_t chain)
{
	struct seen now = {.pos = e->pos,
		.epoch = e->epoch,
		.chain = (uint32_t)chain + 1,
		.file = e->at->file,
		.line = e->at->line};
	struct audit_duplicates_ring *r;
	struct seen *s;

	if (t->ring == NULL)
		t->ring = calloc(CHAIN_SHARDS, sizeof *t->ring);
	if (t->ring == NULL)
		return true;
	r = &t->ring[e->shard];
	content_of(line, n, now.content);
	s = may_be_old(r, e) ? find_seen(r, e) : NULL;
	/* An event that is twice in one chain is found by the chain's own checks. */
	if (s == NULL || s->chain == now.chain) {
		r->place[r->n++ % RING] = now;
		return true;
	}
	if (memcmp(s->content, now.content, CONTENT) == 0)
		list_duplicate(t, e, s);
	else
		findings_add(f, "twice", e->at,
			"event %.*s is recorded differently on line %" PRIu64 " of %s",
			(int)e->record->id.n, e->record->id.p, s->line, s->file);
	return false;
}

void audit_duplicates_revert(struct audit_duplicates *t, const struct audit_event *e)
{
	struct chain_pos from[CHAIN_SHARDS];

	memset(from, 0xff, sizeof from);
	chain_more_positions(e->record, from);
	for (unsigned i = 0; t->ring != NULL && i < CHAIN_SHARDS; i++)
		for (size_t k = 0; k < RING; k++) {
			struct seen *s = &t->ring[i].place[k];

			if (s->epoch == e->epoch && chain_pos_cmp(&s->pos, &from[i]) > 0)
				s->chain = 0;
		}
}

void audit_duplicates_free(struct audit_duplicates *t)
{
	free(t->list);
	free(t->ring);
	*t = (struct audit_duplicates){0};
}
