/* audit_attempts.c: rows in the order in which they were met. Runs in the timeglas command. */
#include <stdio.h>
#include <string.h>
#include "cli/audit_attempts.h"
#include "cli/audit_clock.h"
#include "cli/audit_tally.h"
#include "core/refused.h"

static void copy(char out[AUDIT_ATTEMPTS_NAME], struct chain_text t)
{
	snprintf(out, AUDIT_ATTEMPTS_NAME, "%.*s",
		(int)(t.n < AUDIT_ATTEMPTS_NAME ? t.n : AUDIT_ATTEMPTS_NAME - 1),
		t.p != NULL ? t.p : "?");
}

static struct audit_attempts_row *row_of(struct audit_attempts *a, const struct chain_record *r)
{
	struct audit_attempts_row *w, x = {.first_ms = -1};

	copy(x.by, r->by);
	copy(x.reason, r->reason);
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->row[i].by, x.by) == 0 && strcmp(a->row[i].reason, x.reason) == 0)
			return &a->row[i];
	if (a->n == AUDIT_ATTEMPTS_ROWS)
		return &a->row[a->n - 1];
	w = &a->row[a->n++];
	*w = x;
	if (a->n == AUDIT_ATTEMPTS_ROWS) {
		strcpy(w->by, "(others)");
		strcpy(w->reason, "(others)");
	}
	return w;
}

void audit_attempts_event(struct audit_attempts *a, struct findings *f, const struct audit_event *e)
{
	const struct chain_record *r = e->record;
	int64_t first_ms = r->first_ms >= 0 ? r->first_ms : r->time_ms,
		last_ms = r->last_ms >= 0 ? r->last_ms : r->time_ms;
	uint64_t count = r->count > 0 ? (uint64_t)r->count : 1;
	struct audit_attempts_row *w;

	if (!chain_is(r->event, CHAIN_REFUSED))
		return;
	if (first_ms > last_ms)
		findings_add(f, "time", e->at, "the last of these attempts was before the first");
	if (last_ms - r->time_ms > AUDIT_CLOCK_BACK_MS)
		findings_add(f, "time", e->at, "these attempts are told before they were made");
	w = row_of(a, r);
	w->count = audit_tally_sum(w->count, count);
	w->last = *e->at;
	a->total = audit_tally_sum(a->total, count);
	if (w->first_ms < 0 || first_ms < w->first_ms)
		w->first_ms = first_ms;
	if (last_ms > w->last_ms)
		w->last_ms = last_ms;
}

bool audit_attempts_seen_before(const struct audit_attempts *a, size_t row)
{
	for (size_t i = 0; i < row; i++)
		if (strcmp(a->row[i].by, a->row[row].by) == 0)
			return true;
	return false;
}

size_t audit_attempts_peers(const struct audit_attempts *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++)
		n += !audit_attempts_seen_before(a, i);
	return n;
}

const char *audit_attempts_meaning(const char *reason)
{
#define X_(arg, id, text, what) {text, what},
	static const struct {
		const char *name, *meaning;
	} table[] = {REFUSED_REASONS(X_, )};
#undef X_

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strcmp(table[i].name, reason) == 0)
			return table[i].meaning;
	return "";
}
