/* audit_receipts.c: reads the file, and finds those receipts that a line may be about. Runs in the
 * timeglas command. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/audit_receipts.h"
#include "cli/output.h"

#define FILE_BYTES_MAX ((size_t)16 << 20)

/* Reading ------------------------------------------------------------------ */

/* Reads a whole file, NUL-terminated; the caller frees it. NULL: failed, and it has been said why.
 */
static char *read_text(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = f != NULL ? malloc(FILE_BYTES_MAX + 2) : NULL;
	size_t n;

	if (text == NULL) {
		output_fail(TG_EIO, "cannot read the receipt %s: %s", path, strerror(errno));
		if (f != NULL)
			fclose(f);
		return NULL;
	}
	n = fread(text, 1, FILE_BYTES_MAX + 1, f);
	text[n] = '\0';
	fclose(f);
	if (n <= FILE_BYTES_MAX && strlen(text) == n)
		return text;
	free(text);
	output_usage("%s is no file of receipts: it is larger than 16 MiB, or no text", path);
	return NULL;
}

/* Adds what is a receipt. What names no event is none: an upload's answer, say. Returns false for
 * one that cannot be read, for too many, and without memory. */
static bool add(struct audit_receipts *r, const json_t *o)
{
	struct audit_receipt *grown;

	if (!json_is_object(o) || json_object_get(o, "event") == NULL)
		return true;
	if ((r->n & (r->n - 1)) == 0) { /* room for twice as many */
		grown = realloc(r->list, (r->n == 0 ? 1 : r->n * 2) * sizeof *grown);
		if (grown == NULL)
			return false;
		r->list = grown;
	}
	return r->n < AUDIT_RECEIPTS_MAX && audit_receipt_take(o, &r->list[r->n++]);
}

static bool add_all(struct audit_receipts *r, const json_t *o)
{
	const json_t *list = json_is_array(o) ? o : json_object_get(o, "receipts"), *one;
	size_t i;

	if (!json_is_array(list))
		return add(r, o);
	json_array_foreach((json_t *)list, i, one) if (!add(r, one)) return false;
	return true;
}

/* The file is one JSON text, or has one on each line. */
static bool parse(struct audit_receipts *r, char *text)
{
	json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	bool good = o == NULL || add_all(r, o);
	char *rest = text, *line;

	while (o == NULL && good && (line = strsep(&rest, "\n")) != NULL) {
		if (line[strspn(line, " \r\t")] == '\0')
			continue;
		o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		good = o != NULL && add_all(r, o);
		json_decref(o);
		o = NULL;
	}
	json_decref(o);
	return good && r->n > 0;
}

/* Order -------------------------------------------------------------------- */

static int by_event(const void *a, const void *b)
{
	const struct audit_receipt *x = a, *y = b;

	return strcmp(x->event, y->event);
}

static int by_head(const void *a, const void *b)
{
	const struct audit_receipt *const *x = a, *const *y = b;

	return (*x)->head_n < (*y)->head_n ? -1 : (*x)->head_n > (*y)->head_n;
}

int audit_receipts_load(const char *path, struct audit_receipts *out)
{
	char *text = read_text(path);
	bool good = text != NULL && parse(out, text);

	free(text);
	if (text == NULL)
		return EXIT_USAGE;
	if (!good)
		return output_usage(
			"%s holds no receipt, or a damaged one, or more than %u; keep what "
			"'timeglas rm --json', an ack or a closed session answered",
			path, AUDIT_RECEIPTS_MAX);
	out->by_head = calloc(out->n, sizeof *out->by_head);
	if (out->by_head == NULL)
		return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	qsort(out->list, out->n, sizeof *out->list, by_event);
	for (size_t i = 0; i < out->n; i++)
		out->by_head[i] = &out->list[i];
	qsort(out->by_head, out->n, sizeof *out->by_head, by_head);
	return 0;
}

/* Comparing ---------------------------------------------------------------- */

/* The first whose event is not before this one. */
static size_t first_of_event(const struct audit_receipts *r, const char *event)
{
	size_t from = 0, to = r->n;

	while (from < to) {
		size_t i = from + (to - from) / 2;

		if (strcmp(r->list[i].event, event) < 0)
			from = i + 1;
		else
			to = i;
	}
	return from;
}

static size_t first_of_head(const struct audit_receipts *r, uint64_t n)
{
	size_t from = 0, to = r->n;

	while (from < to) {
		size_t i = from + (to - from) / 2;

		if (r->by_head[i]->head_n < n)
			from = i + 1;
		else
			to = i;
	}
	return from;
}

void audit_receipts_line(struct audit_receipts *r, const uint8_t hash[CHAIN_HASH],
	const struct chain_line *l, const struct finding_place *at)
{
	const struct chain_text id = l->is_check ? (struct chain_text){NULL, 0} : l->record.id;
	const uint64_t n = l->is_check ? l->check.n : l->record.n;
	char event[CHAIN_ID_MAX + 1] = "";

	for (size_t i = first_of_head(r, n); i < r->n && r->by_head[i]->head_n == n; i++)
		audit_receipt_head(r->by_head[i], hash, l, at);
	if (id.p == NULL || id.n >= sizeof event)
		return;
	memcpy(event, id.p, id.n);
	for (size_t i = first_of_event(r, event); i < r->n && strcmp(r->list[i].event, event) == 0;
		i++)
		audit_receipt_event(&r->list[i], &l->record, at);
}

void audit_receipts_end(const struct audit_receipts *r, struct findings *f, uint64_t first_n,
	uint64_t last_n, const struct finding_place *last)
{
	for (size_t i = 0; i < r->n; i++)
		audit_receipt_end(&r->list[i], f, first_n, last_n, last);
}

bool audit_receipts_event_met(const struct audit_receipts *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (!r->list[i].event_met)
			return false;
	return r->n > 0;
}

bool audit_receipts_head_met(const struct audit_receipts *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (!r->list[i].head_met)
			return false;
	return r->n > 0;
}

void audit_receipts_free(struct audit_receipts *r)
{
	free(r->list);
	free(r->by_head);
	*r = (struct audit_receipts){0};
}
