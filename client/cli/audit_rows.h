/* audit_rows.h: how many blobs of each kind were stored, and how many were ended by each cause. */
#ifndef CLI_AUDIT_ROWS_H
#define CLI_AUDIT_ROWS_H

#include <stdbool.h>
#include "cli/audit_lateness.h"
#include "core/chain.h"

#define AUDIT_ROWS 128     /* pairs of kind and cause; further ones are "(others)" */
#define AUDIT_ROWS_NAME 32 /* bytes of a kind or cause, its NUL included; a longer one is cut */

struct audit_row {
	char kind[AUDIT_ROWS_NAME], cause[AUDIT_ROWS_NAME]; /* cause "": stored */
	int dk; /* 1: issued in Denmark, 0: elsewhere, -1: makes no difference for this kind */
	uint64_t n;
	struct audit_lateness late; /* of those that were due */
	struct audit_lateness held; /* stored: how long those that have ended were held */
	int64_t limit_ms;           /* stored: the longest that such a blob may be held */
};

struct audit_rows { /* zeroed before first use; audit_rows_free() after the last */
	struct audit_row row[AUDIT_ROWS];
	size_t n;
};

/** Returns the index of the row; a new one, with nothing counted, if there was none. */
size_t audit_rows_of(struct audit_rows *l, struct chain_text kind, int dk, struct chain_text cause);

/** Returns how many blobs of a row's kind have ended, by whatever cause. */
uint64_t audit_rows_ended(const struct audit_rows *l, const struct audit_row *stored);

/** Puts the rows in order of kind, issuer and cause. Indexes change. */
void audit_rows_sort(struct audit_rows *l);

/** Frees what the rows hold. */
void audit_rows_free(struct audit_rows *l);

#endif
