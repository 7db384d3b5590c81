/* audit_receipts.h: all receipts of a file that somebody kept, against the evidence: each must fit.
 * docs/evidence.md. */
#ifndef CLI_AUDIT_RECEIPTS_H
#define CLI_AUDIT_RECEIPTS_H

#include "cli/audit_receipt.h"

#define AUDIT_RECEIPTS_MAX 10000u

struct audit_receipts { /* zeroed before first use; audit_receipts_free() after the last */
	struct audit_receipt *list; /* n, by their events */
	size_t n;
	struct audit_receipt **by_head; /* the same n, by the numbers of the lines they quote */
};

/** Reads a file with a receipt, with a list "receipts", or with several of these, one a line.
 * Returns 0, or an exit status after having said what is wrong. */
int audit_receipts_load(const char *path, struct audit_receipts *out);

/** Compares one line, which has this hash, with them. */
void audit_receipts_line(struct audit_receipts *r, const uint8_t hash[CHAIN_HASH],
	const struct chain_line *l, const struct finding_place *at);

/** Adds findings for each that was not met. Arguments as of audit_receipt_end(). */
void audit_receipts_end(const struct audit_receipts *r, struct findings *f, uint64_t first_n,
	uint64_t last_n, const struct finding_place *last);

/** Returns whether the event of each is there, and whether each quotes a head that is. */
bool audit_receipts_event_met(const struct audit_receipts *r);
bool audit_receipts_head_met(const struct audit_receipts *r);

/** Frees what r holds, but not r. */
void audit_receipts_free(struct audit_receipts *r);

#endif
