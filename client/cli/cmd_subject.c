/*
 * cmd_subject.c: timeglas subject show | erase | freeze | release. Runs in the timeglas command.
 * docs/openapi.yaml.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/certificate.h"
#include "cli/cmd.h"
#include "cli/keeping.h"
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
	if (access(path, F_OK) == 0) /* an earlier certificate could not be had again */
		return output_usage("%s is there already, and is kept: name another file for the "
				    "certificate; nothing was erased",
			path);
	return tg_spool_new(path, out) == 0 ?
		0 :
		output_fail(
			TG_EIO, "cannot write %s: %s; nothing was erased", path, strerror(errno));
}

static int write_certificate(
	struct tg_spool *file, const char *path, const struct certificate *certificate)
{
	char *text = file != NULL ? certificate_text(certificate) : NULL;
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

/* Proof, certificate, and a proof for each blob. What fails does not keep the rest from being
 * written; the first failure is the exit status. */
static int attest(struct cli *cli, tg_client *c, const tg_subject *s, struct tg_spool *file,
	struct keeping *k)
{
	const tg_proof_opts whole = {.struct_size = sizeof whole, .erased = s};
	const tg_proof_opts each = {.struct_size = sizeof each, .subject = s->subject};
	tg_proof proof = {.struct_size = sizeof proof};
	struct certificate certificate = {.erased = s};
	tg_receipt *receipts;
	int status[4] = {output_answer(c)};

	if (file == NULL && k == NULL)
		return status[0];
	/* before the first proof is asked for: they are the client's last answer */
	receipts = keeping_receipts(c, &certificate.n);
	if (receipts == NULL)
		return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	certificate.receipt = receipts;
	status[1] = keeping_keep(k, c, &whole, "it is erased", &proof);
	if (proof.text != NULL)
		certificate.proof = &proof;
	status[2] = write_certificate(file, cmdline_text(&cli->opt, OPT_CERTIFICATE), &certificate);
	if (status[1] == 0 && keeping_path(k) != NULL)
		status[3] = keeping_keep_each(k, c, &each, receipts, certificate.n, "it is erased");
	free(receipts);
	for (size_t i = 0; i < sizeof status / sizeof status[0]; i++)
		if (status[i] != 0)
			return status[i];
	return EXIT_DONE;
}

static int erase(struct cli *cli, struct tg_spool *file, struct keeping *k)
{
	tg_subject s = {.struct_size = sizeof s};
	tg_client *c;
	int err = cli_connect(cli, false, &c);

	if (err != 0)
		return err;
	err = tg_client_subject_erase(c, cli->operand, cmdline_text(&cli->opt, OPT_UPLOADER), &s);
	progress_end(&cli->progress);
	err = err == 0 ? attest(cli, c, &s, file, k) : output_fail_client(c, err);
	cli_disconnect(cli, c);
	return err;
}

int cmd_subject_erase(struct cli *cli)
{
	const char *certificate = cmdline_text(&cli->opt, OPT_CERTIFICATE);
	struct tg_spool *file = NULL;
	struct keeping *k = NULL;
	int err = values_subject(cli->operand);

	if (err == 0)
		err = open_certificate(certificate, &file);
	if (err == 0)
		err = keeping_new(&cli->opt, KEEPING_FOLDER, certificate != NULL, &k);
	if (err == 0)
		err = erase(cli, file, k);
	keeping_free(k);
	tg_spool_free(file);
	return err;
}
