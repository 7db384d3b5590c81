/* audit_report.h: what verifying has found, as one page for people and as one JSON object. */
#ifndef CLI_AUDIT_REPORT_H
#define CLI_AUDIT_REPORT_H

#include <jansson.h>
#include "cli/audit_life.h"
#include "cli/audit_receipt.h"

struct audit_report {
	const char **file;
	size_t n_files;
	const struct audit_chain *chain;
	const struct life *life;
	const struct receipt *receipt; /* NULL: none was given */
	uint64_t overdue;
	const char *key_from;          /* "given", or the file beside the evidence; NULL: nobody said which key it must be */
};

/** report_text(r): on stdout. */
void report_text(const struct audit_report *r);
/** report_json(r): a new object, NULL without memory. */
json_t *report_json(const struct audit_report *r);

#endif
