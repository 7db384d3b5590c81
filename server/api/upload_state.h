/*
 * upload_state.h: the states of an upload, the events that change them, and the table of
 * transitions. Pure: what is done in a transition is in upload_step.c. docs/states/upload.svg is
 * the drawing.
 */
#ifndef API_UPLOAD_STATE_H
#define API_UPLOAD_STATE_H

#include <stdbool.h>
#include "base/transitions.h"

/* X(name, text) */
#define UPLOAD_STATES(X) \
	/* The head was accepted. Nothing has been asked of the store yet. */ \
	X(STARTING, "starting") \
	/* The store is asked what stands under the name that the uploader chose. No content is \
	 * read. */ \
	X(NAMING, "naming") \
	/* The store is asked what became of an earlier upload under the Idempotency-Key; if there \
	 * was none, the key is reserved. No content is read. */ \
	X(KEYING, "keying") \
	/* The store is asked whether the session is open. No content is read. */ \
	X(CHECKING, "checking") \
	/* Content goes past the guard into chunks, and full chunks to the store. */ \
	X(RECEIVING, "receiving") \
	/* The store takes no further chunk now. No content is read. */ \
	X(BLOCKED, "blocked") \
	/* All content is here. The last chunk waits until the store takes it. */ \
	X(COMPLETE, "complete") \
	/* The last chunk and the commit are on their way to the store. */ \
	X(COMMITTING, "committing") \
	/* The blob is stored. Its id is being entered under the Idempotency-Key. */ \
	X(SETTLING, "settling") \
	/* The upload was stored before: its content is compared with what is known, and dropped. \
	 */ \
	X(COMPARING, "comparing") \
	/* As COMPARING, all content is here: the store is asked whether its length is the same. \
	 */ \
	X(MEASURING, "measuring") \
	/* The answer was given. Content that still comes is dropped by http. */ \
	X(ANSWERED, "answered") \
	/* The request is over, whether it was answered or the client went away. */ \
	X(ENDED, "ended")

/* X(name, text) */
#define UPLOAD_EVENTS(X) \
	/* the store was asked what stands under the name */ \
	X(NAME_ASKED, "name-asked") \
	/* the store was asked what became of the key */ \
	X(KEY_ASKED, "key-asked") \
	/* an upload was opened in the store, which was asked about the session */ \
	X(SESSION_ASKED, "session-asked") \
	/* an upload was opened in the store; nothing was asked */ \
	X(PUT_OPENED, "put-opened") \
	/* the store knows the name or the key: it is a repeat, whose content is compared */ \
	X(KNOWN, "known") \
	/* the name or the key stands for another upload, or the store could not tell */ \
	X(OTHER, "other") \
	/* the session is open */ \
	X(CHECKED, "checked") \
	/* http: content is here */ \
	X(BODY, "body") \
	/* http: the content is complete */ \
	X(END, "end") \
	/* the store takes no further chunk for now */ \
	X(NO_ROOM, "no-room") \
	/* the store takes another chunk, or the chunk that is filling has room */ \
	X(ROOM, "room") \
	/* the commit was sent */ \
	X(COMMIT_SENT, "commit-sent") \
	/* the store was asked to enter the blob's id under the key */ \
	X(SETTLE_SENT, "settle-sent") \
	/* the store was asked about the length of a repeat */ \
	X(LENGTH_ASKED, "length-asked") \
	/* the blob is stored, now or by an earlier upload: that is the answer */ \
	X(STORED, "stored") \
	/* the rules, the guard or the store refuse the upload */ \
	X(REFUSED, "refused") \
	/* http: the request is over */ \
	X(GONE, "gone")

enum upload_state {
#define X_(name, text) UPLOAD_##name,
	UPLOAD_STATES(X_)
#undef X_
		UPLOAD_STATE_COUNT
};

enum upload_event {
#define X_(name, text) UPLOAD_EV_##name,
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
