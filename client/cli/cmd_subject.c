/*
 * cmd_subject.c: timeglas subject show | erase | freeze | release. Runs in the timeglas command.
 * docs/openapi.yaml.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cli/certificate.h"
#include "cli/cmd.h"
#include "cli/output.h"
#include "cli/values.h"
#include "lib/spool.h"

static int show_call(tg_client *c, const struct cli *cli)
{
	return tg_client_subject_show(c, cli->operand, cmdline_text(&cli->opt, OPT_UPLOADER), NULL);
}

static int freeze_call(tg_client *c, const struct cli *cli)
{
	return tg_client_subject_freeze(
		c, cli->operand, cmdline_text(&cli->opt, OPT_UPLOADER), NULL);
}

static int release_call(tg_client *c, const struct cli *cli)
{
	return tg_client_subject_release(
		c, cli->operand, cmdline_text(&cli->opt, OPT_UPLOADER), NULL);
}

int cmd_subject_show(struct cli *cli)
{
	return cli_ask(cli, show_call);
}

int cmd_subject_freeze(struct cli *cli)
{
	return cli_ask(cli, freeze_call);
}

int cmd_subject_release(struct cli *cli)
{
	return cli_ask(cli, release_call);
}

/* Erasing ------------------------------------------------------------------ */

/* The file is made before anything is erased: then it can be written afterwards. */
static int open_certificate(const char *path, struct tg_spool **out)
{
	if (path == NULL)
		return 0;
	if (output_is_stdout(path))
		return output_usage("--certificate takes a file");
	return tg_spool_new(path, out) == 0 ?
		0 :
		output_fail(
			TG_EIO, "cannot write %s: %s; nothing was erased", path, strerror(errno));
}

static int write_certificate(
	struct tg_spool *file, const char *path, const tg_client *c, const tg_subject *s)
{
	char *text = file != NULL ? certificate_text(c, s) : NULL;
	int err = 0;

	if (file == NULL)
		return 0;
	err = text != NULL ? tg_spool_write(file, text, strlen(text)) : TG_ENOMEM;
	if (err == 0)
		err = tg_spool_commit(file);
	free(text);
	return err == 0 ? 0 :
			  output_fail(err,
				  "it is erased, but the certificate could not be written to %s: "
				  "%s",
				  path, err == TG_EIO ? strerror(errno) : tg_strerror(err));
}

static int erase(struct cli *cli, struct tg_spool *file)
{
	tg_subject s = {.struct_size = sizeof s};
	tg_client *c;
	int err = cli_connect(cli, false, &c), written;

	if (err != 0)
		return err;
	err = tg_client_subject_erase(c, cli->operand, cmdline_text(&cli->opt, OPT_UPLOADER), &s);
	progress_end(&cli->progress);
	if (err != 0) {
		err = output_fail_client(c, err);
	} else {
		written = write_certificate(file, cmdline_text(&cli->opt, OPT_CERTIFICATE), c, &s);
		err = output_answer(c);
		err = written != 0 ? written : err;
	}
	cli_disconnect(cli, c);
	return err;
}

int cmd_subject_erase(struct cli *cli)
{
	struct tg_spool *file = NULL;
	int err = values_subject(cli->operand);

	if (err == 0)
		err = open_certificate(cmdline_text(&cli->opt, OPT_CERTIFICATE), &file);
	if (err == 0)
		err = erase(cli, file);
	tg_spool_free(file);
	return err;
}
