/*
 * cmd_audit_receipt.c: timeglas audit receipt: checks proofs that somebody kept, offline and
 * without the log, and whether the log keeps to them. Without a pinned key it says how each fits
 * together, and that anybody may have signed it. Runs in the timeglas command. docs/evidence.md.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "cli/audit_compare.h"
#include "cli/audit_keys.h"
#include "cli/audit_policy.h"
#include "cli/audit_proof.h"
#include "cli/audit_verdict.h"
#include "cli/cmd.h"
#include "cli/output.h"

struct receipts {
	struct sha256 *sha;
	struct receipt_key key[AUDIT_KEYS_MAX];
	size_t n_keys;
	struct policy *policy; /* NULL: none was given */
	struct audit_proof *proof[OPERANDS_MAX];
	size_t n;
	struct findings findings; /* of what they say of each other, and of the tiles */
	uint64_t not_compared;
	bool tiles; /* they were compared with the newest checkpoint */
};

static bool all_good(const struct receipts *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->proof[i]->fault != RECEIPT_GOOD)
			return false;
	return true;
}

static enum audit_verdict verdict_of(const struct receipts *r)
{
	if (!all_good(r) || r->findings.total > 0)
		return AUDIT_BAD;
	return r->n_keys > 0 ? AUDIT_GOOD : AUDIT_UNPINNED;
}

static const char *sentence_of(const struct receipts *r, enum audit_verdict v)
{
	switch (v) {
	case AUDIT_GOOD:
		return "The log recorded this, signed it, and cannot deny it.";
	case AUDIT_UNPINNED:
		return "It fits together, but nobody said whose signature it must have: give the "
		       "log's key with --key.";
	default:
		return all_good(r) ? "The log does not keep to what it signed." :
				     "This proves nothing.";
	}
}

static void print_findings(const struct receipts *r)
{
	char line[512];

	for (size_t i = 0; i < r->findings.n; i++) {
		snprintf(line, sizeof line, "(%s) %s", r->findings.list[i].what,
			r->findings.list[i].detail);
		output_text(line);
	}
	if (r->tiles && r->findings.total == 0)
		output_text("The log of today begins with what was signed then.");
	else if (r->not_compared > 0 && !r->tiles) {
		snprintf(line, sizeof line,
			"%" PRIu64 " pairs were signed at different sizes and are not compared: "
			"give the log's folder of tiles (--tiles).",
			r->not_compared);
		output_text(line);
	}
}

static void print_text(const struct receipts *r, enum audit_verdict v)
{
	char line[4200];

	snprintf(line, sizeof line, "VERDICT: %s. %s", audit_verdict_word(v), sentence_of(r, v));
	output_text(line);
	print_findings(r);
	for (size_t i = 0; i < r->n; i++) {
		snprintf(line, sizeof line, "%s:", r->proof[i]->path);
		if (r->n > 1)
			output_text(line);
		audit_proof_text(r->proof[i]);
	}
}

static json_t *findings_json(const struct findings *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n; i++)
		output_append(list,
			json_pack("{s:s, s:s}", "what", f->list[i].what, "detail",
				f->list[i].detail));
	return list;
}

static int print_json(const struct receipts *r, enum audit_verdict v)
{
	json_t *o, *list;

	if (r->n == 1) {
		o = audit_proof_json(r->proof[0]);
	} else {
		list = json_array();
		for (size_t i = 0; i < r->n; i++)
			output_append(list, audit_proof_json(r->proof[i]));
		o = json_pack("{s:o}", "receipts", list);
	}
	json_object_set_new(o, "verdict", json_string(audit_verdict_word(v)));
	json_object_set_new(o, "tiles", json_boolean(r->tiles));
	json_object_set_new(o, "not_compared", json_integer((json_int_t)r->not_compared));
	json_object_set_new(o, "findings_total", json_integer((json_int_t)r->findings.total));
	json_object_set_new(o, "findings", findings_json(&r->findings));
	return output_object(o);
}

static int load(struct receipts *r, const struct cmdline *o)
{
	const char *policy = cmdline_text(o, OPT_POLICY);
	int status = audit_keys_read(o, r->sha, r->key, &r->n_keys);

	if (status == 0 && policy != NULL)
		status = audit_policy_load(r->sha, policy, &r->policy);
	if (status == 0 && r->policy != NULL)
		audit_policy_keys(r->policy, r->key, &r->n_keys);
	for (size_t i = 2; status == 0 && i < o->n_words; i++) {
		status = audit_proof_load(r->sha, o->word[i], r->key, r->n_keys, &r->proof[r->n]);
		if (status == 0 && r->policy != NULL)
			audit_policy_apply(r->policy, r->proof[r->n]);
		r->n += status == 0;
	}
	return status;
}

static int compare(struct receipts *r, const char *tiles)
{
	struct audit_compare c = {.proof = r->proof,
		.n = r->n,
		.keys = r->key,
		.n_keys = r->n_keys,
		.sha = r->sha,
		.findings = &r->findings};

	audit_compare_pairs(&c);
	r->tiles = tiles != NULL;
	r->not_compared = r->tiles ? 0 : c.not_compared;
	return r->tiles ? audit_compare_tiles(&c, tiles) : 0;
}

int cmd_audit_receipt(struct cli *cli)
{
	struct receipts *r = calloc(1, sizeof *r);
	enum audit_verdict v;
	int status = 0;

	if (r == NULL || (r->sha = sha256_new()) == NULL)
		status = output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	if (status == 0)
		status = load(r, &cli->opt);
	if (status == 0)
		status = compare(r, cmdline_text(&cli->opt, OPT_TILES));
	if (status == 0) {
		v = verdict_of(r);
		if (output_is_json())
			status = print_json(r, v);
		else
			print_text(r, v);
		if (status == EXIT_DONE)
			status = audit_verdict_exit(v);
	}
	for (size_t i = 0; r != NULL && i < r->n; i++)
		free(r->proof[i]);
	if (r != NULL) {
		findings_free(&r->findings);
		sha256_free(r->sha);
		free(r->policy);
	}
	free(r);
	return status;
}
