/* audit_report.h: the result of audit verify, as a page for people or as a JSON object. */
#ifndef CLI_AUDIT_REPORT_H
#define CLI_AUDIT_REPORT_H

#include <jansson.h>
#include "cli/audit_attempts.h"
#include "cli/audit_chains.h"
#include "cli/audit_blobs.h"
#include "cli/audit_kept.h"
#include "cli/audit_receipt.h"
#include "cli/audit_verdict.h"

struct audit_report {
	const struct audit_chains *all;
	struct audit_sums sums;
	const struct audit_blobs *blobs;
	const struct audit_attempts *attempts;
	const struct audit_receipt *receipt; /* NULL: none was given */
	const struct audit_kept *kept;       /* NULL: no proof was given */
	uint64_t overdue;
	enum audit_verdict verdict;
};

/** Prints the page on stdout. */
void audit_report_text(const struct audit_report *r);

/** Returns the object, a new reference; NULL without memory. */
json_t *audit_report_json(const struct audit_report *r);

#endif
