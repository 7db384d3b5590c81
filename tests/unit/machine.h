/*
 * machine.h: what every state machine's table of transitions promises (base/transitions.h): a pair
 * that is not in it aborts with a message that names both, and every state can be reached. What a
 * machine promises beside that is in the test of its own.
 */
#ifndef TEST_MACHINE_H
#define TEST_MACHINE_H

#include "base/transitions.h"
#include "child.h"

/* What follows on an event; -1: it cannot happen in that state. */
static inline int machine_next(const struct transitions *t, int state, int event)
{
	return transitions_allow(t, (unsigned)state, (unsigned)event) ?
		(int)transitions_next(t, (unsigned)state, (unsigned)event) :
		-1;
}

struct machine_pair {
	const struct transitions *t;
	unsigned state, event;
};

static inline int machine_step(const void *pair)
{
	const struct machine_pair *p = pair;

	return (int)transitions_next(p->t, p->state, p->event);
}

static inline void machine_assert_aborts(
	const struct transitions *t, unsigned state, unsigned event)
{
	char said[256], head[64];
	int status =
		child_run(machine_step, &(struct machine_pair){t, state, event}, said, sizeof said);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	snprintf(head, sizeof head, "timeglas: bug in %s: the event ", t->name);
	assert_non_null(strstr(said, head));
	assert_non_null(strstr(said, t->states[state]));
	assert_non_null(strstr(said, t->events[event]));
}

/** Tries every pair of state and event. @legal, @illegal: how many there are at least, so that an
 * empty table is noticed. */
static inline void machine_check_pairs(
	const struct transitions *t, unsigned legal, unsigned illegal)
{
	unsigned found[2] = {0, 0};

	for (unsigned s = 0; s < t->n_states; s++)
		for (unsigned e = 0; e < t->n_events; e++) {
			const bool allowed = transitions_allow(t, s, e);

			found[allowed]++;
			if (allowed)
				assert_true(transitions_next(t, s, e) < t->n_states);
			else
				machine_assert_aborts(t, s, e);
		}
	assert_false(transitions_allow(t, t->n_states, 0));
	assert_false(transitions_allow(t, 0, t->n_events));
	assert_true(found[true] >= legal && found[false] >= illegal);
}

/** Every state can be reached from the first one. */
static inline void machine_check_reached(const struct transitions *t, unsigned first)
{
	bool reached[64] = {false};

	assert_true(t->n_states <= LEN(reached));
	reached[first] = true;
	for (unsigned round = 0; round < t->n_states; round++)
		for (unsigned s = 0; s < t->n_states; s++)
			for (unsigned e = 0; reached[s] && e < t->n_events; e++)
				if (transitions_allow(t, s, e))
					reached[transitions_next(t, s, e)] = true;
	for (unsigned s = 0; s < t->n_states; s++)
		assert_true(reached[s]);
}

#endif
