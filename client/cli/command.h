/* command.h: the table of commands: which there are, what each takes, and its help. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "cli/cli.h"

struct command {
	const char *name, *sub; /* sub: NULL for commands of one word */
	const char *operand;    /* its name in usage; NULL: takes none; "[X]": may be missing */
	const char *what;       /* one line */
	uint64_t options;       /* OPT_BIT()s beside OPT_GLOBAL */
	uint64_t required;      /* of these, for the usage line only */
	bool keyless;           /* audit: it opens and signs nothing, so it needs no tg_init() */
	int (*run)(struct cli *cli); /* of cmd.h */
};

/**
 * Finds the command that the words of the command line name, and checks its options and operand.
 *
 * @out      its row; NULL under --help for a group of commands, such as session
 * @operand  what it works on; NULL: none
 * @why      a sentence on failure
 *
 * Returns 0 or TG_EINVAL.
 */
int command_find(
	const struct cmdline *o, const struct command **out, const char **operand, char why[256]);

/** Prints usage on stdout: of one command, or of all when c is NULL. */
void command_help(const struct command *c);

#endif
