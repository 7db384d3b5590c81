/*
 * untrusted.h: makes text from a server fit for a terminal, and reads its JSON within bounds. The
 * command line uses the same for everything that it prints. Not installed.
 */
#ifndef TG_LIB_UNTRUSTED_H
#define TG_LIB_UNTRUSTED_H

#include <jansson.h>
#include <stddef.h>

/**
 * Copies text for people. Each character that a terminal could obey or that changes how others are
 * shown becomes '?': controls (C0, DEL, C1), bidirectional controls, line and paragraph separators,
 * characters without width, and each byte that is no part of well-formed UTF-8.
 *
 * @cap   bytes that out holds; longer text is cut between two characters, and out always ends with
 * NUL
 * @text  NULL: as ""
 */
void untrusted_copy(char *out, size_t cap, const char *text);

#define UNTRUSTED_JSON_DEPTH 8       /* objects and arrays within each other */
#define UNTRUSTED_JSON_VALUES 200000 /* members and elements, about */

/** Reads n bytes of JSON: one object within these bounds, with no name twice and no NUL in a
 * string. Returns a reference that the caller drops, or NULL for any other text. */
json_t *untrusted_json_parse(const char *text, size_t n);

/** Writes JSON as one line of visible ASCII; any other character, in names as in values, is
 * escaped. Returns a text that the caller frees, or NULL: no memory, or o is NULL. */
char *untrusted_json_dump(const json_t *o);

#endif
