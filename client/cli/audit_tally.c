/* audit_tally.c: a short list, in the order in which the words were met. Runs in the timeglas
 * command. */
#include <stdio.h>
#include <string.h>
#include "cli/audit_tally.h"

uint64_t audit_tally_sum(uint64_t a, uint64_t b)
{
	return a > AUDIT_TALLY_MOST - b ? AUDIT_TALLY_MOST : a + b;
}

void audit_tally_add(struct audit_tally *t, struct chain_text word, uint64_t n)
{
	char text[AUDIT_TALLY_CHARS];

	snprintf(text, sizeof text, "%.*s", (int)(word.n < sizeof text ? word.n : sizeof text - 1),
		word.p != NULL ? word.p : "");
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->list[i].word, text) == 0) {
			t->list[i].n = audit_tally_sum(t->list[i].n, n);
			return;
		}
	if (t->n == AUDIT_TALLY_WORDS) {
		t->list[t->n - 1].n = audit_tally_sum(t->list[t->n - 1].n, n);
		return;
	}
	snprintf(t->list[t->n].word, sizeof text, "%s",
		t->n == AUDIT_TALLY_WORDS - 1 ? "(others)" : text);
	t->list[t->n++].n = n;
}
