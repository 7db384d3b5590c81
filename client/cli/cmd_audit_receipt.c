/*
 * cmd_audit_receipt.c: timeglas audit receipt: checks proofs that somebody kept, offline and
 * without the log. Without a pinned key it says how each fits together, and that anybody may have
 * signed it. Runs in the timeglas command. docs/evidence.md.
 */
#include <stdio.h>
#include <stdlib.h>
#include "cli/audit_keys.h"
#include "cli/audit_proof.h"
#include "cli/audit_verdict.h"
#include "cli/cmd.h"
#include "cli/output.h"

struct receipts {
	struct sha256 *sha;
	struct receipt_key key[AUDIT_KEYS_MAX];
	size_t n_keys;
	struct audit_proof *proof[OPERANDS_MAX];
	size_t n;
};

static enum audit_verdict verdict_of(const struct receipts *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->proof[i]->fault != RECEIPT_GOOD)
			return AUDIT_BAD;
	return r->n_keys > 0 ? AUDIT_GOOD : AUDIT_UNPINNED;
}

static const char *sentence_of(enum audit_verdict v)
{
	static const char *const sentences[] = {
		[AUDIT_GOOD] = "GOOD. The log recorded this and signed it.",
		[AUDIT_UNPINNED] = "UNPINNED. It fits together, but nobody said whose signature it "
				   "must have: give the log's key with --key.",
		[AUDIT_BAD] = "NOT GOOD. This proves nothing.",
	};
	return sentences[v];
}

static void print_text(const struct receipts *r, enum audit_verdict v)
{
	char line[4200];

	snprintf(line, sizeof line, "VERDICT: %s", sentence_of(v));
	output_text(line);
	for (size_t i = 0; i < r->n; i++) {
		snprintf(line, sizeof line, "\n%s", r->proof[i]->path);
		if (r->n > 1)
			output_text(line + 1);
		audit_proof_text(r->proof[i]);
	}
}

static int print_json(const struct receipts *r, enum audit_verdict v)
{
	json_t *o, *list;

	if (r->n == 1) {
		o = audit_proof_json(r->proof[0]);
	} else {
		list = json_array();
		for (size_t i = 0; i < r->n; i++)
			json_array_append_new(list, audit_proof_json(r->proof[i]));
		o = json_pack("{s:o}", "receipts", list);
	}
	json_object_set_new(o, "verdict", json_string(audit_verdict_word(v)));
	return output_object(o);
}

int cmd_audit_receipt(struct cli *cli)
{
	struct receipts *r = calloc(1, sizeof *r);
	enum audit_verdict v;
	int status = 0;

	if (r == NULL || (r->sha = sha256_new()) == NULL)
		status = output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	if (status == 0)
		status = audit_keys_read(&cli->opt, r->sha, r->key, &r->n_keys);
	for (size_t i = 2; status == 0 && i < cli->opt.n_words; i++) {
		status = audit_proof_load(
			r->sha, cli->opt.word[i], r->key, r->n_keys, &r->proof[r->n]);
		r->n += status == 0;
	}
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
	if (r != NULL)
		sha256_free(r->sha);
	free(r);
	return status;
}
