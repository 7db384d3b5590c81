/*
 * cmd_audit.c: timeglas audit verify: checks that the evidence is complete and unchanged, and tells
 * what it says. It works offline and trusts only the keys and the receipt that it is given. Runs in
 * the timeglas command. docs/evidence.md.
 */
#include <stdlib.h>
#include <string.h>
#include "cli/audit_clock.h"
#include "cli/audit_html.h"
#include "cli/audit_keys.h"
#include "cli/audit_policy.h"
#include "cli/audit_report.h"
#include "cli/cmd.h"
#include "cli/output.h"

struct verify {
	struct audit_chains all;
	struct audit_blobs blobs;
	struct audit_clock clock;
	struct audit_attempts attempts;
	struct audit_receipt receipt; /* one of the two, or none */
	struct audit_kept kept;
	bool has_receipt;
};

static int on_line(void *ctx, const struct audit_chain *c, const struct chain_line *l,
	const struct finding_place *at)
{
	struct verify *v = ctx;

	if (v->has_receipt)
		audit_receipt_line(&v->receipt, c->last_hash, l, at);
	if (v->kept.proof != NULL)
		audit_kept_line(&v->kept, c, l, at);
	return 0;
}

static int on_event(void *ctx, const struct audit_event *e)
{
	struct verify *v = ctx;

	audit_clock_event(&v->clock, &v->all.findings, e);
	audit_attempts_event(&v->attempts, &v->all.findings, e);
	audit_blobs_event(&v->blobs, &v->all.findings, e);
	return v->blobs.no_memory ? output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM)) : 0;
}

static void on_gap(void *ctx, int64_t at_ms)
{
	struct verify *v = ctx;

	audit_blobs_gap(&v->blobs, at_ms);
}

static int print_result(struct verify *v, struct audit_report *r, const char *html)
{
	int status = EXIT_DONE;

	r->sums = audit_chains_sums(&v->all);
	r->overdue = audit_blobs_overdue(&v->blobs, &v->all.findings, r->sums.last_ms);
	if (v->has_receipt)
		audit_receipt_end(&v->receipt, &v->all.findings, r->sums.first_n, r->sums.last_n,
			r->sums.last);
	if (v->kept.proof != NULL)
		audit_kept_end(
			&v->kept, &v->all.findings, r->sums.first_n, r->sums.last_n, r->sums.last);
	audit_rows_sort(&v->blobs.rows);
	r->verdict = audit_verdict_of(&v->all);
	if (output_is_json())
		status = output_object(audit_report_json(r));
	else
		audit_report_text(r);
	if (status == EXIT_DONE && html != NULL)
		status = audit_html_write(r, html);
	return status == EXIT_DONE ? audit_verdict_exit(r->verdict) : status;
}

static int load_proof(struct verify *v, const struct cmdline *o, const char *path)
{
	struct receipt_key key[AUDIT_KEYS_MAX];
	struct sha256 *sha = sha256_new();
	const char *policy_path = cmdline_text(o, OPT_POLICY);
	struct policy *policy = NULL;
	struct audit_proof *proof;
	size_t n_keys;
	int status = sha != NULL ? audit_keys_read(o, sha, key, &n_keys) :
				   output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));

	if (status == 0 && policy_path != NULL)
		status = audit_policy_load(sha, policy_path, &policy);
	if (status == 0)
		status = audit_proof_load(sha, path, key, n_keys, &proof);
	if (status == 0 && policy != NULL)
		audit_policy_apply(policy, proof);
	if (status == 0)
		audit_kept_init(&v->kept, proof);
	free(policy);
	sha256_free(sha);
	return status;
}

/* A proof, or a receipt as the server's answer had it. */
static int load_receipt(
	struct verify *v, const struct cmdline *o, const char *path, struct audit_report *r)
{
	if (cmdline_text(o, OPT_POLICY) != NULL || audit_proof_is(path)) {
		r->kept = &v->kept;
		return load_proof(v, o, path);
	}
	v->has_receipt = true;
	r->receipt = &v->receipt;
	return audit_receipt_load(path, &v->receipt);
}

int cmd_audit_verify(struct cli *cli)
{
	static const struct audit_calls calls = {.line = on_line, .event = on_event, .gap = on_gap};
	struct verify *v = calloc(1, sizeof *v);
	const char *path = cmdline_text(&cli->opt, OPT_RECEIPT);
	struct audit_report r = {0};
	int status = v != NULL ? EXIT_DONE : output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));

	if (status == EXIT_DONE && cmdline_text(&cli->opt, OPT_POLICY) != NULL && path == NULL)
		status = output_usage("--policy: name the checkpoint or the proof with --receipt; "
				      "the server keeps the latest checkpoint that was cosigned in "
				      "the log's folder of tiles, as cosigned");
	if (status == EXIT_DONE && path != NULL)
		status = load_receipt(v, &cli->opt, path, &r);
	if (status == EXIT_DONE)
		status = audit_chains_run(
			&v->all, cli, cli->opt.word + 2, cli->opt.n_words - 2, &calls, v);
	if (status == EXIT_DONE) {
		r.all = &v->all;
		r.blobs = &v->blobs;
		r.attempts = &v->attempts;
		status = print_result(v, &r, cmdline_text(&cli->opt, OPT_HTML));
	}
	if (v != NULL) {
		audit_chains_free(&v->all);
		audit_blobs_free(&v->blobs);
		audit_kept_free(&v->kept);
	}
	free(v);
	return status;
}
