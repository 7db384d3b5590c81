/*
 * audit_subjects.c: subjects by the hash of their name. All of a subject is in one shard, so its
 * lines are in the order of what happened. Runs in the timeglas command.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "cli/audit_subjects.h"
#include "core/num.h"

static struct audit_subject *find(
	const struct audit_subjects *s, const uint8_t key[AUDIT_TAGS_BYTES])
{
	size_t place = audit_tags_find(&s->tags, key);

	return place != AUDIT_TAGS_NONE ? &s->list[place] : NULL;
}

static struct audit_subject *find_or_add(
	struct audit_subjects *s, const uint8_t key[AUDIT_TAGS_BYTES])
{
	struct audit_subject *x = find(s, key);

	if (x != NULL)
		return x;
	if (s->n == s->cap) {
		size_t cap = s->cap > 0 ? s->cap * 2 : 256;
		struct audit_subject *grown = realloc(s->list, cap * sizeof *grown);

		if (grown == NULL)
			return NULL;
		s->list = grown;
		s->cap = cap;
	}
	if (!audit_tags_put(&s->tags, key, s->n))
		return NULL;
	x = &s->list[s->n++];
	*x = (struct audit_subject){.frozen_until_ms = -1};
	memcpy(x->key, key, sizeof x->key);
	return x;
}

/* Forgets a subject of which nothing is held and nothing is frozen. The last one takes its place.
 */
static void drop(struct audit_subjects *s, struct audit_subject *x, int64_t now_ms)
{
	const struct audit_subject *last;

	if (x->blobs > 0 || x->frozen_until_ms > now_ms)
		return;
	last = &s->list[--s->n];
	audit_tags_remove(&s->tags, x->key);
	if (x == last)
		return;
	*x = *last;
	/* A slot was freed just now, so no memory is needed. */
	(void)audit_tags_put(&s->tags, x->key, (size_t)(x - s->list));
}

bool audit_subjects_stored(struct audit_subjects *s, const uint8_t key[AUDIT_TAGS_BYTES])
{
	struct audit_subject *x = find_or_add(s, key);

	if (x != NULL)
		x->blobs++;
	return x != NULL;
}

void audit_subjects_ended(struct audit_subjects *s, const uint8_t key[AUDIT_TAGS_BYTES])
{
	struct audit_subject *x = find(s, key);

	if (x == NULL || x->blobs == 0)
		return;
	x->blobs--;
	drop(s, x, 0); /* one that was frozen is forgotten with its next event */
}

void audit_subjects_read(const struct audit_subjects *s, struct findings *f,
	const struct audit_event *e, const uint8_t key[AUDIT_TAGS_BYTES])
{
	const struct audit_subject *x = find(s, key);

	if (x != NULL && e->record->time_ms < x->frozen_until_ms)
		findings_add(f, "frozen", e->at,
			"%.*s is said to have read this blob while its subject was frozen",
			(int)e->record->by.n, e->record->by.p != NULL ? e->record->by.p : "");
}

/* Events ------------------------------------------------------------------- */

static void count_end(
	struct audit_subjects *s, const struct audit_event *e, const uint8_t key[AUDIT_TAGS_BYTES])
{
	struct audit_subjects_run *run = &s->run[e->shard];

	if (run->at_ms != e->record->time_ms || memcmp(run->key, key, sizeof run->key) != 0) {
		*run = (struct audit_subjects_run){.at_ms = e->record->time_ms};
		memcpy(run->key, key, sizeof run->key);
	}
	run->n++;
}

/* How many blobs the record says that it ended. */
static uint64_t told(const struct chain_record *r)
{
	struct chain_text rest = r->more, name, value;
	uint64_t count = UINT64_MAX;

	while (chain_next_member(&rest, &name, &value))
		if (chain_is(name, "count") && tg_num_u64(value.p, value.n, INT64_MAX, &count) != 0)
			count = UINT64_MAX;
	return count;
}

/* Ends of the same millisecond that were asked for one by one may count, too. */
static void check_erased(struct audit_subjects *s, struct findings *f, const struct audit_event *e,
	const uint8_t key[AUDIT_TAGS_BYTES], bool whole)
{
	const struct audit_subjects_run *run = &s->run[e->shard];
	const struct audit_subject *x = find(s, key);
	const bool same =
		run->at_ms == e->record->time_ms && memcmp(run->key, key, sizeof run->key) == 0;
	const uint64_t ended = same ? run->n : 0, count = told(e->record);

	if (x != NULL && x->blobs > 0)
		findings_add(f, "subject", e->at,
			"all of this subject is said to be erased, and of %" PRIu32
			" of its blobs the end is not recorded",
			x->blobs);
	if (count == UINT64_MAX)
		findings_add(f, "subject", e->at,
			"all of a subject is said to be erased, and not how many blobs that were");
	else if (whole && count > ended)
		findings_add(f, "subject", e->at,
			"%" PRIu64 " blobs are said to be erased with this subject; the lines "
			"before tell of %" PRIu64,
			count, ended);
}

bool audit_subjects_event(
	struct audit_subjects *s, struct findings *f, const struct audit_event *e, bool whole)
{
	const struct chain_record *r = e->record;
	uint8_t key[AUDIT_TAGS_BYTES];
	struct audit_subject *x;

	if (r->subject.p == NULL || e->shard >= CHAIN_SHARDS)
		return true;
	audit_tags_read(r->subject, key);
	if (chain_is(r->event, "gone") && chain_is(r->cause, "erased"))
		count_end(s, e, key);
	else if (chain_is(r->event, "subject-erased"))
		check_erased(s, f, e, key, whole);
	else if (chain_is(r->event, "subject-frozen")) {
		if ((x = find_or_add(s, key)) == NULL)
			return false;
		x->frozen_until_ms = r->deadline_ms;
		drop(s, x, r->time_ms);
	} else if (chain_is(r->event, "subject-released") && (x = find(s, key)) != NULL) {
		x->frozen_until_ms = -1;
		drop(s, x, r->time_ms);
	}
	return true;
}

void audit_subjects_lost(struct audit_subjects *s)
{
	for (size_t i = s->n; i-- > 0;) {
		s->list[i].frozen_until_ms = -1;
		drop(s, &s->list[i], INT64_MAX);
	}
	memset(s->run, 0, sizeof s->run);
}

void audit_subjects_free(struct audit_subjects *s)
{
	free(s->list);
	audit_tags_free(&s->tags);
	*s = (struct audit_subjects){0};
}
