/*
 * cmd_audit.c: timeglas audit verify: is the evidence whole, and what does it say? Offline; trusts nothing but the keys and the receipt that it is given.
 * Runs in the timeglas command. DESIGN: Evidence. docs/evidence.md.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/audit_report.h"
#include "cli/cmd_audit.h"
#include "cli/output.h"
#include "core/num.h"

#define KEY_FILE_BYTES 4096

struct verify {
	struct audit_chain chain;
	struct life life;
	struct receipt receipt;
	bool has_receipt, begun;
};

/* Keys ---------------------------------------------------------------------------------------------------------------- */

/* The text of a public key, anywhere in a file or as it is. */
static bool find_key(const char *text, uint8_t out[CHAIN_KEY])
{
	const size_t prefix = sizeof CHAIN_PUBLIC - 1;
	const char *at = strstr(text, CHAIN_PUBLIC);

	return at != NULL && strspn(at + prefix, "0123456789abcdef") == 2 * CHAIN_KEY && tg_hex_decode(at + prefix, 2 * CHAIN_KEY, out, CHAIN_KEY) == 0;
}

static bool read_key(const char *path, uint8_t out[CHAIN_KEY])
{
	char text[KEY_FILE_BYTES + 1];
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		return false;
	n = fread(text, 1, KEY_FILE_BYTES, f);
	text[n] = '\0';
	fclose(f);
	return find_key(text, out);
}

/* "audit.log", "audit.log.000000000001": audit.key.pub */
static bool key_beside(const char *log, char path[4096], uint8_t out[CHAIN_KEY])
{
	const char *slash = strrchr(log, '/'), *dot = strchr(slash != NULL ? slash + 1 : log, '.');
	int stem = dot != NULL ? (int)(dot - log) : (int)strlen(log);

	return snprintf(path, 4096, "%.*s.key.pub", stem, log) < 4096 && read_key(path, out);
}

/* --key PUB, repeatable: the text or a file with it. It shares its name with the client certificate's key, so only the command line counts. */
int audit_keys(const struct cli *cli, const char *log, struct audit_chain *c, const char **from, char beside[4096])
{
	const struct options *o = &cli->opt;

	*from = NULL;
	if (!options_given(o, OPT_KEY)) {
		if (key_beside(log, beside, c->key[0])) {
			c->n_keys = 1;
			*from = beside;
		}
		return 0;
	}
	for (size_t i = 0; i < o->n[OPT_KEY]; i++) {
		const char *value = o->value[OPT_KEY][i];

		if (c->n_keys == AUDIT_KEYS_MAX)
			return cli_usage("--key is given more than %d times", AUDIT_KEYS_MAX);
		if (!find_key(value, c->key[c->n_keys]) && !read_key(value, c->key[c->n_keys]))
			return cli_usage("--key: neither a public key (%s...) nor a file with one: %s", CHAIN_PUBLIC, value);
		c->n_keys++;
	}
	*from = "given";
	return 0;
}

/* Verifying ----------------------------------------------------------------------------------------------------------- */

static int on_line(void *ctx, const char *line, size_t n, const struct audit_at *at)
{
	struct verify *v = ctx;
	struct chain_line l;

	if (!audit_chain_line(&v->chain, line, n, at, &l))
		return 0;
	if (!v->begun) {
		v->begun = true;
		v->life.from_start = v->chain.first_n == 1;
	}
	if (v->has_receipt)
		receipt_line(&v->receipt, &v->chain.findings, v->chain.last_hash, &l, at);
	if (!l.is_check)
		life_record(&v->life, &v->chain.findings, &l.record, at);
	return v->life.no_memory ? cli_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM)) : 0;
}

static bool on_end(void *ctx)
{
	const struct verify *v = ctx;

	return audit_chain_growing(&v->chain);
}

static int tell(struct verify *v, struct audit_report *r)
{
	int status = CLI_DONE;

	audit_chain_end(&v->chain);
	r->overdue = life_overdue(&v->life, &v->chain.findings, v->chain.last_ms);
	if (v->has_receipt)
		receipt_end(&v->receipt, &v->chain);
	if (output_json())
		status = output_object(report_json(r));
	else
		report_text(r);
	if (status == CLI_DONE && v->chain.findings.total > 0)
		status = CLI_EVIDENCE;
	return status;
}

int cmd_audit_verify(struct cli *cli)
{
	struct verify *v = calloc(1, sizeof *v);
	const char *path = options_text(&cli->opt, OPT_RECEIPT);
	struct audit_report r = { .file = cli->opt.word + 2, .n_files = cli->opt.n_words - 2 };
	char beside[4096];
	int status = v != NULL ? CLI_DONE : cli_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));

	if (status == CLI_DONE)
		status = audit_keys(cli, r.file[0], &v->chain, &r.key_from, beside);
	if (status == CLI_DONE && path != NULL) {
		status = receipt_load(path, &v->receipt);
		v->has_receipt = true;
		r.receipt = &v->receipt;
	}
	if (status == CLI_DONE)
		status = audit_read(cli, r.file, r.n_files, on_line, on_end, v);
	if (status == CLI_DONE) {
		r.chain = &v->chain;
		r.life = &v->life;
		status = tell(v, &r);
	}
	if (v != NULL) {
		findings_free(&v->chain.findings);
		life_free(&v->life);
	}
	free(v);
	return status;
}
