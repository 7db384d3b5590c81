/* audit_receipt.h: a receipt that somebody kept: the head that it quotes must stand in the file as it was, and its event must be there. docs/evidence.md. */
#ifndef CLI_AUDIT_RECEIPT_H
#define CLI_AUDIT_RECEIPT_H

#include "cli/audit_chain.h"

struct receipt {
	char ref[64], cause[32], event[CHAIN_ID_MAX + 1];
	uint64_t head_n;          /* 0: none was signed when it was given */
	uint8_t head[CHAIN_HASH];
	bool head_met, event_met; /* in the file, and right */
	bool head_wrong, event_wrong; /* in the file, and not right: a finding was made */
};

/** receipt_load(path, out): a JSON text with a receipt, or with "receipts", or several texts, one a line: of several, the last. Returns an exit status. */
int receipt_load(const char *path, struct receipt *out);
/** receipt_line(r, f, hash_of, l, at): look at one line. */
void receipt_line(struct receipt *r, struct findings *f, const uint8_t hash[CHAIN_HASH], const struct chain_line *l, const struct audit_at *at);
/** receipt_end(r, c): what was not met by the end. */
void receipt_end(const struct receipt *r, struct audit_chain *c);

#endif
