/*
 * audit_subjects.h: what is said of a person at once, against what is said of each blob: that all
 * was erased, and that nobody could read. Memory grows with the persons of whom something is held
 * or frozen. docs/evidence.md, Checking.
 */
#ifndef CLI_AUDIT_SUBJECTS_H
#define CLI_AUDIT_SUBJECTS_H

#include "cli/audit_event.h"
#include "cli/audit_tags.h"

struct audit_subject {
	uint8_t key[AUDIT_TAGS_BYTES]; /* of its hash in the lines */
	int64_t frozen_until_ms;       /* -1: it is not frozen */
	uint32_t blobs;                /* that have not ended */
};

/* The last ends of one outbox that somebody asked for. */
struct audit_subjects_run {
	uint8_t key[AUDIT_TAGS_BYTES]; /* whose they were, */
	int64_t at_ms;                 /* when, */
	uint64_t n;                    /* and how many */
};

struct audit_subjects { /* zeroed before first use; audit_subjects_free() after the last */
	struct audit_subject *list; /* n of cap, in no order */
	size_t n, cap;
	struct audit_tags tags; /* the place in list of each of their keys */
	struct audit_subjects_run run[CHAIN_SHARDS];
};

/** A blob of the subject was stored, or has ended. False: no memory. */
bool audit_subjects_stored(struct audit_subjects *s, const uint8_t key[AUDIT_TAGS_BYTES]);
void audit_subjects_ended(struct audit_subjects *s, const uint8_t key[AUDIT_TAGS_BYTES]);

/** Somebody begins to read one of its blobs. */
void audit_subjects_read(const struct audit_subjects *s, struct findings *f,
	const struct audit_event *e, const uint8_t key[AUDIT_TAGS_BYTES]);

/**
 * Checks subject-erased, keeps subject-frozen and subject-released, counts the ends that an erasure
 * tells of; passes others over.
 *
 * @whole  all that was recorded is given, and the store never went back
 *
 * Returns false without memory.
 */
bool audit_subjects_event(
	struct audit_subjects *s, struct findings *f, const struct audit_event *e, bool whole);

/** The store may have forgotten that anybody is frozen. */
void audit_subjects_lost(struct audit_subjects *s);

/** Frees what s holds, but not s. */
void audit_subjects_free(struct audit_subjects *s);

#endif
