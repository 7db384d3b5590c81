/*
 * record.c: a blob's record as text, and the names of states. Pure; reading one is lines.c's.
 */
#include <string.h>
#include "store/record.h"

#define NAME_(state, text) [STORE_##state] = (text),
static const char *const state_name[] = {STORE_STATES(NAME_)};
#undef NAME_

enum store_state record_state(const char *text)
{
	for (unsigned i = 0; i < sizeof state_name / sizeof state_name[0]; i++)
		if (strcmp(text, state_name[i]) == 0)
			return (enum store_state)i;
	return STORE_GONE;
}

const char *record_state_text(enum store_state s)
{
	return state_name[s == STORE_TAKING ? STORE_CLAIMED : s];
}

void record_text(struct text *t, const char *const field[STORE_FIELDS])
{
	for (unsigned i = 0; i < STORE_FIELDS; i++) {
		if (i > 0)
			text_add(t, i == STORE_PUBLIC_FIELDS ? "\n" : "\t");
		if (field[i] != NULL)
			text_add(t, field[i]);
	}
	text_add(t, "\n");
}
