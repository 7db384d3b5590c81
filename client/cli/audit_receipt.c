/* audit_receipt.c: reads a receipt and compares it with the lines of the evidence. Runs in the
 * timeglas command. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/audit_receipt.h"
#include "cli/output.h"
#include "core/hex.h"
#include "core/time.h"
#include "lib/untrusted.h"

#define FILE_BYTES_MAX ((size_t)16 << 20)

/* Reads a whole file, NUL-terminated; the caller frees it. NULL: failed, and it has been said why.
 */
static char *read_text(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = f != NULL ? malloc(FILE_BYTES_MAX + 1) : NULL;
	size_t n;

	if (text == NULL) {
		output_fail(TG_EIO, "cannot read the receipt %s: %s", path, strerror(errno));
		if (f != NULL)
			fclose(f);
		return NULL;
	}
	n = fread(text, 1, FILE_BYTES_MAX, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

/* Reads the file's JSON text or, of several texts that stand one a line, the last one. */
static json_t *parse(char *text)
{
	json_t *o = json_loads(text, 0, NULL);
	char *end = text + strlen(text), *from;

	while (o == NULL && end > text) {
		while (end > text && (end[-1] == '\n' || end[-1] == '\r' || end[-1] == ' '))
			*--end = '\0';
		for (from = end; from > text && from[-1] != '\n'; from--)
			;
		if (*from != '\0')
			o = json_loads(from, 0, NULL);
		if (o != NULL || from == text || *from != '\0')
			break;
		end = from;
	}
	return o;
}

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

static bool take(const json_t *o, struct audit_receipt *r)
{
	const json_t *outcome = json_object_get(o, "outcome");
	const char *at = json_string_value(json_object_get(o, "erased_at"));

	/* "ref" is the older name of "tag" */
	if ((!copy_member(o, "tag", r->tag, sizeof r->tag) &&
		    !copy_member(o, "ref", r->tag, sizeof r->tag)) ||
		!copy_member(o, "cause", r->cause, sizeof r->cause) ||
		!copy_member(o, "event", r->event, sizeof r->event))
		return false;
	if (outcome != NULL && !json_is_null(outcome) &&
		!copy_member(o, "outcome", r->outcome, sizeof r->outcome))
		return false;
	r->erased_at_ms = -1;
	if (at != NULL && tg_time_parse(at, strlen(at), &r->erased_at_ms) != 0)
		return false;
	return take_head(json_object_get(o, "head"), r);
}

int audit_receipt_load(const char *path, struct audit_receipt *out)
{
	char *text = read_text(path);
	json_t *o = text != NULL ? parse(text) : NULL;
	const json_t *one = o, *list = json_object_get(o, "receipts");
	bool good;

	*out = (struct audit_receipt){0};
	if (text == NULL)
		return EXIT_USAGE;
	if (json_is_array(list))
		one = json_array_get(list, json_array_size(list) - 1);
	else if (json_is_array(o))
		one = json_array_get(o, json_array_size(o) - 1);
	good = take(one, out);
	json_decref(o);
	free(text);
	return good ?
		0 :
		output_usage("%s holds no receipt; keep what 'timeglas rm --json', an ack or a "
			     "closed session answered",
			path);
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

void audit_receipt_line(struct audit_receipt *r, const uint8_t hash[CHAIN_HASH],
	const struct chain_line *l, const struct finding_place *at)
{
	const struct chain_record *e = &l->record;

	if ((l->is_check ? l->check.n : e->n) == r->head_n) {
		if (l->is_check && memcmp(hash, r->head, CHAIN_HASH) == 0)
			r->head_met = true;
		else if (r->head_wrong.line == 0)
			note_wrong(&r->head_wrong, at);
	}
	if (l->is_check || !chain_is(e->id, r->event))
		return;
	if (same(r, "tag", r->tag, e->tag) && same(r, "cause", r->cause, e->cause) &&
		same(r, "outcome", r->outcome, e->outcome) && same_time(r, e->time_ms))
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
			"event %s, which the receipt attests, is not there: the file was cut, or "
			"is older than the receipt",
			r->event);
}
