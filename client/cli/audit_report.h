/* audit_report.h: what verifying has found, as one page for people and as one JSON object. */
#ifndef CLI_AUDIT_REPORT_H
#define CLI_AUDIT_REPORT_H

#include <jansson.h>
#include "cli/audit_chains.h"
#include "cli/audit_blobs.h"
#include "cli/audit_receipt.h"

struct audit_report {
	const struct audit_chains *all;
	struct audit_sums sums;
	const struct audit_blobs *life;
	const struct audit_receipt *receipt; /* NULL: none was given */
	uint64_t overdue;
};

/** audit_report_text(r): on stdout. */
void audit_report_text(const struct audit_report *r);
/** audit_report_json(r): a new object, NULL without memory. */
json_t *audit_report_json(const struct audit_report *r);

#endif
