/*
 * audit_life.h: what the records say of blobs: what was stored, what ended it and how late, what is
 * still open. Memory grows with what is open at one time, and not with the file. It trusts what it
 * is given: the chain's checks are audit_chain.h's.
 */
#ifndef CLI_AUDIT_LIFE_H
#define CLI_AUDIT_LIFE_H

#include "cli/audit_event.h"

/* pairs of kind and cause that are told apart; further ones are "(others)" */
#define LIFE_ROWS 128
#define LIFE_NAME 32
#define LIFE_BUCKETS 1920u

struct life_row {
	char kind[LIFE_NAME], cause[LIFE_NAME]; /* cause "": what was stored */
	int dk;                                 /* -1: does not matter for this kind */
	uint64_t n;
	uint64_t n_late; /* of these, ended by a deadline */
	int64_t worst_us;
	/* LIFE_BUCKETS counts of lateness, each bucket 1/32 wider than exact at most */
	uint32_t *hist;
};

struct life_open {
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

struct life { /* zeroed before first use; life_free() after the last */
	struct life_row row[LIFE_ROWS];
	size_t n_rows;
	struct life_open *slot;
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

/** life_event(l, f, e): one record that is to be believed. */
void life_event(struct life *l, struct findings *f, const struct audit_event *e);
/** life_gap(l, at_ms): some of what was recorded before at_ms is not given. */
void life_gap(struct life *l, int64_t at_ms);
/** life_overdue(l, f, last_ms): what is open and was due by then: each a finding. Returns how many.
 */
uint64_t life_overdue(const struct life *l, struct findings *f, int64_t last_ms);
/** life_quantile_us(r, q): lateness that a share q (0..1) of them did not exceed, at most 1/32 too
 * high. */
int64_t life_quantile_us(const struct life_row *r, double q);
void life_free(struct life *l);

#endif
