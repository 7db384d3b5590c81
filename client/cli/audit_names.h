/* audit_names.h: gives equal texts of the evidence (peers, lists of peers) one small number, so
 * that a blob that is held need not carry them. Memory grows with the different texts. */
#ifndef CLI_AUDIT_NAMES_H
#define CLI_AUDIT_NAMES_H

#include "cli/audit_tags.h"

#define AUDIT_NAMES_RECENT 8

struct audit_names { /* zeroed before first use; audit_names_free() after the last */
	struct audit_tags tags;
	char **text; /* n of cap, as they stand in the lines */
	size_t n, cap;
	uint32_t recent[AUDIT_NAMES_RECENT];
	unsigned next_recent;
};

/** Returns the text's number, from 1 on; 0 when there is no text, or no memory. */
uint32_t audit_names_of(struct audit_names *a, struct chain_text text);

/** Returns the text with this number, "" for 0. */
const char *audit_names_text(const struct audit_names *a, uint32_t number);

/** Returns whether a list of names, with a blank between two, has this one. */
bool audit_names_has(const char *list, struct chain_text name);

/** Frees what a holds, but not a. */
void audit_names_free(struct audit_names *a);

#endif
