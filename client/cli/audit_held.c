/*
 * audit_held.c: follows blobs by their tags, and forgets those that ended before the moment when it
 * needs their room. Runs in the timeglas command.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/audit_held.h"
#include "cli/audit_words.h"
#include "cli/output.h"
#include "core/time.h"

#define TEXT 48
/* An end may be told to be false so many events later: far more than a round has. */
#define FALSE_MAX 65536u

struct audit_held_blob { /* a blob that was stored before the moment */
	uint8_t tag[AUDIT_TAGS_BYTES];
	char tag_text[TEXT], kind[TEXT], uploader[TEXT], cause[TEXT], outcome[TEXT];
	int dk;                                   /* -1: makes no difference for the kind */
	int64_t stored_ms, deadline_ms, ended_ms; /* ended_ms -1: its end is not recorded */
	uint64_t size;
	unsigned epoch, shard;
	struct chain_pos pos, end_pos; /* end_pos: of the event that ended it, */
	uint64_t end_event;            /* which was the so manieth */
	bool gone; /* it ended before the moment, so its place in the table may be reused */
};

static void copy_text(char out[TEXT], struct chain_text t)
{
	snprintf(out, TEXT, "%.*s", (int)(t.p != NULL ? (t.n < TEXT ? t.n : TEXT - 1) : 0),
		t.p != NULL ? t.p : "");
}

/* Moves to a larger array, without the blobs that are gone. */
static bool make_room(struct audit_held *s)
{
	size_t kept = 0, cap;
	struct audit_held_blob *grown;
	bool good = true;

	if (s->n < s->cap)
		return true;
	for (size_t i = 0; i < s->n; i++)
		if (!s->list[i].gone || s->events - s->list[i].end_event < FALSE_MAX)
			s->list[kept++] = s->list[i];
	s->n = kept;
	cap = s->cap == 0 ? 1024 : kept * 2 > s->cap ? s->cap * 2 : s->cap;
	grown = realloc(s->list, cap * sizeof *grown);
	if (grown == NULL)
		return false;
	s->list = grown;
	s->cap = cap;
	audit_tags_clear(&s->tags);
	for (size_t i = 0; i < s->n; i++)
		good = good && audit_tags_put(&s->tags, s->list[i].tag, i);
	return good;
}

static bool on_stored(struct audit_held *s, const struct audit_event *e)
{
	const struct chain_record *r = e->record;
	struct audit_held_blob h = {.dk = chain_is(r->kind, "passport") ? r->dk : -1,
		.stored_ms = r->time_ms,
		.deadline_ms = r->deadline_ms,
		.ended_ms = -1,
		.size = r->size_bytes > 0 ? (uint64_t)r->size_bytes : 0,
		.epoch = e->epoch,
		.shard = e->shard,
		.pos = e->pos};

	if (!make_room(s))
		return false;
	audit_tags_read(r->tag, h.tag);
	copy_text(h.tag_text, r->tag);
	copy_text(h.kind, r->kind);
	copy_text(h.uploader, r->uploader);
	s->list[s->n] = h;
	return audit_tags_put(&s->tags, h.tag, s->n++);
}

static void end(const struct audit_held *s, struct audit_held_blob *h, const struct audit_event *e,
	struct chain_text cause)
{
	if (h->ended_ms >= 0)
		return;
	h->gone = e->record->time_ms <= s->at_ms;
	h->ended_ms = e->record->time_ms;
	h->end_pos = e->pos;
	h->end_event = s->events;
	copy_text(h->cause, cause);
	copy_text(h->outcome, e->record->outcome);
}

/* The end that the record names is none: somebody forged it in the store. */
static void on_false(struct audit_held_blob *h, const struct chain_record *r)
{
	struct chain_text rest = r->more, name, value;
	struct chain_pos pos;
	unsigned shard;

	while (chain_next_member(&rest, &name, &value))
		if (chain_is(name, "of") && chain_id_parse(value.p, value.n, &shard, &pos) == 0 &&
			shard == h->shard && chain_pos_cmp(&pos, &h->end_pos) == 0) {
			h->gone = false;
			h->ended_ms = -1;
			h->cause[0] = h->outcome[0] = '\0';
		}
}

static void forget(struct audit_held *s, const struct audit_event *e)
{
	const struct audit_event_loss loss = audit_event_loss(e);

	for (size_t i = 0; i < s->n; i++) {
		struct audit_held_blob *h = &s->list[i];

		if (audit_event_forgotten(&loss, h->epoch, h->shard, &h->pos))
			end(s, h, e, e->record->event);
	}
	s->reverted |= !loss.all && e->record->time_ms <= s->at_ms;
}

bool audit_held_event(struct audit_held *s, const struct audit_event *e)
{
	const struct chain_record *r = e->record;
	uint8_t tag[AUDIT_TAGS_BYTES];
	size_t place;

	s->events++;
	if (chain_is_own(r, CHAIN_STORE_LOST) || chain_is_own(r, CHAIN_STORE_REVERTED))
		forget(s, e);
	if (chain_is(r->event, "stored") && r->time_ms <= s->at_ms)
		return on_stored(s, e);
	if (!chain_is(r->event, "gone") && !chain_is_own(r, CHAIN_FALSE_GONE))
		return true;
	audit_tags_read(r->tag, tag);
	place = audit_tags_find(&s->tags, tag);
	if (place != AUDIT_TAGS_NONE && chain_is(r->event, "gone"))
		end(s, &s->list[place], e, r->cause);
	else if (place != AUDIT_TAGS_NONE)
		on_false(&s->list[place], r);
	return true;
}

/* Rows --------------------------------------------------------------------- */

static int by_time(const void *x, const void *y)
{
	const struct audit_held_blob *a = x, *b = y;

	if (a->stored_ms != b->stored_ms)
		return a->stored_ms < b->stored_ms ? -1 : 1;
	return memcmp(a->tag, b->tag, sizeof a->tag);
}

/* Leaves those that were held, in the order of time. The table of tags is of no use any more. */
void audit_held_finish(struct audit_held *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++)
		if (!s->list[i].gone)
			s->list[kept++] = s->list[i];
	s->n = kept;
	if (kept > 0)
		qsort(s->list, kept, sizeof s->list[0], by_time);
}

void audit_held_print(const struct audit_held *s)
{
	char stored[TG_TIME_LEN + 1], deadline[TG_TIME_LEN + 1], ended[TG_TIME_LEN + 1];

	if (s->n > 0)
		printf("%-24s  %-32s %-10s %-7s %-24s  %10s  %-24s  %s\n", "stored", "tag", "kind",
			"issuer", "deadline", "size", "ended", "how");
	for (size_t i = 0; i < s->n; i++) {
		const struct audit_held_blob *h = &s->list[i];

		strcpy(ended, "-");
		if (h->ended_ms >= 0)
			tg_time_format(h->ended_ms, ended);
		printf("%s  %-32s %-10s %-7s %s  %10" PRIu64 "  %-24s  %s%s%s\n",
			tg_time_format(h->stored_ms, stored), h->tag_text, h->kind,
			audit_words_issuer(h->dk), tg_time_format(h->deadline_ms, deadline),
			h->size, ended, h->cause, h->outcome[0] != '\0' ? ", " : "", h->outcome);
	}
}

static json_t *or_null(const char *text)
{
	return text[0] != '\0' ? json_string(text) : json_null();
}

json_t *audit_held_json(const struct audit_held *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n; i++) {
		const struct audit_held_blob *h = &s->list[i];

		output_append(list,
			json_pack("{s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "tag",
				or_null(h->tag_text), "kind", or_null(h->kind), "dk",
				h->dk < 0 ? json_null() : json_boolean(h->dk), "size",
				(json_int_t)h->size, "uploader", or_null(h->uploader), "stored_at",
				output_time(h->stored_ms), "deadline", output_time(h->deadline_ms),
				"ended_at", output_time(h->ended_ms), "cause", or_null(h->cause),
				"outcome", or_null(h->outcome)));
	}
	return list;
}

void audit_held_free(struct audit_held *s)
{
	free(s->list);
	audit_tags_free(&s->tags);
}
