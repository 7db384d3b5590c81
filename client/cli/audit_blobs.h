/*
 * audit_blobs.h: what the records say of blobs: what was stored, what ended it and how late, and
 * what is still held. Memory grows with the blobs that are held at one time, and not with the file.
 * It believes the records that it is given; audit_chain.h has checked them. docs/evidence.md.
 */
#ifndef CLI_AUDIT_BLOBS_H
#define CLI_AUDIT_BLOBS_H

#include "cli/audit_days.h"
#include "cli/audit_event.h"
#include "cli/audit_names.h"
#include "cli/audit_open.h"
#include "cli/audit_rows.h"
#include "cli/audit_sessions.h"
#include "cli/audit_subjects.h"
#include "cli/audit_tally.h"

#define AUDIT_TOO_LATE_US INT64_C(5000000) /* then it was not erased in time */

struct audit_blobs { /* zeroed before first use; audit_blobs_free() after the last */
	struct audit_rows rows;
	struct audit_open open;
	struct audit_sessions sessions;
	struct audit_subjects subjects;
	struct audit_names names;
	struct audit_tally outcomes; /* "": a reader that said nothing */
	struct audit_lateness late;  /* of all that were due */
	struct audit_days days;
	uint64_t stored, ended, aborted, lost;
	uint64_t store_lost, forgotten; /* with the store's memory; when it went back */
	uint64_t too_late;              /* ended more than AUDIT_TOO_LATE_US after its deadline */
	uint64_t no_begin; /* ends of blobs that were stored before the given files, or in others */
	uint64_t came_back;      /* ends of blobs that had ended before: the store went back */
	uint64_t second_readers; /* reads of a blob that had its reader already */
	uint64_t reverted;       /* times that the store went back */
	/* blobs that were held when a recorder took over whose files are not given */
	uint64_t not_given;
	bool gaps;      /* not all is given; the beginning of an end may be missing */
	int64_t gap_ms; /* with gaps: what was recorded before this may be missing */
	/* a blob that ends and whose deadline is up to here may have come back; 0: none has */
	int64_t came_back_until_ms;
	bool no_memory;
};

/** Counts one event, and adds findings. Sets b->no_memory when memory runs out. */
void audit_blobs_event(struct audit_blobs *b, struct findings *f, const struct audit_event *e);

/** Notes that a part of what was recorded before at_ms is not given. */
void audit_blobs_gap(struct audit_blobs *b, int64_t at_ms);

/** Adds a finding for each blob that is still held although it was due at last_ms. Returns how many
 * there are. */
uint64_t audit_blobs_overdue(const struct audit_blobs *b, struct findings *f, int64_t last_ms);

/** Frees what b holds, but not b. */
void audit_blobs_free(struct audit_blobs *b);

#endif
