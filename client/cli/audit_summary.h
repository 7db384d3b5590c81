/* audit_summary.h: the answers of an audit as a few sentences, for the report as text and as a
 * page. */
#ifndef CLI_AUDIT_SUMMARY_H
#define CLI_AUDIT_SUMMARY_H

#include "cli/audit_result.h"

#define AUDIT_SUMMARY_CHARS 512
#define AUDIT_SUMMARY_MAX 10

struct audit_summary {
	char verdict[AUDIT_SUMMARY_CHARS]; /* like "GOOD, from line number 7 on" */
	char sentence[AUDIT_SUMMARY_CHARS];
	char answer[AUDIT_SUMMARY_MAX][AUDIT_SUMMARY_CHARS];
	size_t n;
};

/** Fills in out. Names in it come from the evidence, escaped as they stand there. */
void audit_summary_make(const struct audit_report *r, struct audit_summary *out);

#endif
