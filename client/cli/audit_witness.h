/* audit_witness.h: asks witnesses (timeglas-witness(8)) which checkpoint of a log they cosigned
 * last, and compares it with the log. So what was rewritten or cut behind the last proof that
 * somebody kept is found, too. docs/evidence.md. */
#ifndef CLI_AUDIT_WITNESS_H
#define CLI_AUDIT_WITNESS_H

#include "cli/audit_kept.h"
#include "cli/cli.h"
#include "core/policy.h"

struct audit_witness { /* one witness and one log */
	const char *url;
	char origin[NOTE_NAME_MAX + 1];
	struct audit_kept kept; /* kept.proof NULL: the witness has cosigned nothing of this log */
};

#define AUDIT_WITNESS_CHARS 1024

struct audit_witnesses { /* zeroed before first use; audit_witnesses_free() after the last */
	struct audit_witness *list;
	size_t n;
};

/**
 * Asks every witness of --witness for its latest checkpoint of every log that the files are of.
 *
 * @files   n_files paths
 * @keys    n_keys; any of them may have signed; 0: whoever signed it is not checked
 * @policy  NULL; or one of its witnesses must have cosigned
 *
 * Returns 0, or an exit status after having said what is wrong: also when a witness cannot be
 * reached.
 */
int audit_witnesses_ask(struct audit_witnesses *w, const struct cmdline *o, struct sha256 *h,
	const char *const *files, size_t n_files, const struct receipt_key *keys, size_t n_keys,
	const struct policy *policy);

/** Compares a line of a chain with what they cosigned. */
void audit_witnesses_line(struct audit_witnesses *w, const struct audit_chain *c,
	const struct chain_line *l, const struct finding_place *at);

/** Adds findings, as audit_kept_end(). */
void audit_witnesses_end(const struct audit_witnesses *w, struct findings *f, uint64_t first_n,
	uint64_t last_n, const struct finding_place *last);

/** Says whether the log is what it cosigned, after audit_witnesses_end(). Returns out. */
char *audit_witness_says(const struct audit_witness *w, char out[AUDIT_WITNESS_CHARS]);

/** Prints for people how far the log is what they cosigned. */
void audit_witnesses_text(const struct audit_witnesses *w);

/** Returns the same as a list. */
json_t *audit_witnesses_json(const struct audit_witnesses *w);

/** Frees what w holds, but not w. */
void audit_witnesses_free(struct audit_witnesses *w);

#endif
