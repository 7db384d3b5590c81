/*
 * transitions.h: a state machine's table: which state follows on which event. Each machine has a
 * file NAME_state.c, in which the table's rows stand once; tools/states.py makes of them the
 * drawing in docs/states. Its header has the states and the events as enums, and NAME_state_next().
 * Whoever owns the state does the work, and asks there which state follows.
 */
#ifndef BASE_TRANSITIONS_H
#define BASE_TRANSITIONS_H

#include <stdbool.h>
#include <stdint.h>

struct transitions {
	const char *name;          /* of the machine, for the message about an illegal event */
	const char *const *states; /* names, n_states of them */
	const char *const *events; /* names, n_events of them */
	unsigned n_states, n_events;
	const uint8_t *next; /* n_states rows of n_events: the next state plus 1; 0: illegal */
};

/**
 * The table of a machine.
 *
 * @machine      what it is called in the message about an illegal event
 * @rows         an array [states][events] of uint8_t, as struct transitions has it in `next`
 * @state_names  an array of texts
 * @event_names  an array of texts
 */
#define TRANSITIONS_TABLE(machine, rows, state_names, event_names) \
	{ \
		.name = (machine), .states = (state_names), .events = (event_names), \
		.n_states = sizeof(rows) / sizeof *(rows), .n_events = sizeof *(rows), \
		.next = &(rows)[0][0], \
	}

/** Returns whether the event may come in that state. As for transitions_next(). */
bool transitions_allow(const struct transitions *t, unsigned state, unsigned event);

/**
 * Looks up which state follows.
 *
 * @state  less than t->n_states
 * @event  less than t->n_events
 *
 * Returns the next state. An event that cannot happen in that state is a mistake of the program:
 * then a message on stderr names the machine, the state and the event, and the process aborts.
 */
unsigned transitions_next(const struct transitions *t, unsigned state, unsigned event);

#endif
