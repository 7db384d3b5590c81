/* cmd.h: the commands, one function each, in cmd_*.c. Each returns the exit status, after having
 * said what is wrong. The table of command.c calls them. */
#ifndef CLI_CMD_H
#define CLI_CMD_H

#include "cli/cli.h"

int cmd_keygen(struct cli *cli);
int cmd_seal(struct cli *cli);
int cmd_open(struct cli *cli);
int cmd_session_open(struct cli *cli);
int cmd_session_show(struct cli *cli);
int cmd_session_touch(struct cli *cli);
int cmd_session_close(struct cli *cli);
int cmd_subject_show(struct cli *cli);
int cmd_subject_erase(struct cli *cli);
int cmd_subject_freeze(struct cli *cli);
int cmd_subject_release(struct cli *cli);
int cmd_put(struct cli *cli);
int cmd_get(struct cli *cli);
int cmd_take(struct cli *cli);
int cmd_stat(struct cli *cli);
int cmd_rm(struct cli *cli);
int cmd_proof(struct cli *cli);
int cmd_policy(struct cli *cli);
int cmd_audit_verify(struct cli *cli);
int cmd_audit_show(struct cli *cli);
int cmd_audit_index(struct cli *cli);
int cmd_audit_receipt(struct cli *cli);

#endif
