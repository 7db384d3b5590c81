/*
 * transitions.h: a state machine's table: which state follows on which event. The owner keeps the
 * state in an enum of its own, and declares the table's rows once (as http/httpd_req_state.c does),
 * from which tools/states.py makes the drawing in docs/states.
 */
#ifndef BASE_TRANSITIONS_H
#define BASE_TRANSITIONS_H

#include <stdint.h>

struct transitions {
	const char *name;          /* of the machine, for the message about an illegal event */
	const char *const *states; /* names, n_states of them */
	const char *const *events; /* names, n_events of them */
	unsigned n_states, n_events;
	const uint8_t *next; /* n_states rows of n_events: the next state plus 1; 0: illegal */
};

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
