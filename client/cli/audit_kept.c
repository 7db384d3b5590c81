/* audit_kept.c: see audit_kept.h. Runs in the timeglas command. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/audit_kept.h"

void audit_kept_init(struct audit_kept *k, struct audit_proof *proof)
{
	k->proof = proof;
	if (proof->fault == RECEIPT_GOOD && !proof->is_head)
		chain_hash(proof->receipt.proof.line, proof->receipt.proof.line_n, k->line_hash);
	k->line_met = proof->is_head;
}

void audit_kept_free(struct audit_kept *k)
{
	free(k->proof);
	k->proof = NULL;
}

static void note_other(struct audit_kept_place *w, const struct finding_place *at)
{
	if (w->line != 0)
		return;
	snprintf(w->file, sizeof w->file, "%s", at->file);
	w->line = at->line;
}

void audit_kept_line(struct audit_kept *k, const struct audit_chain *c, const struct chain_line *l,
	const struct finding_place *at)
{
	const struct audit_proof *p = k->proof;
	const uint64_t n = l->is_check ? l->check.n : l->record.n;
	uint8_t root[TREE_HASH];

	if (p->fault != RECEIPT_GOOD)
		return;
	if (!p->is_head && n == p->receipt.line.record.n) {
		if (memcmp(c->last_hash, k->line_hash, CHAIN_HASH) == 0)
			k->line_met = true;
		else
			note_other(&k->line_other, at);
	}
	if (n == p->receipt.head.checkpoint.size && audit_tree_root(&c->tree, root)) {
		if (memcmp(root, p->receipt.head.checkpoint.root, TREE_HASH) == 0)
			k->root_met = true;
		else
			note_other(&k->root_other, at);
	}
}

/* The line that is asked for was not met, or differs. */
static void end_line(const struct audit_kept *k, struct findings *f, uint64_t first_n,
	uint64_t last_n, const struct finding_place *last)
{
	const struct finding_place other = {
		.file = k->line_other.file, .line = k->line_other.line, .whole = true};
	const uint64_t n = k->proof->receipt.line.record.n;

	if (k->line_other.line != 0)
		findings_add(f, "receipt", &other,
			"the proof has another line in this place: it was rewritten after it was "
			"proved");
	else if (n > last_n)
		findings_add(f, "receipt", last,
			"the end was cut off: the proof is of line number %" PRIu64
			", and the last one here is %" PRIu64,
			n, last_n);
	else if (n < first_n)
		findings_add(f, "receipt", NULL,
			"the proof is of line number %" PRIu64
			", which stands in an earlier file: give that, too",
			n);
	else
		findings_add(f, "receipt", NULL,
			"line number %" PRIu64 ", which was proved, is not there", n);
}

static void end_root(const struct audit_kept *k, struct findings *f, uint64_t last_n,
	const struct finding_place *last)
{
	const struct finding_place other = {
		.file = k->root_other.file, .line = k->root_other.line, .whole = true};
	const uint64_t size = k->proof->receipt.head.checkpoint.size;

	if (k->root_other.line != 0)
		findings_add(f, "receipt", &other,
			"the log up to here is not the one that was signed when the proof was "
			"given: there are two histories, or this one was rewritten");
	else if (size > last_n)
		findings_add(f, "receipt", last,
			"the end was cut off: when the proof was given the log had %" PRIu64
			" lines, and the last one here is %" PRIu64,
			size, last_n);
	else
		findings_add(f, "receipt", NULL,
			"the checkpoint of the proof cannot be compared: the tree of the first "
			"%" PRIu64 " lines is not known; give the files of all of them, or the "
			"log's folder of tiles",
			size);
}

/* The same, of what a witness gave when it was asked. */
static void end_witness(const struct audit_kept *k, struct findings *f, uint64_t last_n,
	const struct finding_place *last)
{
	const struct finding_place other = {
		.file = k->root_other.file, .line = k->root_other.line, .whole = true};
	const uint64_t size = k->proof->receipt.head.checkpoint.size;

	if (k->root_other.line != 0)
		findings_add(f, "witness", &other,
			"the log up to here is not the one that %s cosigned: there are two "
			"histories, or this one was rewritten",
			k->proof->path);
	else if (size > last_n)
		findings_add(f, "witness", last,
			"the end was cut off, or this is a copy from before: %s has cosigned "
			"%" PRIu64 " lines, and the last one here is %" PRIu64,
			k->proof->path, size, last_n);
	else
		findings_add(f, "witness", NULL,
			"what %s cosigned cannot be compared: the tree of the first %" PRIu64
			" lines is not known; give the files of all of them, or the log's folder "
			"of tiles",
			k->proof->path, size);
}

void audit_kept_end(const struct audit_kept *k, struct findings *f, uint64_t first_n,
	uint64_t last_n, const struct finding_place *last)
{
	const struct finding_place whole = {.file = k->proof->path, .line = 0, .whole = true};

	if (k->proof->fault != RECEIPT_GOOD) {
		findings_add(f, k->witness ? "witness" : "receipt", k->witness ? NULL : &whole,
			"%s: %s", k->proof->path, receipt_sentence(k->proof->fault));
		return;
	}
	/* a line in an earlier file stands in the tree, when that is the one that was signed */
	if (!k->line_met && !(k->root_met && k->proof->receipt.line.record.n < first_n))
		end_line(k, f, first_n, last_n, last);
	if (!k->root_met && k->witness)
		end_witness(k, f, last_n, last);
	else if (!k->root_met)
		end_root(k, f, last_n, last);
}
