/* audit_result.h: what audit verify has found, for all that tell of it. */
#ifndef CLI_AUDIT_RESULT_H
#define CLI_AUDIT_RESULT_H

#include "cli/audit_attempts.h"
#include "cli/audit_chains.h"
#include "cli/audit_blobs.h"
#include "cli/audit_kept.h"
#include "cli/audit_receipts.h"
#include "cli/audit_verdict.h"
#include "cli/audit_witness.h"

struct audit_report {
	const struct audit_chains *all;
	struct audit_sums sums;
	const struct audit_blobs *blobs;
	const struct audit_attempts *attempts;
	const struct audit_receipts *receipts; /* NULL: none was given */
	const struct audit_kept *kept;         /* NULL: no proof was given */
	const struct audit_witnesses *asked;   /* empty: no witness was asked */
	uint64_t overdue;
	enum audit_verdict verdict;
};

#endif
