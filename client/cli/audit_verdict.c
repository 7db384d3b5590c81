/* audit_verdict.c: a key that lies beside the evidence pins nothing: whoever can change one can
 * change both. Only a key that the caller gives does. Runs in the timeglas command. */
#include <string.h>
#include "cli/audit_verdict.h"
#include "cli/output.h"

static const struct {
	const char *word;
	int exit;
} verdicts[] = {
	[AUDIT_GOOD] = {"GOOD", EXIT_DONE},
	[AUDIT_UNPINNED] = {"UNPINNED", EXIT_UNPINNED},
	[AUDIT_BAD] = {"NOT GOOD", EXIT_EVIDENCE},
};

bool audit_verdict_pinned(const struct audit_chains *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->recorder[i].key_from == NULL ||
			strcmp(a->recorder[i].key_from, "given") != 0)
			return false;
	return true;
}

enum audit_verdict audit_verdict_of(const struct audit_chains *a)
{
	if (a->findings.total > 0)
		return AUDIT_BAD;
	return audit_verdict_pinned(a) ? AUDIT_GOOD : AUDIT_UNPINNED;
}

const char *audit_verdict_word(enum audit_verdict v)
{
	return verdicts[v].word;
}

int audit_verdict_exit(enum audit_verdict v)
{
	return verdicts[v].exit;
}
