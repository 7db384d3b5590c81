/*
 * audit_blobs.h: what the records say of blobs: what was stored, what ended it and how late, and
 * what is still held. Memory grows with the blobs that are held at one time, and not with the file.
 * It believes the records that it is given; audit_chain.h has checked them. docs/evidence.md.
 */
#ifndef CLI_AUDIT_BLOBS_H
#define CLI_AUDIT_BLOBS_H

#include "cli/audit_event.h"
#include "cli/audit_lateness.h"
#include "cli/audit_tags.h"

#define AUDIT_BLOBS_ROWS 128 /* pairs of kind and cause; further ones are "(others)" */
#define AUDIT_BLOBS_NAME 32  /* bytes of a kind or cause, its NUL included; a longer one is cut */

/* How many blobs of a kind were stored, or were ended by a cause. */
struct audit_blobs_row {
	char kind[AUDIT_BLOBS_NAME], cause[AUDIT_BLOBS_NAME]; /* cause "": stored */
	int dk; /* 1: issued in Denmark, 0: elsewhere, -1: makes no difference for this kind */
	uint64_t n;
	struct audit_lateness late; /* of those that a deadline ended */
};

/* A blob that has not ended. Times are Unix time. */
struct audit_blobs_open {
	uint8_t tag[AUDIT_TAGS_BYTES];
	int64_t deadline_ms;
	int64_t limit_ms; /* when its kind's limit ends it, whatever its deadline is */
	const char *file; /* and line: of the event that stored it */
	uint64_t line;
	struct chain_pos pos; /* of the same event */
	unsigned epoch;       /* of its store, as in struct audit_event */
	uint8_t shard;
	uint16_t row;         /* index of the row in which it is counted as stored */
	uint64_t reader_line; /* on which somebody claimed it or began to take it; 0: nobody has */
	uint8_t reader[16];   /* a hash of that one's name */
};

struct audit_blobs { /* zeroed before first use; audit_blobs_free() after the last */
	struct audit_blobs_row row[AUDIT_BLOBS_ROWS];
	size_t n_rows;
	struct audit_blobs_open *open; /* n_open of cap_open, in no order */
	size_t n_open, cap_open;
	struct audit_tags tags; /* the place in open of each of their tags */
	uint64_t stored, ended, aborted, lost;
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

/** Returns how many blobs of a row's kind have ended, by whatever cause. */
uint64_t audit_blobs_ended(const struct audit_blobs *b, const struct audit_blobs_row *stored);

/** Frees what b holds, but not b. */
void audit_blobs_free(struct audit_blobs *b);

#endif
