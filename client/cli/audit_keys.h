/* audit_keys.h: which keys may have signed the evidence. */
#ifndef CLI_AUDIT_KEYS_H
#define CLI_AUDIT_KEYS_H

#include "cli/audit_chain.h"
#include "cli/cli.h"

/**
 * audit_keys_choose(cli, log, c, from, beside): for the chain that begins with the file log: what
 * --key says, or the file beside it, whose name is put into beside. *from: "given", beside, or
 * NULL: nobody said. Returns an exit status.
 */
int audit_keys_choose(const struct cli *cli, const char *log, struct audit_chain *c,
	const char **from, char beside[4096]);

#endif
