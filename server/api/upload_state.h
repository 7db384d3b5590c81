/*
 * upload_state.h: the states of an upload, the events that change them, and the table of
 * transitions. Pure: what is done in a transition is in upload_step.c. docs/states/upload.svg is
 * the drawing.
 */
#ifndef API_UPLOAD_STATE_H
#define API_UPLOAD_STATE_H

#include <stdbool.h>
#include "base/transitions.h"

#define UPLOAD_STATES(X) \
	/* The head was accepted. Nothing has been asked of the store yet. */ \
	X(STARTING) \
	/* The store is asked what stands under the name that the uploader chose. No content is \
	 * read. */ \
	X(NAMING) \
	/* The store is asked what became of an earlier upload under the Idempotency-Key; if there \
	 * was none, the key is reserved. No content is read. */ \
	X(KEYING) \
	/* The store is asked whether the session is open. No content is read. */ \
	X(CHECKING) \
	/* Content goes past the guard into chunks, and full chunks to the store. */ \
	X(RECEIVING) \
	/* The store takes no further chunk now. No content is read. */ \
	X(BLOCKED) \
	/* All content is here. The last chunk waits until the store takes it. */ \
	X(COMPLETE) \
	/* The last chunk and the commit are on their way to the store. */ \
	X(COMMITTING) \
	/* The blob is stored. Its id is being entered under the Idempotency-Key. */ \
	X(SETTLING) \
	/* The upload was stored before: its content is compared with what is known, and dropped. \
	 */ \
	X(COMPARING) \
	/* As COMPARING, and all content is here: the store is asked whether its length is the \
	 * same. */ \
	X(MEASURING) \
	/* The answer was given. Content that still comes is dropped by http. */ \
	X(ANSWERED) \
	/* The request is over, whether it was answered or the client went away. */ \
	X(ENDED)

#define UPLOAD_EVENTS(X) \
	/* the store was asked what stands under the name */ \
	X(NAME_ASKED) \
	/* the store was asked what became of the key */ \
	X(KEY_ASKED) \
	/* an upload was opened in the store, which was asked about the session */ \
	X(SESSION_ASKED) \
	/* an upload was opened in the store; nothing was asked */ \
	X(PUT_OPENED) \
	/* the store knows the name or the key: it is a repeat, whose content is compared */ \
	X(KNOWN) \
	/* the name or the key stands for another upload, or the store could not tell */ \
	X(OTHER) \
	/* the session is open */ \
	X(CHECKED) \
	/* http: content is here */ \
	X(BODY) \
	/* http: the content is complete */ \
	X(END) \
	/* the store takes no further chunk for now */ \
	X(NO_ROOM) \
	/* the store takes another chunk, or the chunk that is filling has room */ \
	X(ROOM) \
	/* the commit was sent */ \
	X(COMMIT_SENT) \
	/* the store was asked to enter the blob's id under the key */ \
	X(SETTLE_SENT) \
	/* the store was asked about the length of a repeat */ \
	X(LENGTH_ASKED) \
	/* the blob is stored, now or by an earlier upload: that is the answer */ \
	X(STORED) \
	/* the rules, the guard or the store refuse the upload */ \
	X(REFUSED) \
	/* http: the request is over */ \
	X(GONE)

enum upload_state {
#define X_(name) UPLOAD_##name,
	UPLOAD_STATES(X_)
#undef X_
		UPLOAD_STATE_COUNT
};

enum upload_event {
#define X_(name) UPLOAD_EV_##name,
	UPLOAD_EVENTS(X_)
#undef X_
		UPLOAD_EVENT_COUNT
};

extern const struct transitions upload_state_table;

/** Returns the state after the event. Aborts, with a message on stderr, when the event may not come
 * in this state. */
static inline enum upload_state upload_state_next(enum upload_state s, enum upload_event e)
{
	return (enum upload_state)transitions_next(&upload_state_table, s, e);
}

/** Returns whether an answer of the store with the upload as its context is due in this state,
 * other than those of its store_put. */
bool upload_state_asks(enum upload_state s);
/** Returns whether the upload's Idempotency-Key, if it has one, is reserved for it in this state
 * and not settled. */
bool upload_state_holds_key(enum upload_state s);
/** Returns whether the upload may have a store_put in this state. */
bool upload_state_has_put(enum upload_state s);
/** Returns whether the upload may wait for the store's queue in this state. */
bool upload_state_may_stall(enum upload_state s);
#endif
