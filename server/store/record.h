/*
 * record.h: a blob's record as text, in the order of schema.def, and the names of states.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "base/text.h"
#include "store/schema.h"

/** Returns the state that is called so; STORE_GONE for any other text. */
enum store_state record_state(const char *text);
/** Returns what the API calls the state: "live", "claimed", "gone"; "claimed" also for
 * STORE_TAKING. Static. */
const char *record_state_text(enum store_state s);
/** Appends both lines of a record to t. field: a text for each field; NULL reads as "". */
void record_text(struct text *t, const char *const field[STORE_FIELDS]);

#endif
