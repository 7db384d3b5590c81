/* upload_state.c: the table of transitions of an upload. It holds no state and does no work. Runs
 * in workers. */
#include "api/upload_state.h"

/* X(from, event, to). Where `to` is `from`, the event is expected there and does not change the
 * state. A pair that is not here cannot happen. ENDED has no lines: nothing may come after it. */
#define TRANSITIONS(X) \
	X(STARTING, NAME_ASKED, NAMING) \
	X(STARTING, KEY_ASKED, KEYING) \
	X(STARTING, SESSION_ASKED, CHECKING) \
	X(STARTING, PUT_OPENED, RECEIVING) \
	X(STARTING, REFUSED, ANSWERED) \
	X(STARTING, GONE, ENDED) \
\
	X(NAMING, KEY_ASKED, KEYING) \
	X(NAMING, SESSION_ASKED, CHECKING) \
	X(NAMING, PUT_OPENED, RECEIVING) \
	X(NAMING, KNOWN, COMPARING) \
	X(NAMING, OTHER, ANSWERED) \
	X(NAMING, STORED, ANSWERED) \
	X(NAMING, REFUSED, ANSWERED) \
	X(NAMING, GONE, ENDED) \
\
	X(KEYING, SESSION_ASKED, CHECKING) \
	X(KEYING, PUT_OPENED, RECEIVING) \
	X(KEYING, KNOWN, COMPARING) \
	X(KEYING, OTHER, ANSWERED) \
	X(KEYING, STORED, ANSWERED) \
	X(KEYING, REFUSED, ANSWERED) \
	X(KEYING, GONE, ENDED) \
\
	X(CHECKING, CHECKED, RECEIVING) \
	X(CHECKING, REFUSED, ANSWERED) \
	X(CHECKING, GONE, ENDED) \
\
	X(RECEIVING, BODY, RECEIVING) \
	X(RECEIVING, ROOM, RECEIVING) \
	X(RECEIVING, NO_ROOM, BLOCKED) \
	X(RECEIVING, END, COMPLETE) \
	X(RECEIVING, REFUSED, ANSWERED) \
	X(RECEIVING, GONE, ENDED) \
\
	X(BLOCKED, ROOM, RECEIVING) \
	X(BLOCKED, REFUSED, ANSWERED) \
	X(BLOCKED, GONE, ENDED) \
\
	X(COMPLETE, ROOM, COMPLETE) \
	X(COMPLETE, COMMIT_SENT, COMMITTING) \
	X(COMPLETE, REFUSED, ANSWERED) \
	X(COMPLETE, GONE, ENDED) \
\
	X(COMMITTING, SETTLE_SENT, SETTLING) \
	X(COMMITTING, STORED, ANSWERED) \
	X(COMMITTING, REFUSED, ANSWERED) \
	X(COMMITTING, GONE, ENDED) \
\
	X(SETTLING, STORED, ANSWERED) \
	X(SETTLING, REFUSED, ANSWERED) \
	X(SETTLING, GONE, ENDED) \
\
	X(COMPARING, BODY, COMPARING) \
	X(COMPARING, END, COMPARING) \
	X(COMPARING, LENGTH_ASKED, MEASURING) \
	X(COMPARING, STORED, ANSWERED) \
	X(COMPARING, REFUSED, ANSWERED) \
	X(COMPARING, GONE, ENDED) \
\
	X(MEASURING, STORED, ANSWERED) \
	X(MEASURING, REFUSED, ANSWERED) \
	X(MEASURING, GONE, ENDED) \
\
	X(ANSWERED, GONE, ENDED)

static const uint8_t next[UPLOAD_STATE_COUNT][UPLOAD_EVENT_COUNT] = {
#define X_(from, event, to) [UPLOAD_##from][UPLOAD_EV_##event] = 1u + UPLOAD_##to,
	TRANSITIONS(X_)
#undef X_
};

#define X_(name) #name,
static const char *const states[] = {UPLOAD_STATES(X_)};
static const char *const events[] = {UPLOAD_EVENTS(X_)};
#undef X_

const struct transitions upload_state_table = TRANSITIONS_TABLE("upload", next, states, events);

bool upload_state_asks(enum upload_state s)
{
	return s == UPLOAD_NAMING || s == UPLOAD_KEYING || s == UPLOAD_SETTLING ||
		s == UPLOAD_MEASURING;
}

bool upload_state_holds_key(enum upload_state s)
{
	return s >= UPLOAD_KEYING && s <= UPLOAD_COMMITTING;
}

bool upload_state_has_put(enum upload_state s)
{
	return s >= UPLOAD_CHECKING && s <= UPLOAD_COMMITTING;
}

bool upload_state_may_stall(enum upload_state s)
{
	return s >= UPLOAD_RECEIVING && s <= UPLOAD_COMPLETE;
}
