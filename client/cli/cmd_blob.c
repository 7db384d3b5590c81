/*
 * cmd_blob.c: timeglas put, stat, rm, policy. The library seals while it sends, so that plaintext
 * needs neither memory nor disk. Fetching is in cmd_fetch.c. Runs in the timeglas command.
 * docs/openapi.yaml, timeglas(1).
 */
#include <stdio.h>
#include <string.h>
#include "cli/cmd.h"
#include "cli/keeping.h"
#include "cli/material.h"
#include "cli/output.h"
#include "cli/values.h"

#define TO_CHARS 1024
#define BLANKS ", \t"
/* whether a time is above the kind's ceiling is for the server to say */
#define TTL_MAX_S 1000000000u

enum put_mode { PUT_SIGNED, PUT_RAW, PUT_SEALED };

struct put {
	enum put_mode mode;
	struct material keys;
	struct labels labels;
	char to[TO_CHARS];
	uint64_t ttl_s;
	bool named;
};

static bool name_fits(const char *name)
{
	char id[2 + TG_NAME_CHARS + 2];

	snprintf(id, sizeof id, "00%s", name);
	return tg_id_name(id, NULL) == 0;
}

static int choose_mode(const struct cmdline *o, struct put *p)
{
	int given =
		cmdline_flag(o, OPT_RAW) + cmdline_flag(o, OPT_SEALED) + cmdline_given(o, OPT_SIGN);

	if (given > 1)
		return output_usage("--sign, --raw and --sealed exclude each other");
	p->mode = cmdline_flag(o, OPT_RAW)  ? PUT_RAW :
		cmdline_flag(o, OPT_SEALED) ? PUT_SEALED :
					      PUT_SIGNED;
	if (p->mode == PUT_SIGNED && cmdline_text(o, OPT_SIGN) == NULL)
		return output_usage(
			"say how to seal: --sign KEY (or set TIMEGLAS_SIGNING_KEY), --raw "
			"for a plain age file, or --sealed if FILE "
			"is an age file already");
	if (p->mode != PUT_SIGNED && cmdline_given(o, OPT_CONTENT_TYPE))
		return output_usage(
			"--content-type is sealed into the head, and only a signed file has one");
	if (p->mode == PUT_SEALED && cmdline_given(o, OPT_RECIPIENT))
		return output_usage("--sealed and --recipient exclude each other: FILE has its "
				    "recipients already");
	if (p->mode != PUT_SEALED && cmdline_given(o, OPT_NAME))
		return output_usage(
			"--name goes with --sealed: what is sealed now gets the name that "
			"follows from its signature");
	if (cmdline_given(o, OPT_NAME) && !name_fits(cmdline_text(o, OPT_NAME)))
		return output_usage(
			"--name takes the 22 characters that timeglas seal printed for FILE");
	return 0;
}

static int join_to(const struct cmdline *o, char out[TO_CHARS])
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < o->n[OPT_TO]; i++) {
		const char *s = o->value[OPT_TO][i];

		for (size_t n; s += strspn(s, BLANKS), (n = strcspn(s, BLANKS)) > 0; s += n) {
			if (n > TO_CHARS - 3 - len)
				return output_usage("--to names too many peers");
			len += (size_t)snprintf(out + len, TO_CHARS - len, "%s%.*s",
				len > 0 ? ", " : "", (int)n, s);
		}
	}
	return o->n[OPT_TO] > 0 && len == 0 ? output_usage("--to names nobody") : 0;
}

static int load_put(const struct cmdline *o, struct put *p)
{
	int err = choose_mode(o, p);

	p->named = cmdline_given(o, OPT_NAME);
	if (err == 0)
		err = values_labels(o, 1, &p->labels);
	if (err == 0)
		err = values_duration(o, OPT_TTL, TTL_MAX_S, &p->ttl_s);
	if (err == 0)
		err = join_to(o, p->to);
	if (err == 0 && p->mode != PUT_SEALED)
		err = material_recipients(o, &p->keys);
	if (err == 0 && p->mode != PUT_SEALED && p->keys.n_recipients == 0)
		err = output_usage(
			"--recipient is missing; give an age1... key, or set TIMEGLAS_RECIPIENT");
	if (err == 0 && p->mode == PUT_SIGNED)
		err = material_signer(o, &p->keys);
	return err;
}

static int say_put(tg_client *c, const struct put *p, const tg_blob *b)
{
	if (output_is_json())
		return output_answer(c);
	output_text(b->blob);
	if (strcmp(b->state, "gone") == 0) {
		/* the answer to an earlier upload was lost, and the blob has ended meanwhile */
		output_note("stored, and gone since: %s, at %s", b->cause, b->gone_at);
		return EXIT_DONE;
	}
	output_note("%s%s%s, %llu bytes sealed, erased at %s at the latest", b->kind,
		b->issuer[0] != '\0' ? " " : "", b->issuer, (unsigned long long)b->size,
		b->deadline);
	if (p->mode == PUT_RAW)
		output_note("raw: nothing binds this id to the content; a reader has to say --raw");
	if (p->mode == PUT_SEALED && !p->named)
		output_note(
			"no --name: nothing binds this id to the content; if FILE is signed, no "
			"reader accepts it: store it with the --name that "
			"timeglas seal printed; if it is plain age, a reader has to say --raw");
	return EXIT_DONE;
}

static int upload(struct cli *cli, struct put *p)
{
	const struct cmdline *opt = &cli->opt;
	const struct labels *l = &p->labels;
	const tg_put_file_opts o = {.struct_size = sizeof o,
		.recipient = material_to(&p->keys),
		.n_recipients = p->keys.n_recipients,
		.signer = p->keys.signer,
		.raw = p->mode == PUT_RAW,
		.kind = l->kind,
		.issuer = l->issuer,
		.session = l->session,
		.subject = l->subject,
		.content_type = l->content_type,
		.to = p->to[0] != '\0' ? p->to : NULL,
		.ttl_s = p->ttl_s,
		.sealed = p->mode == PUT_SEALED,
		.name = cmdline_text(opt, OPT_NAME),
		.idempotency_key = cmdline_text(opt, OPT_IDEMPOTENCY)};
	tg_blob blob = {.struct_size = sizeof blob};
	tg_client *c;
	int err = cli_connect(cli, true, &c);

	if (err != 0)
		return err;
	err = tg_put_file(c, &o, cli->operand, &blob);
	progress_end(&cli->progress);
	err = err == 0 ? say_put(c, p, &blob) : output_fail_client(c, err);
	cli_disconnect(cli, c);
	return err;
}

int cmd_put(struct cli *cli)
{
	struct put p = {0};
	int err = load_put(&cli->opt, &p);

	if (err == 0)
		err = upload(cli, &p);
	material_free(&p.keys);
	return err;
}

static int policy_call(tg_client *c, const struct cli *cli)
{
	(void)cli;
	return tg_client_policy(c);
}

static int keep_proof(struct keeping *k, tg_client *c, const tg_receipt *receipt, const char *done)
{
	const tg_proof_opts of = {.struct_size = sizeof of, .receipt = receipt};

	return keeping_keep(k, c, &of, done, NULL);
}

static int stat_blob(struct cli *cli, tg_client *c, struct keeping *k)
{
	tg_blob blob = {.struct_size = sizeof blob};
	tg_receipt receipt;
	int status, err = tg_client_stat(c, cli->operand, &blob);

	progress_end(&cli->progress);
	if (err != 0)
		return output_fail_client(c, err);
	status = output_answer(c);
	if (status != EXIT_DONE || k == NULL)
		return status;
	if (strcmp(blob.state, "gone") != 0)
		return output_fail(TG_EPENDING,
			"the blob is %s: there is a proof of its end when it has ended",
			blob.state);
	if (blob.event[0] == '\0')
		return output_fail(TG_EPROOF,
			"the server tells the event of this end to the uploader and in the ack's "
			"receipt alone: fetch the proof by that, with timeglas proof EVENT");
	receipt = keeping_receipt(&blob);
	return keep_proof(k, c, &receipt, "the blob is gone");
}

static int erase_blob(struct cli *cli, tg_client *c, struct keeping *k)
{
	tg_receipt receipt = {.struct_size = sizeof receipt};
	int status, kept, err = tg_client_erase(c, cli->operand, &receipt);

	progress_end(&cli->progress);
	if (err != 0)
		return output_fail_client(c, err);
	status = output_answer(c);
	kept = keep_proof(k, c, &receipt, "the blob is erased");
	return status != EXIT_DONE ? status : kept;
}

static int run_proved(
	struct cli *cli, int (*call)(struct cli *cli, tg_client *c, struct keeping *k))
{
	struct keeping *k;
	tg_client *c;
	int status = keeping_new(&cli->opt, KEEPING_FILE, false, &k);

	if (status == 0)
		status = cli_connect(cli, false, &c);
	if (status == 0) {
		status = call(cli, c, k);
		cli_disconnect(cli, c);
	}
	keeping_free(k);
	return status;
}

int cmd_stat(struct cli *cli)
{
	return run_proved(cli, stat_blob);
}

int cmd_rm(struct cli *cli)
{
	return run_proved(cli, erase_blob);
}

int cmd_policy(struct cli *cli)
{
	return cli_ask(cli, policy_call);
}
