/* commands.h: the commands of timeglas, one row each in commands.c, one function each in cmd_*.c.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include <stddef.h>
#include <stdint.h>
#include <timeglas/timeglas.h>
#include "cli/options.h"
#include "cli/progress.h"

struct cli {
	struct options opt;
	/* what the command works on; NULL when it takes none or none was given */
	const char *operand;
	struct progress progress;
};

struct command {
	const char *name, *sub; /* sub: NULL for commands of one word */
	const char *operand;    /* its name in usage; NULL: takes none; "[X]": may be missing */
	const char *what;       /* one line */
	uint64_t options;       /* OPT_BIT()s beside OPT_GLOBAL */
	uint64_t required;      /* of these, for the usage line only */
	int (*run)(struct cli *cli); /* returns the exit status, having said what is wrong */
};

/** command_find(o, out, operand, why): by the words of the command line. Returns 0 or TG_EINVAL. */
int command_find(
	const struct options *o, const struct command **out, const char **operand, char why[256]);
/** command_help(c): usage on stdout, of one command or, for NULL, of all. */
void command_help(const struct command *c);

/** cli_connect(cli, upload, out): a client from the options. Returns 0 or an exit status. Free with
 * cli_disconnect(). */
int cli_connect(struct cli *cli, bool upload, tg_client **out);
void cli_disconnect(struct cli *cli, tg_client *c);
/** cli_ask(cli, call): one call about cli->operand that stores nothing, and its answer printed.
 * Returns the exit status. */
int cli_ask(struct cli *cli, int (*call)(tg_client *c, const struct cli *cli));

int cmd_keygen(struct cli *cli);
int cmd_seal(struct cli *cli);
int cmd_open(struct cli *cli);
int cmd_session_open(struct cli *cli);
int cmd_session_show(struct cli *cli);
int cmd_session_touch(struct cli *cli);
int cmd_session_close(struct cli *cli);
int cmd_put(struct cli *cli);
int cmd_get(struct cli *cli);
int cmd_take(struct cli *cli);
int cmd_stat(struct cli *cli);
int cmd_rm(struct cli *cli);
int cmd_policy(struct cli *cli);
int cmd_audit_verify(struct cli *cli);
int cmd_audit_show(struct cli *cli);

#endif
