/*
 * cmd_blob.c: timeglas put, stat, rm, policy. put seals while it sends, so that plaintext needs neither memory nor disk.
 * Fetching is in cmd_fetch.c. Runs in the timeglas command. docs/openapi.yaml, timeglas(1).
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "cli/commands.h"
#include "cli/material.h"
#include "cli/output.h"
#include "cli/source.h"
#include "core/num.h"

#define TO_CHARS 1024
#define KEY_BYTES 16
#define BLANKS ", \t"
#define TTL_MAX_S 1000000000u /* what is above the ceiling is the server's to refuse, with its reason */

enum put_mode { PUT_SIGNED, PUT_RAW, PUT_SEALED };

struct put {
	enum put_mode mode;
	struct material keys;
	tg_head head;
	char to[TO_CHARS];
	uint64_t ttl_s;
	struct source *source;
	uint8_t sha256[32];
	char key[2 * KEY_BYTES + 1]; /* drawn unless given, where trying again is possible */
};

static int choose_mode(const struct options *o, struct put *p)
{
	int given = options_flag(o, OPT_RAW) + options_flag(o, OPT_SEALED) + options_given(o, OPT_SIGN);

	if (given > 1)
		return cli_usage("--sign, --raw and --sealed exclude each other");
	p->mode = options_flag(o, OPT_RAW) ? PUT_RAW : options_flag(o, OPT_SEALED) ? PUT_SEALED : PUT_SIGNED;
	if (p->mode == PUT_SIGNED && options_text(o, OPT_SIGN) == NULL)
		return cli_usage("say how to seal: --sign KEY (or set TIMEGLAS_SIGNING_KEY), --raw for a plain age file, or --sealed if FILE "
				 "is an age file already");
	if (p->mode != PUT_SIGNED && options_given(o, OPT_CONTENT_TYPE))
		return cli_usage("--content-type is sealed into the head, and only a signed file has one");
	if (p->mode == PUT_SEALED && options_given(o, OPT_RECIPIENT))
		return cli_usage("--sealed and --recipient exclude each other: FILE has its recipients already");
	return 0;
}

static int join_to(const struct options *o, char out[TO_CHARS])
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < o->n[OPT_TO]; i++) {
		const char *s = o->value[OPT_TO][i];

		for (size_t n; s += strspn(s, BLANKS), (n = strcspn(s, BLANKS)) > 0; s += n) {
			if (n > TO_CHARS - 3 - len)
				return cli_usage("--to names too many peers");
			len += (size_t)snprintf(out + len, TO_CHARS - len, "%s%.*s", len > 0 ? ", " : "", (int)n, s);
		}
	}
	return o->n[OPT_TO] > 0 && len == 0 ? cli_usage("--to names nobody") : 0;
}

static int load_put(const struct options *o, struct put *p)
{
	int err = choose_mode(o, p);

	if (err == 0)
		err = label_head(o, 1, &p->head);
	if (err == 0)
		err = option_duration(o, OPT_TTL, TTL_MAX_S, &p->ttl_s);
	if (err == 0)
		err = join_to(o, p->to);
	if (err == 0 && p->mode != PUT_SEALED)
		err = material_recipients(o, &p->keys);
	if (err == 0 && p->mode != PUT_SEALED && p->keys.n_recipients == 0)
		err = cli_usage("--recipient is missing; give an age1... key, or set TIMEGLAS_RECIPIENT");
	if (err == 0 && p->mode == PUT_SIGNED)
		err = material_signer(o, &p->keys);
	return err;
}

static int open_source(const char *path, struct put *p)
{
	tg_seal_opts o = { .struct_size = sizeof o, .recipient = material_to(&p->keys), .n_recipients = p->keys.n_recipients,
			   .signer = p->keys.signer, .kind = p->head.kind, .issuer = p->head.issuer,
			   .session = p->head.session, .content_type = p->head.content_type };
	int err = source_open(path, &p->source);

	if (err != 0)
		return err;
	return p->mode == PUT_SEALED ? source_digest(p->source, p->sha256) : source_seal(p->source, &o);
}

static int say_put(tg_client *c, const tg_blob *b)
{
	if (output_json())
		return output_answer(c);
	output_text(b->blob);
	if (strcmp(b->state, "gone") == 0) { /* an answer that was lost, and asked for again later */
		cli_note("stored, and gone since: %s, at %s", b->cause, b->gone_at);
		return CLI_DONE;
	}
	cli_note("%s%s%s, %llu bytes sealed, erased at %s at the latest", b->kind, b->issuer[0] != '\0' ? " " : "", b->issuer,
		 (unsigned long long)b->size, b->deadline);
	return CLI_DONE;
}

/* Under a key a broken connection is no reason to give up: the server stores it once. A pipe cannot be read again. */
static const char *choose_key(struct cli *cli, struct put *p)
{
	const char *given = options_text(&cli->opt, OPT_IDEMPOTENCY);
	uint8_t raw[KEY_BYTES];

	if (given != NULL || !source_can_rewind(p->source))
		return given;
	randombytes_buf(raw, sizeof raw);
	return tg_hex_encode(raw, sizeof raw, p->key);
}

static int upload(struct cli *cli, struct put *p)
{
	const tg_put_opts o = {
		.struct_size = sizeof o,
		.kind = p->head.kind,
		.issuer = p->head.issuer[0] != '\0' ? p->head.issuer : NULL,
		.session = p->head.session[0] != '\0' ? p->head.session : NULL,
		.to = p->to[0] != '\0' ? p->to : NULL,
		.idempotency_key = choose_key(cli, p),
		.ttl_s = p->ttl_s,
		.size = source_size(p->source),
		.sha256 = p->mode == PUT_SEALED ? p->sha256 : NULL,
		.read = source_read,
		.ctx = p->source,
		.rewind = source_can_rewind(p->source) ? source_rewind : NULL,
	};
	tg_blob blob = { .struct_size = sizeof blob };
	tg_client *c;
	int err = cli_connect(cli, true, &c);

	if (err != 0)
		return err;
	err = tg_client_put(c, &o, &blob);
	progress_end(&cli->progress);
	if (err == TG_EIO && source_why(p->source) != NULL)
		err = cli_fail(err, "nothing is stored: %s: %s", cli->operand, source_why(p->source));
	else
		err = err == 0 ? say_put(c, &blob) : cli_fail_client(c, err);
	cli_disconnect(cli, c);
	return err;
}

int cmd_put(struct cli *cli)
{
	struct put p = { 0 };
	int err = load_put(&cli->opt, &p);

	if (err == 0)
		err = open_source(cli->operand, &p);
	if (err == 0)
		err = upload(cli, &p);
	source_free(p.source);
	material_free(&p.keys);
	return err;
}

static int stat_call(tg_client *c, const struct cli *cli)
{
	return tg_client_stat(c, cli->operand, NULL);
}

static int erase_call(tg_client *c, const struct cli *cli)
{
	return tg_client_erase(c, cli->operand, NULL);
}

static int policy_call(tg_client *c, const struct cli *cli)
{
	(void)cli;
	return tg_client_policy(c);
}

int cmd_stat(struct cli *cli)
{
	return cli_ask(cli, stat_call);
}

int cmd_rm(struct cli *cli)
{
	return cli_ask(cli, erase_call);
}

int cmd_policy(struct cli *cli)
{
	return cli_ask(cli, policy_call);
}
