/*
 * main.c: the timeglas command: makes sure that no secret leaves the process (core files,
 * debuggers, swap), reads the command line and runs one command. The commands are in cmd_*.c.
 * timeglas(1).
 */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <timeglas/timeglas.h>
#include <unistd.h>
#include "cli/command.h"
#include "cli/output.h"
#include "core/fd.h"

/* No core file is written, and no debugger of the same user may look at keys or plaintext. */
static int harden(void)
{
	const struct rlimit none = {0, 0};

	/* Writing to a closed pipe is an error of write(), which is reported, and cleaned up after.
	 */
	signal(SIGPIPE, SIG_IGN);
	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return TG_EINTERNAL;
	return 0;
}

/* Errors in the options are to be JSON, too, so the parser comes too late to tell. */
static bool wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

static int run(struct cli *cli, int argc, char **argv)
{
	const struct command *command;
	char why[256] = "";
	int err = cmdline_parse(&cli->opt, argc, argv, why);

	if (err != 0)
		return output_usage("%s", why);
	if (cmdline_flag(&cli->opt, OPT_VERSION)) {
		if (output_is_json())
			return output_object(json_pack("{s:s}", "version", TG_VERSION));
		output_text("timeglas " TG_VERSION);
		return EXIT_DONE;
	}
	if (cli->opt.n_words == 0 && cmdline_flag(&cli->opt, OPT_HELP)) {
		command_help(NULL);
		return EXIT_DONE;
	}
	if (command_find(&cli->opt, &command, &cli->operand, why) != 0)
		return output_usage("%s", why);
	if (cmdline_flag(&cli->opt, OPT_HELP)) {
		command_help(command);
		return EXIT_DONE;
	}
	err = cmdline_defaults(&cli->opt, why);
	if (err != 0)
		return output_fail(err, "%s", why);
	/* who checks evidence has no keys to guard, and starts in a fifth of the time */
	if ((command->keyless ? sodium_init() < 0 : tg_init() != 0))
		return output_fail(TG_EINTERNAL, "cannot start: no randomness, or no ciphers");
	return command->run(cli);
}

/* Every command first removes the kept copies whose time is over. */
static int run_swept(struct cli *cli, int argc, char **argv)
{
	int removed = tg_kept_sweep();

	if (removed > 0)
		output_note("removed %d kept sealed %s, whose time was over", removed,
			removed == 1 ? "copy" : "copies");
	return run(cli, argc, argv);
}

int main(int argc, char **argv)
{
	static struct cli cli;
	int status;

	if (tg_streams_occupy() != 0)
		return EXIT_USAGE;
	output_init(wants_json(argc, argv));
	if (harden() != 0)
		status = output_fail(TG_EINTERNAL, "cannot start: no way to keep memory private");
	else
		status = run_swept(&cli, argc, argv);
	if (!tg_memory_locked())
		output_note(
			"timeglas: memory for keys could not be locked, so they may have gone to "
			"swap; raise the limit (ulimit -l), or encrypt swap");
	cmdline_free(&cli.opt);
#ifdef __SANITIZE_ADDRESS__
	/* the leak check at exit traces this process, and the secrets are gone */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
#endif
	return output_finish(status);
}
