/* audit_html.h: the result of audit verify as one page of HTML that needs nothing else, for people
 * who are no engineers, and for paper. */
#ifndef CLI_AUDIT_HTML_H
#define CLI_AUDIT_HTML_H

#include "cli/audit_result.h"

/** Writes the page, whole or not at all. Returns 0, or an exit status after having said what is
 * wrong. */
int audit_html_write(const struct audit_report *r, const char *path);

#endif
