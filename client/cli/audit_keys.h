/* audit_keys.h: chooses the keys that may have signed a chain. */
#ifndef CLI_AUDIT_KEYS_H
#define CLI_AUDIT_KEYS_H

#include "cli/audit_chain.h"
#include "cli/cli.h"

/**
 * Takes the keys that --key says, otherwise the key in the file beside the log.
 *
 * @log     the first file of the chain
 * @c       gets the keys
 * @from    out: "given", the path in beside, or NULL when nobody said which key it must be
 * @beside  memory for the name of the file beside the log
 *
 * Returns 0, or an exit status after having said what is wrong.
 */
int audit_keys_choose(const struct cli *cli, const char *log, struct audit_chain *c,
	const char **from, char beside[4096]);

#endif
