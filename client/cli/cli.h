/*
 * cli.h: one run of the command: what the user asked for, and the client that talks to the buffer.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <timeglas/timeglas.h>
#include "cli/cmdline.h"
#include "cli/progress.h"

struct cli {
	struct cmdline opt;
	/* what the command works on; NULL when it takes none, or none was given */
	const char *operand;
	struct progress progress;
};

/**
 * Makes a client from the options and starts the progress bar.
 *
 * @upload  the bar counts what is sent; otherwise what is received
 * @out     the client; cli_disconnect() frees it
 *
 * Returns 0, or an exit status after having said what is wrong.
 */
int cli_connect(struct cli *cli, bool upload, tg_client **out);

/** Ends the progress bar and frees the client. */
void cli_disconnect(struct cli *cli, tg_client *c);

/**
 * Makes one call about cli->operand and prints the server's answer.
 *
 * @call  returns 0 or a TG_E… code
 *
 * Returns the exit status.
 */
int cli_ask(struct cli *cli, int (*call)(tg_client *c, const struct cli *cli));

#endif
