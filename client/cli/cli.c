/*
 * cli.c: makes a client from the options, and runs the commands that consist of one call and its
 * answer. Runs in the timeglas command.
 */
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/values.h"

#define TIMEOUT_MAX_S 86400u

int cli_connect(struct cli *cli, bool upload, tg_client **out)
{
	const struct cmdline *o = &cli->opt;
	tg_client_opts opts = {.struct_size = sizeof opts,
		.url = cmdline_text(o, OPT_URL),
		.ca = cmdline_text(o, OPT_CA),
		.cert = cmdline_text(o, OPT_CERT),
		.key = cmdline_text(o, OPT_KEY),
		.progress = progress_step,
		.progress_ctx = &cli->progress};
	uint64_t timeout_s;
	int err = values_duration(o, OPT_TIMEOUT, TIMEOUT_MAX_S, &timeout_s);

	*out = NULL;
	if (err != 0)
		return err;
	opts.timeout_ms = (long)timeout_s * 1000;
	for (int id = OPT_URL; id <= OPT_KEY; id++)
		if (cmdline_text(o, id) == NULL)
			return output_usage("--%s is missing; give it, or set %s, or put '%s' into "
					    "the configuration file",
				cmdline_row(id)->name, cmdline_row(id)->env, cmdline_row(id)->key);
	err = tg_client_new(&opts, out);
	if (err == 0) {
		progress_start(&cli->progress, upload);
		return 0;
	}
	err = *out != NULL ? output_fail_client(*out, err) :
			     output_fail(err, "%s", tg_strerror(err));
	tg_client_free(*out);
	*out = NULL;
	return err;
}

void cli_disconnect(struct cli *cli, tg_client *c)
{
	progress_end(&cli->progress);
	tg_client_free(c);
}

int cli_ask(struct cli *cli, int (*call)(tg_client *c, const struct cli *cli))
{
	tg_client *c;
	int err = cli_connect(cli, false, &c);

	if (err != 0)
		return err;
	err = call(c, cli);
	progress_end(&cli->progress);
	err = err == 0 ? output_answer(c) : output_fail_client(c, err);
	cli_disconnect(cli, c);
	return err;
}
