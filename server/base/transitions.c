/* transitions.c: see transitions.h. It keeps no state. Runs in every process. */
#include <stdio.h>

#include "base/transitions.h"
#include "core/bug.h"

static const char *name_of(const char *const *names, unsigned n, unsigned i)
{
	return i < n ? names[i] : "(none)";
}

_Noreturn static void illegal(const struct transitions *t, unsigned state, unsigned event)
{
	char text[128];

	snprintf(text, sizeof text, "the event %s cannot happen in the state %s",
		name_of(t->events, t->n_events, event), name_of(t->states, t->n_states, state));
	tg_bug(t->name, text);
}

bool transitions_allow(const struct transitions *t, unsigned state, unsigned event)
{
	return state < t->n_states && event < t->n_events &&
		t->next[state * t->n_events + event] != 0;
}

unsigned transitions_next(const struct transitions *t, unsigned state, unsigned event)
{
	if (!transitions_allow(t, state, event))
		illegal(t, state, event);
	return t->next[state * t->n_events + event] - 1u;
}
