/*
 * cmd_proof.c: timeglas proof: fetches the proof of an event that a receipt, stat or a certificate
 * has named, as long as the log keeps it. Runs in the timeglas command. docs/evidence.md.
 */
#include "cli/cmd.h"
#include "cli/keeping.h"
#include "cli/output.h"

static json_t *describe(const tg_proof *p, const char *path)
{
	return json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:s, s:s, s:I, s:I, s:I, s:s}", "id",
		p->event, "event", p->what, "tag", output_none_if_empty(p->tag), "cause",
		output_none_if_empty(p->cause), "outcome", output_none_if_empty(p->outcome), "at",
		p->at, "origin", p->origin, "n", (json_int_t)p->n_line, "lines",
		(json_int_t)p->n_lines, "witnesses", (json_int_t)p->n_witnesses, "file", path);
}

int cmd_proof(struct cli *cli)
{
	const tg_proof_opts of = {.struct_size = sizeof of,
		.event = cli->operand,
		.blob = cmdline_text(&cli->opt, OPT_ID)};
	tg_proof p = {.struct_size = sizeof p};
	struct keeping *k;
	tg_client *c;
	int status = 0;

	if (output_is_json() && output_is_stdout(cmdline_text(&cli->opt, OPT_OUTPUT)))
		status = output_usage("--json: say with -o where the proof goes");
	if (status == 0)
		status = keeping_new(&cli->opt, KEEPING_OUTPUT, false, &k);
	if (status != 0)
		return status;
	status = cli_connect(cli, false, &c);
	if (status == 0) {
		status = keeping_keep(k, c, &of, "nothing was kept", &p);
		progress_end(&cli->progress);
		if (status == 0 && output_is_json())
			status = output_object(describe(&p, cmdline_text(&cli->opt, OPT_OUTPUT)));
		cli_disconnect(cli, c);
	}
	keeping_free(k);
	return status;
}
