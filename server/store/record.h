/*
 * record.h: a blob's record as text, in the order of schema.def, and the names of states.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "base/text.h"
#include "store/schema.h"

/** record_state(text): STORE_GONE for what is no state. */
enum store_state record_state(const char *text);
/** record_state_text(s): "live", "claimed", "gone"; STORE_TAKING reads "claimed". Static storage.
 */
const char *record_state_text(enum store_state s);
/** record_text(t, field): appends a record of these fields; NULL reads as "". */
void record_text(struct text *t, const char *const field[STORE_FIELDS]);

#endif
