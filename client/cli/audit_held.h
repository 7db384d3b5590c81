/* audit_held.h: which blobs were held at a moment. Memory grows with those. */
#ifndef CLI_AUDIT_HELD_H
#define CLI_AUDIT_HELD_H

#include <jansson.h>
#include "cli/audit_event.h"
#include "cli/audit_tags.h"

struct audit_held { /* zeroed before first use, but for at_ms; audit_held_free() after the last */
	int64_t at_ms;
	struct audit_held_blob *list;
	size_t n, cap;
	struct audit_tags tags; /* the place in list of the last blob with a tag */
	bool reverted;          /* the store went back before the moment */
	uint64_t events;        /* looked at */
};

/** Looks at the next event. Returns false without memory. */
bool audit_held_event(struct audit_held *s, const struct audit_event *e);

/** Ends the list, before it is printed: no event may follow. */
void audit_held_finish(struct audit_held *s);

/** Prints it as a table. */
void audit_held_print(const struct audit_held *s);

/** Returns it as an array; NULL without memory. */
json_t *audit_held_json(const struct audit_held *s);

/** Frees what s holds, but not s. */
void audit_held_free(struct audit_held *s);

#endif
