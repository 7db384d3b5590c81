/* audit_tree.h: makes the tree of a chain again, from its lines, and compares it with what each
 * checkpoint says: the log's name, the root, and the signature of the note (docs/evidence.md). */
#ifndef CLI_AUDIT_TREE_H
#define CLI_AUDIT_TREE_H

#include <stdbool.h>
#include "cli/findings.h"
#include "core/chain.h"
#include "core/tree.h"

struct audit_tree { /* zeroed before first use, but for sha and edge */
	struct sha256 *sha;
	/* of all lines up to the last one; at first, of those before the first: from tiles, or
	 * empty */
	struct tree_edge edge;
	bool lost;                         /* lines are missing, so no root can be made any more */
	bool wrong;                        /* a root was wrong, and so are all behind it */
	char origin[CHAIN_ORIGIN_MAX + 1]; /* "": no checkpoint named one yet */
	uint64_t roots;                    /* compared, and right */
	uint64_t unknown;                  /* not compared, because lines are missing */
};

/** Takes a line, of n bytes without its LF, which stands in that place. */
void audit_tree_line(struct audit_tree *t, uint64_t place, const char *line, size_t n);

/** Compares a checkpoint, whose own line was not taken yet, with the tree of the lines before it.
 * Adds a finding for what differs. */
void audit_tree_check(struct audit_tree *t, const struct chain_check *c, struct findings *f,
	const struct finding_place *at);

/** Makes the root of the tree over all lines so far. Returns false when it is not known, because
 * lines before are missing. */
bool audit_tree_root(const struct audit_tree *t, uint8_t out[TREE_HASH]);

#endif
