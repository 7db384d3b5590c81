/* audit_receipt.h: a receipt that somebody kept: the head that it quotes must stand in the file as
 * it was, and its event must be there. docs/evidence.md. */
#ifndef CLI_AUDIT_RECEIPT_H
#define CLI_AUDIT_RECEIPT_H

#include "cli/audit_chain.h"

struct receipt {
	char tag[64], cause[32], event[CHAIN_ID_MAX + 1];
	uint64_t head_n; /* 0: none was signed when it was given */
	uint8_t head[CHAIN_HASH];
	bool head_met, event_met; /* in a chain, and right */
	struct receipt_wrong {
		/* the first line that is not as the receipt says; in one of several chains that is
		 * no fault */
		char file[256];
		uint64_t line; /* 0: none */
	} head_wrong, event_wrong;
};

/** receipt_load(path, out): a JSON text with a receipt, or with "receipts", or several texts, one a
 * line: of several, the last. Returns an exit status. */
int receipt_load(const char *path, struct receipt *out);
/** receipt_line(r, hash, l, at): look at one line, with its hash. */
void receipt_line(struct receipt *r, const uint8_t hash[CHAIN_HASH], const struct chain_line *l,
	const struct audit_at *at);
/** receipt_end(r, f, first_n, last_n, last): what was not met by the end; of the lines that were
 * read, the smallest and largest number, and the last one. */
void receipt_end(const struct receipt *r, struct findings *f, uint64_t first_n, uint64_t last_n,
	const struct audit_at *last);

#endif
