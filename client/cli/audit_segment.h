/*
 * audit_segment.h: one file of the index: for some 10^6 lines of one evidence file, which run of 64
 * lines has a tag, a session or a person in it. It lies in the user's state folder, and is made by
 * audit_build.h of lines that were checked; what it says of a run's content is compared with the
 * run. docs/evidence.md.
 *
 * Form: the head, the runs, the buckets, the names, the entries. An entry has 32 bits of a hash of
 * what was met, then the number of the run; entries are sorted, and a bucket is all those whose
 * hash begins with the same bits.
 */
#ifndef CLI_AUDIT_SEGMENT_H
#define CLI_AUDIT_SEGMENT_H

#include "cli/audit_chain.h"
#include "lib/state.h"

#define AUDIT_SEGMENT_RUN 64u         /* lines of a run; the last may have fewer */
#define AUDIT_SEGMENT_PREFIX "index-" /* of a segment's file */
#define AUDIT_SEGMENT_PATH (TG_STATE_PATH + 128)
#define AUDIT_SEGMENT_LOG 2048 /* bytes of an evidence file's path, its NUL included */

enum audit_segment_word { /* what is looked up, as it stands in the lines */
	AUDIT_SEGMENT_TAG,
	AUDIT_SEGMENT_SESSION,
	AUDIT_SEGMENT_SUBJECT
};

struct audit_segment_run {
	uint64_t end_bytes;       /* of the evidence file, up to the end of this run */
	uint8_t last[CHAIN_HASH]; /* hash of its last line */
};

struct audit_segment_bucket {
	uint64_t from; /* number of its first entry; the last bucket is empty */
	uint64_t sum;  /* of its entries, against damage */
};

/* As it stands in the file. All but entries and buckets is covered by sum. */
struct audit_segment_head {
	uint8_t sum[32];
	uint64_t form;               /* tells other versions, sizes and byte orders apart */
	uint8_t first[CHAIN_HASH];   /* hash of the evidence file's first line */
	char log[AUDIT_SEGMENT_LOG]; /* where that file was; "": the path is too long */
	uint64_t first_n;            /* number of its first line */
	uint64_t from_bytes, to_bytes, from_line, to_line; /* what of it is indexed */
	uint64_t before_n;                                 /* the line before the first of these: */
	uint8_t before[CHAIN_HASH];                        /* number and hash */
	int64_t first_ms, last_ms, made_ms;
	uint64_t taken_over; /* records of that name */
	uint64_t n_keys;     /* keys that signed checkpoints in it */
	uint8_t key[AUDIT_KEYS_MAX][CHAIN_KEY];
	char epoch[CHAIN_EPOCH + 1]; /* of the last line, a checkpoint */
	struct audit_chain_state end;
	uint8_t seed[16]; /* of the hashes */
	uint64_t runs, bucket_bits, entries, names_bytes;
};

/* Version 1; with another layout of the head it is another number. */
#define AUDIT_SEGMENT_FORM \
	(UINT64_C(0x7467696e64657801) + ((uint64_t)sizeof(struct audit_segment_head) << 8))

struct audit_segment { /* zeroed; audit_segment_free() after the last use */
	struct audit_segment_head head;
	struct audit_segment_run *run;       /* head.runs */
	struct audit_segment_bucket *bucket; /* 2^head.bucket_bits, and one that is empty */
	char *names; /* of uploaders, each with a NUL behind it; head.names_bytes in all */
	int fd;      /* -1: not open */
};

/** Writes the path of the segment that begins at from_bytes of the evidence file with this first
 * line. Returns false when the user has no state folder. */
bool audit_segment_path(
	const uint8_t first[CHAIN_HASH], uint64_t from_bytes, char out[AUDIT_SEGMENT_PATH]);

/** Opens a segment. Returns false when there is none, or none that this program can use. */
bool audit_segment_open(struct audit_segment *s, const char *path);

/** Reads only the head of the segment of that name in a folder, of which nothing is checked but its
 * form. Returns false when that is another one. */
bool audit_segment_peek(int dir, const char *name, struct audit_segment_head *out);

/** Closes it and frees what it holds. */
void audit_segment_free(struct audit_segment *s);

/** Returns the upper 32 bits of an entry. */
uint32_t audit_segment_hash(
	const uint8_t seed[16], enum audit_segment_word word, struct chain_text text);

/** Sums the head, with its sum taken as zeros, and the three parts behind it. */
void audit_segment_sum(const struct audit_segment *s, uint8_t out[32]);

/** Sums the entries of a bucket. */
uint64_t audit_segment_bucket_sum(const uint8_t seed[16], const uint64_t *entry, size_t n);

/** The first bucket whose entries have this hash, or would have. */
static inline size_t audit_segment_bucket_of(uint64_t bits, uint32_t hash)
{
	return (size_t)((uint64_t)hash >> (32 - bits));
}

/**
 * Looks up in which runs something was met.
 *
 * @out  out: some of these runs may not have it; free() it
 * @n    out
 *
 * Returns false when the segment is damaged, or without memory.
 */
bool audit_segment_find(struct audit_segment *s, enum audit_segment_word word,
	struct chain_text text, uint32_t **out, size_t *n);

#endif
