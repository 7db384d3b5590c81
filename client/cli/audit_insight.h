/*
 * audit_insight.h: answers audit show by the index (audit_index.h), where there is one: all of a
 * blob, a session or a person. A session or a person is looked up first, then each blob and session
 * that its lines name. What the index finds goes through the same question as every line of a full
 * reading, in the same order; what lies behind the index is read.
 */
#ifndef CLI_AUDIT_INSIGHT_H
#define CLI_AUDIT_INSIGHT_H

#include "cli/audit_index.h"
#include "cli/audit_question.h"

struct audit_insight {            /* zeroed before first use; audit_insight_free() after the last */
	struct audit_index index; /* n > 0: the answer is by it */

	/* audit_insight.c's own */
	struct audit_place { /* of a run */
		uint32_t segment, run;
	} * place;
	size_t n, cap;
	struct audit_tags tags, sessions; /* that were looked up */
	struct audit_question *asked;
	int (*event)(void *ctx, const struct audit_event *e);
	void *ctx;
};

/**
 * Answers from the index as far as it goes, and lets the reading go on behind it. Where the
 * evidence is not what was indexed, that is said, and all of it is read. For audit_calls.begin.
 *
 * @event  called with ctx for each event that may belong to the answer
 *
 * Returns 0, or an exit status.
 */
int audit_insight_begin(struct audit_insight *a, struct audit_recorder *t,
	struct audit_question *asked, int (*event)(void *ctx, const struct audit_event *e),
	void *ctx);

/** Frees what a holds. */
void audit_insight_free(struct audit_insight *a);

#endif
