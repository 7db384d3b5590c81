/*
 * audit_events.c: the lines of one outbox are in the order of time, those of several are not, so
 * all are sorted by their times, and those of one millisecond as they stand. Runs in the timeglas
 * command.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/audit_events.h"
#include "cli/audit_words.h"
#include "cli/output.h"
#include "core/num.h"
#include "core/time.h"

#define TEXT 48
#define TO_CHARS 640 /* as many as the store takes */

struct audit_events_row {
	int64_t time_ms, size_bytes, deadline_ms, lease_ms, late_us, first_ms, last_ms, count;
	size_t order;
	int dk; /* -1: makes no difference for the kind */
	char event[TEXT], tag[TEXT], kind[TEXT], cause[TEXT], outcome[TEXT], uploader[TEXT],
		by[TEXT], session[TEXT], reason[TEXT], blobs[TEXT], method[TEXT], to[TO_CHARS];
	char file[256];
	uint64_t line;
};

static void copy(char *out, size_t cap, struct chain_text t)
{
	snprintf(out, cap, "%.*s", (int)(t.p != NULL ? (t.n < cap ? t.n : cap - 1) : 0),
		t.p != NULL ? t.p : "");
}

/* A member of what has no place of its own; "" without it. */
static void copy_more(char *out, size_t cap, const struct chain_record *r, const char *name)
{
	struct chain_text rest = r->more, key, value;

	out[0] = '\0';
	while (chain_next_member(&rest, &key, &value))
		if (chain_is(key, name))
			copy(out, cap, value);
}

static bool make_room(struct audit_events *a)
{
	size_t cap = a->cap > 0 ? a->cap * 2 : 64;
	struct audit_events_row *grown;

	if (a->n < a->cap)
		return true;
	grown = realloc(a->row, cap * sizeof *grown);
	if (grown == NULL)
		return false;
	a->row = grown;
	a->cap = cap;
	return true;
}

bool audit_events_add(struct audit_events *a, const struct audit_event *e)
{
	const struct chain_record *r = e->record;
	struct audit_events_row *w;

	if (!make_room(a))
		return false;
	w = &a->row[a->n];
	*w = (struct audit_events_row){.time_ms = r->time_ms,
		.order = a->n++,
		.size_bytes = r->size_bytes,
		.deadline_ms = r->deadline_ms,
		.lease_ms = r->lease_ms,
		.late_us = r->late_us,
		.first_ms = r->first_ms,
		.last_ms = r->last_ms,
		.count = r->count,
		.dk = chain_is(r->kind, "passport") ? r->dk : -1,
		.line = e->at->line};
	copy(w->event, TEXT, r->event);
	copy(w->tag, TEXT, r->tag);
	copy(w->kind, TEXT, r->kind);
	copy(w->cause, TEXT, r->cause);
	copy(w->outcome, TEXT, r->outcome);
	copy(w->uploader, TEXT, r->uploader);
	copy(w->by, TEXT, r->by);
	copy(w->session, TEXT, r->session);
	copy(w->reason, TEXT, r->reason);
	copy(w->to, TO_CHARS, r->to);
	if (chain_is(r->event, "subject-erased")) {
		copy_more(w->blobs, TEXT, r, "count");
		copy_more(w->method, TEXT, r, "method");
	}
	snprintf(w->file, sizeof w->file, "%s", e->at->file);
	return true;
}

static int by_time(const void *x, const void *y)
{
	const struct audit_events_row *a = x, *b = y;

	if (a->time_ms != b->time_ms)
		return a->time_ms < b->time_ms ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static void sort(struct audit_events *a)
{
	if (a->n > 0)
		qsort(a->row, a->n, sizeof a->row[0], by_time);
}

/* Why attempts were refused, how many, and when. */
static void attempts(const struct audit_events_row *w, char *out, size_t cap)
{
	const int64_t last_ms = w->last_ms >= 0 ? w->last_ms : w->time_ms;
	char a[TG_TIME_LEN + 1], b[TG_TIME_LEN + 1];

	if (w->count <= 1)
		snprintf(out, cap, "%s, once, at %s", w->reason, tg_time_format(last_ms, a));
	else
		snprintf(out, cap, "%s, %" PRId64 " times, from %s to %s", w->reason, w->count,
			tg_time_format(w->first_ms >= 0 ? w->first_ms : last_ms, a),
			tg_time_format(last_ms, b));
}

/* What there is to say of it that has no column. */
static void details(const struct audit_events_row *w, char *out, size_t cap)
{
	char a[TG_TIME_LEN + 1], late[AUDIT_WORDS_DURATION];

	out[0] = '\0';
	if (w->reason[0] != '\0')
		attempts(w, out, cap);
	else if (w->blobs[0] != '\0')
		snprintf(out, cap, "%s blob%s ended, method %s", w->blobs,
			strcmp(w->blobs, "1") == 0 ? "" : "s", w->method);
	else if (w->cause[0] != '\0')
		snprintf(out, cap, "%s%s%s%s%s%s", w->cause, w->outcome[0] != '\0' ? ", " : "",
			w->outcome, w->late_us >= 0 ? ", " : "",
			w->late_us >= 0 ? audit_words_duration(w->late_us, late) : "",
			w->late_us >= 0 ? " after its deadline" : "");
	else if (w->lease_ms >= 0)
		snprintf(out, cap, "until %s", tg_time_format(w->lease_ms, a));
	else if (w->deadline_ms >= 0)
		snprintf(out, cap, "deadline %s%s%s", tg_time_format(w->deadline_ms, a),
			w->to[0] != '\0' ? ", for " : "", w->to);
}

void audit_events_print(struct audit_events *a)
{
	char time[TG_TIME_LEN + 1], more[TO_CHARS + 128], size[24];

	sort(a);
	if (a->n > 0)
		printf("%-24s  %-12s %-32s %-10s %-7s %10s  %-16s %s\n", "time", "event", "blob",
			"kind", "issuer", "size", "by", "more");
	for (size_t i = 0; i < a->n; i++) {
		const struct audit_events_row *w = &a->row[i];

		details(w, more, sizeof more);
		snprintf(size, sizeof size, w->size_bytes >= 0 ? "%" PRId64 : "-", w->size_bytes);
		printf("%s  %-12s %-32s %-10s %-7s %10s  %-16s %s\n",
			tg_time_format(w->time_ms, time), w->event, w->tag, w->kind,
			audit_words_issuer(w->dk), size,
			w->by[0] != '\0' || strcmp(w->event, "gone") == 0 ? w->by : w->uploader,
			more);
	}
}

static json_t *or_null(const char *text)
{
	return text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *number(int64_t n)
{
	return n >= 0 ? json_integer(n) : json_null();
}

static json_t *row_json(const struct audit_events_row *w)
{
	json_t *o = json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
			      "s:I}",
		"time", output_time(w->time_ms), "event", w->event, "tag", or_null(w->tag), "kind",
		or_null(w->kind), "dk", w->dk < 0 ? json_null() : json_boolean(w->dk), "size",
		number(w->size_bytes), "deadline", output_time(w->deadline_ms), "cause",
		or_null(w->cause), "outcome", or_null(w->outcome), "uploader", or_null(w->uploader),
		"to", or_null(w->to), "by", or_null(w->by), "file", output_foreign(w->file), "line",
		(json_int_t)w->line);

	if (o == NULL)
		return NULL;
	if (w->late_us >= 0)
		json_object_set_new(o, "late_us", json_integer(w->late_us));
	if (w->lease_ms >= 0)
		json_object_set_new(o, "lease", output_time(w->lease_ms));
	if (w->session[0] != '\0')
		json_object_set_new(o, "session", json_string(w->session));
	if (w->blobs[0] != '\0') {
		uint64_t blobs = 0;

		(void)tg_num_u64(w->blobs, strlen(w->blobs), INT64_MAX, &blobs);
		json_object_set_new(o, "blobs", json_integer((json_int_t)blobs));
		json_object_set_new(o, "method", or_null(w->method));
	}
	if (w->reason[0] != '\0') {
		json_object_set_new(o, "reason", json_string(w->reason));
		json_object_set_new(o, "first", output_time(w->first_ms));
		json_object_set_new(o, "last", output_time(w->last_ms));
		json_object_set_new(o, "count", number(w->count));
	}
	return o;
}

json_t *audit_events_json(struct audit_events *a)
{
	json_t *list = json_array();

	sort(a);
	for (size_t i = 0; i < a->n; i++)
		output_append(list, row_json(&a->row[i]));
	return list;
}

void audit_events_free(struct audit_events *a)
{
	free(a->row);
}
