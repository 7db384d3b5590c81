/*
 * untrusted.h: text of a server's before anybody sees it: what a terminal may be given, and JSON
 * within bounds. The command line uses the same for all that it prints. Not installed. Runs
 * wherever the library does.
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

/** untrusted_json_parse(text, n): an object within these bounds, no name twice, no NUL in a string.
 * NULL for all else. The caller's reference. */
json_t *untrusted_json_parse(const char *text, size_t n);
/** untrusted_json_dump(o): one line of visible ASCII: everything else, in names as in values, is
 * escaped. malloc()ed; NULL: no memory, or o is NULL. */
char *untrusted_json_dump(const json_t *o);

#endif
