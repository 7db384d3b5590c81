/*
 * cmd_seal.c: timeglas seal and open: files on this machine, no network. What is opened is
 * released when all of it has been checked, what is sealed as it comes.
 * Runs in the timeglas command. docs/envelope.md, timeglas(1).
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "cli/commands.h"
#include "cli/material.h"
#include "cli/output.h"
#include "cli/source.h"
#include "cli/spool.h"
#include "cli/unseal.h"

static bool to_stdout(const char *target)
{
	return target == NULL || strcmp(target, "-") == 0;
}

static int check_output(const struct cli *cli, bool binary)
{
	if (!to_stdout(options_text(&cli->opt, OPT_OUTPUT)))
		return 0;
	if (output_json())
		return cli_usage("--json needs -o FILE: stdout is for the JSON object");
	if (binary && isatty(STDOUT_FILENO))
		return cli_usage("sealed files are binary and stdout is a terminal: give -o FILE");
	return 0;
}

static int choose_seal(const struct cli *cli, struct material *m, tg_head *head, tg_seal_opts *o)
{
	const struct options *opt = &cli->opt;
	bool raw = options_flag(opt, OPT_RAW);
	int err;

	if (raw && options_given(opt, OPT_SIGN))
		return cli_usage("--raw and --sign exclude each other");
	if (raw && (opt->given & (OPT_BIT(OPT_KIND) | OPT_BIT(OPT_ISSUER) | OPT_BIT(OPT_SESSION) | OPT_BIT(OPT_CONTENT_TYPE))) != 0)
		return cli_usage("a --raw file has no head, so --kind, --issuer, --session and --content-type have no place in it");
	err = material_recipients(opt, m);
	if (err == 0 && m->n_recipients == 0)
		err = cli_usage("--recipient is missing; give an age1... key, or set TIMEGLAS_RECIPIENT");
	if (err == 0 && !raw)
		err = material_signer(opt, m);
	if (err == 0 && !raw && m->signer == NULL)
		err = cli_usage("say how to seal: --sign KEY (or set TIMEGLAS_SIGNING_KEY), or --raw for a plain age file");
	if (err == 0 && !raw)
		err = label_head(opt, 1, head);
	*o = (tg_seal_opts){ .struct_size = sizeof *o, .recipient = material_to(m), .n_recipients = m->n_recipients,
			     .signer = raw ? NULL : m->signer, .kind = head->kind, .issuer = head->issuer,
			     .session = head->session, .content_type = head->content_type };
	return err;
}

static int cannot_write(const char *what)
{
	return cli_fail(TG_EIO, "cannot write %s: %s", what, strerror(errno));
}

static int pump(struct source *in, struct spool *out)
{
	int err = source_push(in);

	if (err == TG_EIO && source_why(in) == NULL)
		return cannot_write("the sealed file");
	if (err != 0)
		return cli_fail(err, "cannot seal: %s", source_why(in) != NULL ? source_why(in) : tg_strerror(err));
	return spool_commit(out) == 0 ? CLI_DONE : cannot_write("the sealed file");
}

/* What is sealed may be seen as it comes: a part of it opens to nobody who would take it for the whole. */
int cmd_seal(struct cli *cli)
{
	const char *target = options_text(&cli->opt, OPT_OUTPUT);
	struct material m = { 0 };
	struct source *in = NULL;
	struct spool *out = NULL;
	tg_head head = { 0 };
	tg_seal_opts o;
	int err = check_output(cli, true);

	if (err == 0)
		err = choose_seal(cli, &m, &head, &o);
	if (err == 0)
		err = source_open(cli->operand != NULL ? cli->operand : "-", &in);
	if (err == 0 && spool_through(target, &out) != 0)
		err = cannot_write(target != NULL ? target : "a temporary file");
	o.write = spool_write;
	o.ctx = out;
	if (err == 0)
		err = source_seal(in, &o);
	if (err == 0)
		err = pump(in, out);
	if (err == 0 && output_json())
		err = output_object(json_pack("{s:s, s:I}", "file", target, "size", (json_int_t)spool_size(out)));
	source_free(in);
	spool_free(out);
	material_free(&m);
	return err;
}

static int open_into(struct cli *cli, struct unseal *u, int fd, struct spool *out)
{
	const char *target = options_text(&cli->opt, OPT_OUTPUT);
	int err = unseal_run(u, fd, out);
	json_t *o;

	if (err != 0)
		return cli_fail(err, "not opened: %s", u->why);
	if (spool_commit(out) != 0)
		return cannot_write("the opened content");
	if (!output_json()) {
		head_note(u);
		return CLI_DONE;
	}
	o = json_pack("{s:s, s:I}", "file", target, "size", (json_int_t)spool_size(out));
	if (o != NULL && u->has_head)
		json_object_set_new(o, "head", head_json(&u->head));
	return output_object(o);
}

int cmd_open(struct cli *cli)
{
	const char *target = options_text(&cli->opt, OPT_OUTPUT);
	struct source *in = NULL;
	struct spool *out = NULL;
	struct unseal u = { 0 };
	int err = check_output(cli, false);

	if (err == 0)
		err = unseal_prepare(&cli->opt, &u);
	if (err == 0)
		err = source_open(cli->operand != NULL ? cli->operand : "-", &in);
	if (err == 0 && spool_new(target, &out) != 0)
		err = cannot_write(target != NULL ? target : "a temporary file");
	if (err == 0)
		err = open_into(cli, &u, source_fd(in), out);
	source_free(in);
	spool_free(out);
	unseal_free(&u);
	return err;
}
