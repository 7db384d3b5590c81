/* cmd_audit.h: what the two audit commands share. */
#ifndef CLI_CMD_AUDIT_H
#define CLI_CMD_AUDIT_H

#include "cli/audit_chain.h"

/** audit_keys(cli, log, c, from, beside): which keys may have signed: --key, or the file beside the evidence, whose name is put into beside. *from as in audit_report. Returns an exit status. */
int audit_keys(const struct cli *cli, const char *log, struct audit_chain *c, const char **from, char beside[4096]);

#endif
