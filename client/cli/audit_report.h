/* audit_report.h: what verifying has found, as one page for people and as one JSON object. */
#ifndef CLI_AUDIT_REPORT_H
#define CLI_AUDIT_REPORT_H

#include <jansson.h>
#include "cli/audit_all.h"
#include "cli/audit_life.h"
#include "cli/audit_receipt.h"

struct audit_report {
	const struct audit_all *all;
	struct audit_sums sums;
	const struct life *life;
	const struct receipt *receipt; /* NULL: none was given */
	uint64_t overdue;
};

/** report_text(r): on stdout. */
void report_text(const struct audit_report *r);
/** report_json(r): a new object, NULL without memory. */
json_t *report_json(const struct audit_report *r);

#endif
