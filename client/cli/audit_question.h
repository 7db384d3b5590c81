/*
 * audit_question.h: what audit show is asked, and whether a record belongs to the answer. A blob, a
 * session and a person stand in the evidence as hashes only: whoever knows the id, or the
 * pseudonym, can ask. docs/evidence.md.
 */
#ifndef CLI_AUDIT_QUESTION_H
#define CLI_AUDIT_QUESTION_H

#include "cli/audit_names.h"
#include "cli/cmdline.h"

enum audit_question_kind {
	AUDIT_ASK_AT,      /* what was held at a moment */
	AUDIT_ASK_PEER,    /* what a peer stored, read, or tried to */
	AUDIT_ASK_BLOB,    /* all of one blob */
	AUDIT_ASK_SESSION, /* all of a session, and of what is bound to it */
	AUDIT_ASK_SUBJECT, /* all of a person */
	AUDIT_ASK_ATTEMPTS /* what was refused */
};

struct audit_question { /* zeroed before first use; audit_question_free() after the last */
	enum audit_question_kind kind;
	const char *text; /* as it was asked; NULL: attempts */
	int64_t at_ms, from_ms, to_ms;

	/* audit_question.c's own */
	char hash[2 * AUDIT_TAGS_BYTES + 1]; /* of the blob, the session, or the subject */
	struct audit_names peers;            /* all that occur */
	struct audit_names subjects;         /* the subject's hash under each uploader */
	size_t n_uploaders;
	struct audit_tags blobs;    /* that belong to the session or person */
	struct audit_tags sessions; /* whose opening or end belongs to it */
	bool no_memory;
};

/** Reads the question from the options. Returns 0, or EXIT_USAGE after having said what is wrong.
 */
int audit_question_read(const struct cmdline *o, struct audit_question *q);

/** Returns whether a record belongs to the answer; no question but AUDIT_ASK_AT is asked so. Give
 * it each record in turn: it learns from one what belongs to a later one. */
bool audit_question_match(struct audit_question *q, const struct chain_record *r);

/** Returns whether an index (audit_index.h) can answer it. */
bool audit_question_indexed(const struct audit_question *q);

/** Tells the name of an uploader that occurs: a person's hash differs by uploader. */
void audit_question_uploader(struct audit_question *q, struct chain_text name);

/** Returns the i-th hash of the blob, the session or the person as it stands in lines; NULL behind
 * the last, of which a person has one for each uploader. */
const char *audit_question_hash(const struct audit_question *q, size_t i);

/** Returns whether a record names the session or person itself, and not only a blob of it. */
bool audit_question_names(struct audit_question *q, const struct chain_record *r);

/**
 * Refuses a question about what the evidence does not cover.
 *
 * @first_ms, last_ms  the earliest and latest time of any line
 *
 * Returns 0, or EXIT_USAGE after having said what there is.
 */
int audit_question_check(const struct audit_question *q, int64_t first_ms, int64_t last_ms);

/** Frees what q holds, but not q. */
void audit_question_free(struct audit_question *q);

#endif
