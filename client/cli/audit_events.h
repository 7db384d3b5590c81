/* audit_events.h: the records of an answer, in the order of time. */
#ifndef CLI_AUDIT_EVENTS_H
#define CLI_AUDIT_EVENTS_H

#include <jansson.h>
#include "cli/audit_event.h"

struct audit_events { /* zeroed before first use; audit_events_free() after the last */
	struct audit_events_row *row;
	size_t n, cap;
};

/** Keeps a record. Returns false without memory. */
bool audit_events_add(struct audit_events *a, const struct audit_event *e);

/** Prints them as a table. */
void audit_events_print(struct audit_events *a);

/** Returns them as an array; NULL without memory. */
json_t *audit_events_json(struct audit_events *a);

/** Frees what a holds, but not a. */
void audit_events_free(struct audit_events *a);

#endif
