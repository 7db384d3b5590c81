/* audit_verdict.h: what audit verify says in one word, and in one sentence. */
#ifndef CLI_AUDIT_VERDICT_H
#define CLI_AUDIT_VERDICT_H

#include "cli/audit_chains.h"

enum audit_verdict {
	AUDIT_GOOD,
	AUDIT_UNPINNED, /* nothing is wrong, but any key could have signed this */
	AUDIT_BAD
};

/** Returns the verdict on what was read. */
enum audit_verdict audit_verdict_of(const struct audit_chains *a);

/** Returns whether the caller gave a key for each chain that was read. */
bool audit_verdict_pinned(const struct audit_chains *a);

/** Returns "GOOD", "UNPINNED" or "NOT GOOD". */
const char *audit_verdict_word(enum audit_verdict v);

/** Returns the exit status that goes with it. */
int audit_verdict_exit(enum audit_verdict v);

#endif
