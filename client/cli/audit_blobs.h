/*
 * audit_blobs.h: what the records say of blobs: what was stored, what ended it and how late, what
 * is still open. Memory grows with what is open at one time, and not with the file. It trusts what
 * it is given: the chain's checks are audit_chain.h's.
 */
#ifndef CLI_AUDIT_BLOBS_H
#define CLI_AUDIT_BLOBS_H

#include "cli/audit_event.h"
#include "cli/audit_lateness.h"

/* pairs of kind and cause that are told apart; further ones are "(others)" */
#define AUDIT_BLOBS_ROWS 128
#define AUDIT_BLOBS_NAME 32

struct audit_blobs_row {
	char kind[AUDIT_BLOBS_NAME], cause[AUDIT_BLOBS_NAME]; /* cause "": what was stored */
	int dk; /* -1: does not matter for this kind */
	uint64_t n;
	struct audit_lateness late; /* of those that a deadline ended */
};

struct open_blob {
	uint8_t tag[16];
	int64_t deadline_ms;
	/* when it must have ended by the published rules, whatever it was given */
	int64_t limit_ms;
	uint64_t line;
	const char *file; /* NULL: a free place */
	/* who claimed it, or began to take it: a hash of the name; 0: nobody */
	uint64_t reader, reader_line;
	struct chain_pos pos; /* of the event that stored it */
	unsigned epoch;       /* and its store */
	uint16_t row;         /* of what was stored */
	uint8_t shard;
};

struct audit_blobs { /* zeroed before first use; audit_blobs_free() after the last */
	struct audit_blobs_row row[AUDIT_BLOBS_ROWS];
	size_t n_rows;
	struct open_blob *slot;
	/* of the table: who writes tags must not know where they end up */
	uint8_t seed[16];
	size_t cap, n_open;
	uint64_t stored, ended, aborted, lost;
	/* ends of what was stored before the first file, or in one that is not given */
	uint64_t before;
	/* ends of what had ended already, and came back with a store that was failed over */
	uint64_t again;
	uint64_t second;   /* reads of what had a reader already */
	uint64_t reverted; /* times that the store went back */
	/* open when somebody else began to record, whose files are not given */
	uint64_t elsewhere;
	bool gaps;      /* not all is given: an end may lack its beginning, */
	int64_t gap_ms; /* if that lies before here */
	/* up to that deadline, what ends may have come back; 0: nothing has */
	int64_t came_back_ms;
	bool no_memory;
};

/** audit_blobs_event(l, f, e): one record that is to be believed. */
void audit_blobs_event(struct audit_blobs *l, struct findings *f, const struct audit_event *e);
/** audit_blobs_gap(l, at_ms): some of what was recorded before at_ms is not given. */
void audit_blobs_gap(struct audit_blobs *l, int64_t at_ms);
/** audit_blobs_overdue(l, f, last_ms): what is open and was due by then: each a finding. Returns
 * how many.
 */
uint64_t audit_blobs_overdue(const struct audit_blobs *l, struct findings *f, int64_t last_ms);
void audit_blobs_free(struct audit_blobs *l);

#endif
