/*
 * findings.c: the list of what is wrong with evidence. It finds and prints nothing itself. Runs in
 * the timeglas command.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "cli/findings.h"
#include "lib/untrusted.h"

struct finding *findings_add(
	struct findings *f, const char *what, const struct finding_place *at, const char *fmt, ...)
{
	char detail[sizeof f->list->detail];
	struct finding *x;
	va_list ap;

	f->total++;
	if (f->list == NULL)
		f->list = calloc(FINDINGS_MAX, sizeof *f->list);
	if (f->list == NULL || f->n == FINDINGS_MAX)
		return NULL;
	x = &f->list[f->n++];
	snprintf(x->what, sizeof x->what, "%s", what);
	untrusted_copy(x->file, sizeof x->file, at != NULL ? at->file : "");
	x->line = at != NULL ? at->line : 0;
	va_start(ap, fmt);
	vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	untrusted_copy(x->detail, sizeof x->detail, detail);
	return x;
}

void findings_free(struct findings *f)
{
	free(f->list);
	*f = (struct findings){0};
}
