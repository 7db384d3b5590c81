/*
 * audit_ends.h: does the end of a blob follow from what the lines before it say? Deadline, cause,
 * lateness and reader are computed again and compared. No memory of its own. docs/evidence.md,
 * Checking.
 */
#ifndef CLI_AUDIT_ENDS_H
#define CLI_AUDIT_ENDS_H

#include "cli/audit_sessions.h"

/* What earlier lines say of the blob. Times are Unix time. */
struct audit_ends_facts {
	int64_t stored_ms, deadline_ms;
	int64_t read_ms;  /* when its reader took or claimed it; -1: nobody has */
	int64_t lease_ms; /* end of the claim; -1: none */
	const struct audit_session *session; /* that it was bound to; NULL: none */
	const char *to, *uploader, *kind;    /* to: names, with a blank between two */
	int dk;                              /* as in a record */
	const uint8_t *subject;              /* of its hash; zeros: none */
};

/**
 * Checks the end of a blob.
 *
 * @r, at  the record, and where it stands
 *
 * Returns how late it was, in microseconds, as the times say; -1 when it was not due.
 */
int64_t audit_ends_check(struct findings *f, const struct chain_record *r,
	const struct finding_place *at, const struct audit_ends_facts *blob);

/** Checks that the one who reads a blob is one of its addressees. */
void audit_ends_reader(struct findings *f, const struct chain_record *r,
	const struct finding_place *at, const char *to);

/** Checks that a claim ends in time. */
void audit_ends_claim(
	struct findings *f, const struct chain_record *r, const struct finding_place *at);

#endif
