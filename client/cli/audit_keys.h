/* audit_keys.h: chooses the keys that may have signed a chain. */
#ifndef CLI_AUDIT_KEYS_H
#define CLI_AUDIT_KEYS_H

#include "cli/audit_chain.h"
#include "cli/cli.h"
#include "lib/receipt.h"

/**
 * Reads the keys that --key says, otherwise TIMEGLAS_LOG_KEY or the configuration: each a public
 * key in either form (lib/receipt.h), or a file with one.
 *
 * @out  AUDIT_KEYS_MAX keys
 * @n    out: how many; 0 when nobody said one
 *
 * Returns 0, or an exit status after having said what is wrong.
 */
int audit_keys_read(const struct cmdline *o, struct sha256 *h, struct receipt_key *out, size_t *n);

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
int audit_keys_choose(const struct cli *cli, struct sha256 *h, const char *log,
	struct audit_chain *c, const char **from, char beside[4096]);

#endif
