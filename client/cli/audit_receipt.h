/* audit_receipt.h: compares a receipt that somebody kept with the evidence: its event must be
 * there and say all that the receipt says, and the line that it quotes must be unchanged.
 * docs/evidence.md. */
#ifndef CLI_AUDIT_RECEIPT_H
#define CLI_AUDIT_RECEIPT_H

#include <jansson.h>
#include "cli/audit_chain.h"
#include "lib/evidence_tag.h"

struct audit_receipt {
	char tag[64], cause[32], event[CHAIN_ID_MAX + 1];
	char of_blob[EVIDENCE_TAG_CHARS +
		1];           /* the tag of the blob that it names; "": it names none by an id */
	char outcome[32];     /* "": none */
	int64_t erased_at_ms; /* -1: it does not say */
	uint64_t head_n;      /* number of the line that it quotes; 0: it quotes none */
	uint8_t head[CHAIN_HASH]; /* hash of that line */
	bool head_met, event_met; /* they stand in a chain as the receipt says */
	struct audit_receipt_line_ref {
		/* the first line that differs from the receipt; a fault only when no chain has the
		 * right one */
		char file[256];
		uint64_t line; /* 0: none */
	} head_wrong, event_wrong;
	char differs[192]; /* what event_wrong says otherwise */
};

/** Reads a receipt as the server's answer has it. Returns false when o is none. */
bool audit_receipt_take(const json_t *o, struct audit_receipt *out);

/** Compares the line of the number that it quotes, which has this hash, with it. */
void audit_receipt_head(struct audit_receipt *r, const uint8_t hash[CHAIN_HASH],
	const struct chain_line *l, const struct finding_place *at);

/** Compares the record of its event with it. */
void audit_receipt_event(
	struct audit_receipt *r, const struct chain_record *e, const struct finding_place *at);

/**
 * Adds findings for what was not met.
 *
 * @first_n, last_n  the smallest and the largest number of a line that was read
 * @last             the last line; NULL: there was none
 */
void audit_receipt_end(const struct audit_receipt *r, struct findings *f, uint64_t first_n,
	uint64_t last_n, const struct finding_place *last);

#endif
