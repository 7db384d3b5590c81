/* audit_receipt.h: a receipt that somebody kept: the head that it quotes must stand in the file as
 * it was, and its event must be there. docs/evidence.md. */
#ifndef CLI_AUDIT_RECEIPT_H
#define CLI_AUDIT_RECEIPT_H

#include "cli/audit_chain.h"

struct audit_receipt {
	char tag[64], cause[32], event[CHAIN_ID_MAX + 1];
	uint64_t head_n; /* 0: none was signed when it was given */
	uint8_t head[CHAIN_HASH];
	bool head_met, event_met; /* in a chain, and right */
	struct audit_receipt_line_ref {
		/* the first line that is not as the receipt says; in one of several chains that is
		 * no fault */
		char file[256];
		uint64_t line; /* 0: none */
	} head_wrong, event_wrong;
};

/** audit_receipt_load(path, out): a JSON text with a receipt, or with "receipts", or several texts,
 * one a line: of several, the last. Returns an exit status. */
int audit_receipt_load(const char *path, struct audit_receipt *out);
/** audit_receipt_line(r, hash, l, at): look at one line, with its hash. */
void audit_receipt_line(struct audit_receipt *r, const uint8_t hash[CHAIN_HASH],
	const struct chain_line *l, const struct finding_place *at);
/** audit_receipt_end(r, f, first_n, last_n, last): what was not met by the end; of the lines that
 * were read, the smallest and largest number, and the last one. */
void audit_receipt_end(const struct audit_receipt *r, struct findings *f, uint64_t first_n,
	uint64_t last_n, const struct finding_place *last);

#endif
