/* audit_report.h: the result of audit verify, as a page for people or as a JSON object. */
#ifndef CLI_AUDIT_REPORT_H
#define CLI_AUDIT_REPORT_H

#include <jansson.h>
#include "cli/audit_result.h"

/** Prints the page on stdout. */
void audit_report_text(const struct audit_report *r);

/** Returns the object, a new reference; NULL without memory. */
json_t *audit_report_json(const struct audit_report *r);

#endif
