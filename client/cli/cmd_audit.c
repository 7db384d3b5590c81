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
	struct audit_receipts receipts; /* one of the two, or none */
	struct audit_kept kept;
	bool has_receipt;
	struct audit_witnesses asked;
};

static int on_line(void *ctx, const struct audit_chain *c, const struct chain_line *l,
	const struct finding_place *at)
{
	struct verify *v = ctx;

	if (v->has_receipt)
		audit_receipts_line(&v->receipts, c->last_hash, l, at);
	if (v->kept.proof != NULL)
		audit_kept_line(&v->kept, c, l, at);
	audit_witnesses_line(&v->asked, c, l, at);
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
		audit_receipts_end(&v->receipts, &v->all.findings, r->sums.first_n, r->sums.last_n,
			r->sums.last);
	if (v->kept.proof != NULL)
		audit_kept_end(
			&v->kept, &v->all.findings, r->sums.first_n, r->sums.last_n, r->sums.last);
	audit_witnesses_end(
		&v->asked, &v->all.findings, r->sums.first_n, r->sums.last_n, r->sums.last);
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

/* Whom to believe about checkpoints from elsewhere: a proof's, and those of witnesses. */
struct trust {
	struct sha256 *sha;
	struct receipt_key key[AUDIT_KEYS_MAX];
	size_t n_keys;
	struct policy *policy; /* NULL: none was given */
};

static int load_trust(struct trust *t, const struct cmdline *o)
{
	const char *policy = cmdline_text(o, OPT_POLICY);
	int status;

	t->sha = sha256_new();
	if (t->sha == NULL)
		return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	status = audit_keys_read(o, t->sha, t->key, &t->n_keys);
	if (status == 0 && policy != NULL)
		status = audit_policy_load(t->sha, policy, &t->policy);
	return status;
}

static int load_proof(struct verify *v, const struct trust *t, const char *path)
{
	struct audit_proof *proof;
	int status = audit_proof_load(t->sha, path, t->key, t->n_keys, &proof);

	if (status != 0)
		return status;
	if (t->policy != NULL)
		audit_policy_apply(t->policy, proof);
	audit_kept_init(&v->kept, proof);
	return 0;
}

/* A proof, or a receipt as the server's answer had it. */
static int load_receipt(
	struct verify *v, const struct trust *t, const char *path, struct audit_report *r)
{
	if (t->policy != NULL || audit_proof_is(path)) {
		r->kept = &v->kept;
		return load_proof(v, t, path);
	}
	v->has_receipt = true;
	r->receipts = &v->receipts;
	return audit_receipts_load(path, &v->receipts);
}

/* What the log is to be held to. Witnesses are asked before it is read: a log that is being written
 * then has all that they know. */
static int load_others(struct verify *v, const struct cmdline *o, struct audit_report *r)
{
	const char *receipt = cmdline_text(o, OPT_RECEIPT);
	struct trust t = {0};
	int status = EXIT_DONE;

	if (cmdline_text(o, OPT_POLICY) != NULL && receipt == NULL && o->n[OPT_WITNESS] == 0)
		return output_usage("--policy: name the checkpoint or the proof with --receipt, or "
				    "a witness with --witness; the server keeps the latest "
				    "checkpoint that was cosigned in the log's folder of tiles, as "
				    "cosigned");
	status = load_trust(&t, o);
	if (status == EXIT_DONE && receipt != NULL)
		status = load_receipt(v, &t, receipt, r);
	if (status == EXIT_DONE && o->n[OPT_WITNESS] > 0)
		status = audit_witnesses_ask(&v->asked, o, t.sha, o->word + 2, o->n_words - 2,
			t.key, t.n_keys, t.policy);
	free(t.policy);
	sha256_free(t.sha);
	return status;
}

int cmd_audit_verify(struct cli *cli)
{
	static const struct audit_calls calls = {.line = on_line, .event = on_event, .gap = on_gap};
	struct verify *v = calloc(1, sizeof *v);
	struct audit_report r = {0};
	int status = v != NULL ? EXIT_DONE : output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));

	if (status == EXIT_DONE)
		status = load_others(v, &cli->opt, &r);
	if (status == EXIT_DONE)
		status = audit_chains_run(
			&v->all, cli, cli->opt.word + 2, cli->opt.n_words - 2, &calls, v);
	if (status == EXIT_DONE) {
		r.all = &v->all;
		r.blobs = &v->blobs;
		r.attempts = &v->attempts;
		r.asked = &v->asked;
		status = print_result(v, &r, cmdline_text(&cli->opt, OPT_HTML));
	}
	if (v != NULL) {
		audit_chains_free(&v->all);
		audit_blobs_free(&v->blobs);
		audit_kept_free(&v->kept);
		audit_receipts_free(&v->receipts);
		audit_witnesses_free(&v->asked);
	}
	free(v);
	return status;
}
