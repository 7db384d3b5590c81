/*
 * cmd_session.c: timeglas session open | show | touch | close. Runs in the timeglas command.
 * docs/openapi.yaml.
 */
#include <string.h>
#include "cli/commands.h"
#include "cli/material.h"
#include "cli/output.h"

static int check_subject(const char *hex)
{
	if (hex == NULL ||
		(strlen(hex) == TG_SUBJECT_CHARS &&
			strspn(hex, "0123456789abcdef") == TG_SUBJECT_CHARS))
		return 0;
	return cli_usage("--subject takes 64 lower-case hexadecimal digits: a keyed pseudonym of "
			 "the document number, never the number itself");
}

int cmd_session_open(struct cli *cli)
{
	const char *subject = options_text(&cli->opt, OPT_SUBJECT);
	tg_session session = {.struct_size = sizeof session};
	tg_client *c;
	uint64_t idle_s;
	int err = check_subject(subject);

	if (err == 0)
		err = option_duration(&cli->opt, OPT_IDLE, TG_SESSION_MAX_S, &idle_s);
	if (err == 0)
		err = cli_connect(cli, true, &c);
	if (err != 0)
		return err;
	err = tg_client_session_open(c, subject, (uint32_t)idle_s, &session);
	progress_end(&cli->progress);
	if (err != 0) {
		err = cli_fail_client(c, err);
	} else if (output_json()) {
		err = output_answer(c);
	} else {
		output_text(session.session);
		cli_note("session until %s, or %u s idle", session.deadline, session.idle_s);
	}
	cli_disconnect(cli, c);
	return err;
}

static int close_call(tg_client *c, const struct cli *cli)
{
	return tg_client_session_close(
		c, cli->operand, options_flag(&cli->opt, OPT_ERASE_ALL), NULL);
}

static int show_call(tg_client *c, const struct cli *cli)
{
	return tg_client_session_show(c, cli->operand, NULL);
}

static int touch_call(tg_client *c, const struct cli *cli)
{
	return tg_client_session_touch(c, cli->operand, NULL);
}

int cmd_session_show(struct cli *cli)
{
	return cli_ask(cli, show_call);
}

int cmd_session_touch(struct cli *cli)
{
	return cli_ask(cli, touch_call);
}

int cmd_session_close(struct cli *cli)
{
	return cli_ask(cli, close_call);
}
