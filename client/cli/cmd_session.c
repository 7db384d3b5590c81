/*
 * cmd_session.c: timeglas session open | show | touch | close. Runs in the timeglas command.
 * docs/openapi.yaml.
 */
#include <stdlib.h>
#include "cli/cmd.h"
#include "cli/keeping.h"
#include "cli/output.h"
#include "cli/values.h"

int cmd_session_open(struct cli *cli)
{
	const char *subject = cmdline_text(&cli->opt, OPT_SUBJECT);
	tg_session session = {.struct_size = sizeof session};
	tg_client *c;
	uint64_t idle_s;
	int err = values_subject(subject);

	if (err == 0)
		err = values_duration(&cli->opt, OPT_IDLE, TG_SESSION_MAX_S, &idle_s);
	if (err == 0)
		err = cli_connect(cli, true, &c);
	if (err != 0)
		return err;
	err = tg_client_session_open(c, subject, (uint32_t)idle_s, &session);
	progress_end(&cli->progress);
	if (err != 0) {
		err = output_fail_client(c, err);
	} else if (output_is_json()) {
		err = output_answer(c);
	} else {
		output_text(session.session);
		output_note("the session ends at %s, or when it was idle for %u s",
			session.deadline, session.idle_s);
	}
	cli_disconnect(cli, c);
	return err;
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

/* The receipts are the client's last answer, until the first proof is asked for. */
static int close_session(struct cli *cli, tg_client *c, struct keeping *k)
{
	const tg_proof_opts of = {.struct_size = sizeof of};
	tg_receipt *receipts = NULL;
	size_t n = 0;
	int status, kept = 0,
		    err = tg_client_session_close(
			    c, cli->operand, cmdline_flag(&cli->opt, OPT_ERASE_ALL), NULL);

	progress_end(&cli->progress);
	if (err != 0)
		return output_fail_client(c, err);
	status = output_answer(c);
	if (k != NULL) {
		receipts = keeping_receipts(c, &n);
		kept = receipts == NULL ?
			output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM)) :
			keeping_keep_each(k, c, &of, receipts, n, "the session is closed");
	}
	free(receipts);
	return status != EXIT_DONE ? status : kept;
}

int cmd_session_close(struct cli *cli)
{
	struct keeping *k;
	tg_client *c;
	int status = keeping_new(&cli->opt, KEEPING_FOLDER, false, &k);

	if (status == 0)
		status = cli_connect(cli, false, &c);
	if (status == 0) {
		status = close_session(cli, c, k);
		cli_disconnect(cli, c);
	}
	keeping_free(k);
	return status;
}
