/* audit_rows.c: rows of the tables of a report, in the order in which they were met. Runs in the
 * timeglas command. */
#include <stdlib.h>
#include <string.h>
#include "cli/audit_rows.h"

static bool is_name(const char *name, struct chain_text t)
{
	size_t n = t.n < AUDIT_ROWS_NAME - 1 ? t.n : AUDIT_ROWS_NAME - 1;

	return strlen(name) == n && memcmp(name, t.p, n) == 0;
}

static void copy_name(char out[AUDIT_ROWS_NAME], struct chain_text t)
{
	size_t n = t.n < AUDIT_ROWS_NAME - 1 ? t.n : AUDIT_ROWS_NAME - 1;

	memcpy(out, t.p, n);
	out[n] = '\0';
}

size_t audit_rows_of(struct audit_rows *l, struct chain_text kind, int dk, struct chain_text cause)
{
	struct audit_row *r;

	if (kind.p == NULL)
		kind = (struct chain_text){"?", 1};
	if (!chain_is(kind, "passport"))
		dk = -1;
	for (size_t i = 0; i < l->n; i++)
		if (l->row[i].dk == dk && is_name(l->row[i].kind, kind) &&
			is_name(l->row[i].cause, cause))
			return i;
	if (l->n == AUDIT_ROWS)
		return AUDIT_ROWS - 1;
	r = &l->row[l->n];
	r->dk = dk;
	copy_name(r->kind, kind);
	copy_name(r->cause, cause);
	if (l->n == AUDIT_ROWS - 1)
		*r = (struct audit_row){.kind = "(others)", .cause = "(others)", .dk = -1};
	return l->n++;
}

uint64_t audit_rows_ended(const struct audit_rows *l, const struct audit_row *stored)
{
	uint64_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->row[i].cause[0] != '\0' && l->row[i].dk == stored->dk &&
			strcmp(l->row[i].kind, stored->kind) == 0)
			n += l->row[i].n;
	return n;
}

static int by_name(const void *a, const void *b)
{
	const struct audit_row *x = a, *y = b;
	int order = strcmp(x->kind, y->kind);

	if (order == 0)
		order = y->dk - x->dk;
	return order != 0 ? order : strcmp(x->cause, y->cause);
}

void audit_rows_sort(struct audit_rows *l)
{
	qsort(l->row, l->n, sizeof l->row[0], by_name);
}

void audit_rows_free(struct audit_rows *l)
{
	for (size_t i = 0; i < l->n; i++) {
		audit_lateness_free(&l->row[i].late);
		audit_lateness_free(&l->row[i].held);
	}
}
