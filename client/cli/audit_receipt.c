/* audit_receipt.c: compares a receipt with the lines of the evidence. Runs in the timeglas command.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/audit_receipt.h"
#include "core/hex.h"
#include "core/time.h"
#include "lib/untrusted.h"

#define ID_CHARS 24u

static bool copy_member(const json_t *o, const char *name, char *out, size_t cap)
{
	const char *s = json_string_value(json_object_get(o, name));

	if (s == NULL || s[0] == '\0' || strlen(s) >= cap)
		return false;
	untrusted_copy(out, cap, s); /* a server wrote the text, and it is printed */
	return true;
}

/* The head, which a receipt of a chain's first second does not have. */
static bool take_head(const json_t *head, struct audit_receipt *r)
{
	const json_t *n = json_object_get(head, "n");
	const char *hash = json_string_value(json_object_get(head, "hash"));

	if (head == NULL || json_is_null(head))
		return true;
	if (!json_is_integer(n) || json_integer_value(n) <= 0 || hash == NULL ||
		tg_hex_decode(hash, strlen(hash), r->head, CHAIN_HASH) != 0)
		return false;
	r->head_n = (uint64_t)json_integer_value(n);
	return true;
}

bool audit_receipt_take(const json_t *o, struct audit_receipt *r)
{
	const json_t *outcome = json_object_get(o, "outcome");
	const char *at = json_string_value(json_object_get(o, "erased_at")),
		   *blob = json_string_value(json_object_get(o, "blob"));

	*r = (struct audit_receipt){0};
	/* "ref" is the older name of "tag" */
	if ((!copy_member(o, "tag", r->tag, sizeof r->tag) &&
		    !copy_member(o, "ref", r->tag, sizeof r->tag)) ||
		!copy_member(o, "cause", r->cause, sizeof r->cause) ||
		!copy_member(o, "event", r->event, sizeof r->event))
		return false;
	if (blob != NULL && strlen(blob) == ID_CHARS && json_object_get(o, "tag") != NULL)
		evidence_tag(blob, r->of_blob);
	if (outcome != NULL && !json_is_null(outcome) &&
		!copy_member(o, "outcome", r->outcome, sizeof r->outcome))
		return false;
	r->erased_at_ms = -1;
	if (at != NULL && tg_time_parse(at, strlen(at), &r->erased_at_ms) != 0)
		return false;
	return take_head(json_object_get(o, "head"), r);
}

static void note_wrong(struct audit_receipt_line_ref *w, const struct finding_place *at)
{
	snprintf(w->file, sizeof w->file, "%s", at->file);
	w->line = at->line;
}

/* The receipt's word for one member, and the line's. */
static bool same(struct audit_receipt *r, const char *name, const char *mine, struct chain_text its)
{
	if (its.p != NULL ? chain_is(its, mine) : mine[0] == '\0')
		return true;
	if (r->differs[0] == '\0')
		snprintf(r->differs, sizeof r->differs,
			"the %s: the receipt says %s, the line %.*s", name,
			mine[0] != '\0' ? mine : "none", its.p != NULL ? (int)its.n : 4,
			its.p != NULL ? its.p : "none");
	return false;
}

static bool same_time(struct audit_receipt *r, int64_t ms)
{
	char mine[TG_TIME_LEN + 1], its[TG_TIME_LEN + 1];

	if (r->erased_at_ms < 0 || r->erased_at_ms == ms)
		return true;
	if (r->differs[0] == '\0')
		snprintf(r->differs, sizeof r->differs,
			"the time of erasure: the receipt says %s, the line %s",
			tg_time_format(r->erased_at_ms, mine), tg_time_format(ms, its));
	return false;
}

/* The blob that it names is the one of its tag. */
static bool same_blob(struct audit_receipt *r)
{
	if (r->of_blob[0] == '\0' || strcmp(r->of_blob, r->tag) == 0)
		return true;
	if (r->differs[0] == '\0')
		snprintf(r->differs, sizeof r->differs,
			"the blob: the one that the receipt names has the tag %s, the line %s",
			r->of_blob, r->tag);
	return false;
}

void audit_receipt_head(struct audit_receipt *r, const uint8_t hash[CHAIN_HASH],
	const struct chain_line *l, const struct finding_place *at)
{
	if (l->is_check && memcmp(hash, r->head, CHAIN_HASH) == 0)
		r->head_met = true;
	else if (r->head_wrong.line == 0)
		note_wrong(&r->head_wrong, at);
}

void audit_receipt_event(
	struct audit_receipt *r, const struct chain_record *e, const struct finding_place *at)
{
	if (same(r, "tag", r->tag, e->tag) && same(r, "cause", r->cause, e->cause) &&
		same(r, "outcome", r->outcome, e->outcome) && same_time(r, e->time_ms) &&
		same_blob(r))
		r->event_met = true;
	else if (r->event_wrong.line == 0)
		note_wrong(&r->event_wrong, at);
}

static void end_head(const struct audit_receipt *r, struct findings *f, uint64_t first_n,
	uint64_t last_n, const struct finding_place *last)
{
	const struct finding_place wrong = {
		.file = r->head_wrong.file, .line = r->head_wrong.line, .whole = true};

	if (r->head_wrong.line != 0)
		findings_add(f, "receipt", &wrong,
			"the receipt quotes this line with another hash: everything up to here was "
			"written anew");
	else if (r->head_n > last_n)
		findings_add(f, "receipt", last,
			"the end was cut off: the receipt quotes line number %" PRIu64
			", and the last one here is %" PRIu64,
			r->head_n, last_n);
	else if (r->head_n < first_n)
		findings_add(f, "receipt", NULL,
			"the receipt quotes line number %" PRIu64
			", which stands in an earlier file: give that, too",
			r->head_n);
	else
		findings_add(f, "receipt", NULL,
			"line number %" PRIu64 ", which the receipt quotes, is not there",
			r->head_n);
}

void audit_receipt_end(const struct audit_receipt *r, struct findings *f, uint64_t first_n,
	uint64_t last_n, const struct finding_place *last)
{
	const struct finding_place wrong = {
		.file = r->event_wrong.file, .line = r->event_wrong.line, .whole = true};

	if (r->head_n > 0 && !r->head_met)
		end_head(r, f, first_n, last_n, last);
	if (r->event_met)
		return;
	if (r->event_wrong.line != 0)
		findings_add(f, "receipt", &wrong,
			"the receipt and this line tell differently of %s", r->differs);
	else
		findings_add(f, "receipt", NULL,
			r->head_n > 0 && r->head_n < first_n ?
				"event %s, which the receipt attests, is not there: it stands in "
				"an "
				"earlier file that was not given, or was cut off" :
				"event %s, which the receipt attests, is not there: the file was "
				"cut, or "
				"is older than the receipt",
			r->event);
}
