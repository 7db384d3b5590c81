/*
 * judge.h: what a witness answers to a submission (C2SP tlog-witness). Pure: it signs and keeps
 * nothing.
 */
#ifndef WITNESS_JUDGE_H
#define WITNESS_JUDGE_H

#include <stddef.h>
#include <stdint.h>
#include "core/checkpoint.h"
#include "core/note.h"

struct judge_log {
	struct note_key key;      /* its name is the log's origin */
	struct checkpoint latest; /* that was cosigned; size 0: none */
};

struct verdict {
	int status;            /* of HTTP; 200: cosign it */
	const char *why;       /* of another status: a static sentence */
	struct judge_log *log; /* of 200 and 409 */
	struct checkpoint c;   /* of 200 */
	struct note note;      /* of 200; points into the submission */
};

/**
 * Judges a submission of n bytes.
 *
 * @log  n_logs of them, each with another name
 */
void judge(struct sha256 *h, struct judge_log *log, size_t n_logs, const char *p, size_t n,
	struct verdict *out);

#endif
