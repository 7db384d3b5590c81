/* audit_sessions.c: sessions by the hash of their id. Runs in the timeglas command. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <timeglas/retention.h>
#include "cli/audit_sessions.h"

static bool make_room(struct audit_sessions *s)
{
	size_t cap = s->cap > 0 ? s->cap * 2 : 256;
	struct audit_session *list = realloc(s->list, cap * sizeof *list);
	size_t *spare;

	if (list == NULL)
		return false;
	s->list = list;
	spare = realloc(s->spare, cap * sizeof *spare);
	if (spare == NULL)
		return false;
	s->spare = spare;
	s->cap = cap;
	return true;
}

/* The session with this hash; a new one, of which nothing is known, if there is none. */
static size_t place_of(struct audit_sessions *s, struct chain_text hash)
{
	struct audit_session x = {.deadline_ms = -1, .ended_ms = -1, .used = true};
	size_t place;

	audit_tags_read(hash, x.key);
	place = audit_tags_find(&s->tags, x.key);
	if (place != AUDIT_TAGS_NONE)
		return place;
	if (s->n_spare == 0 && s->n == s->cap && !make_room(s))
		return AUDIT_TAGS_NONE;
	place = s->n_spare > 0 ? s->spare[s->n_spare - 1] : s->n;
	if (!audit_tags_put(&s->tags, x.key, place))
		return AUDIT_TAGS_NONE;
	if (s->n_spare > 0)
		s->n_spare--;
	else
		s->n++;
	s->list[place] = x;
	return place;
}

static void drop(struct audit_sessions *s, size_t place)
{
	audit_tags_remove(&s->tags, s->list[place].key);
	s->list[place].used = false;
	s->spare[s->n_spare++] = place;
}

static void on_open(struct audit_session *x, struct findings *f, const struct audit_event *e)
{
	const struct chain_record *r = e->record;

	x->deadline_ms = r->deadline_ms;
	x->ended_ms = -1;
	if (r->deadline_ms < 0)
		findings_add(f, "limit", e->at, "a session was opened without an end");
	else if (r->deadline_ms - r->time_ms > (int64_t)TG_SESSION_MAX_S * 1000)
		findings_add(f, "limit", e->at,
			"a session was given more than the %u s that one may last",
			(unsigned)TG_SESSION_MAX_S);
}

static void on_end(struct audit_session *x, struct findings *f, const struct audit_event *e)
{
	const struct chain_record *r = e->record;

	if (x->deadline_ms >= 0 && r->deadline_ms != x->deadline_ms)
		findings_add(f, "mismatch", e->at,
			"a session's end tells of another deadline than its opening");
	if (chain_is(r->cause, "session-expired") && r->time_ms < r->deadline_ms)
		findings_add(f, "early", e->at,
			"a session is said to have ended because its time was over, %" PRId64
			" ms before it was",
			r->deadline_ms - r->time_ms);
	x->deadline_ms = r->deadline_ms;
	x->ended_ms = r->time_ms;
}

bool audit_sessions_event(struct audit_sessions *s, struct findings *f, const struct audit_event *e)
{
	size_t place = place_of(s, e->record->session);

	if (place == AUDIT_TAGS_NONE)
		return false;
	if (chain_is(e->record->event, "session-open")) {
		s->opened++;
		on_open(&s->list[place], f, e);
		return true;
	}
	s->ended++;
	on_end(&s->list[place], f, e);
	if (s->list[place].blobs == 0)
		drop(s, place);
	return true;
}

size_t audit_sessions_bind(struct audit_sessions *s, struct chain_text hash)
{
	size_t place = place_of(s, hash);

	if (place != AUDIT_TAGS_NONE)
		s->list[place].blobs++;
	return place;
}

void audit_sessions_unbind(struct audit_sessions *s, size_t place)
{
	struct audit_session *x = &s->list[place];

	if (--x->blobs == 0 && (x->ended_ms >= 0 || x->deadline_ms < 0))
		drop(s, place);
}

void audit_sessions_lost(struct audit_sessions *s)
{
	audit_tags_clear(&s->tags);
	s->n = s->n_spare = 0;
}

void audit_sessions_free(struct audit_sessions *s)
{
	audit_tags_free(&s->tags);
	free(s->list);
	free(s->spare);
	*s = (struct audit_sessions){0};
}
