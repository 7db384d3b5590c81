/*
 * fuzz_proof.c: proofs that somebody kept. Invariants: one that reads writes the same bytes again;
 * one that is good without a key has its line in the tree of its checkpoint, in the place that the
 * line tells; none is good by a key that has not signed it. `make fuzz` runs it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "core/proof.h"
#include "lib/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define MUST(x) \
	do { \
		if (!(x)) \
			abort(); \
	} while (0)

static void check_again(const char *text, size_t n)
{
	static char line[PROOF_LINE_MAX], again[PROOF_MAX + 1];
	struct proof proof;

	if (proof_scan(text, n, line, sizeof line, &proof) != 0)
		return;
	MUST(n <= PROOF_MAX && proof.line == line && proof.line_n <= sizeof line);
	MUST(proof.checkpoint >= text && proof.checkpoint + proof.checkpoint_n <= text + n);
	MUST(proof_text(&proof, again, sizeof again) == n && memcmp(again, text, n) == 0);
}

static void check_receipt(struct sha256 *sha, const char *text, size_t n)
{
	static const struct receipt_key key = {.public = {9}};
	static struct receipt r;
	enum receipt_fault fault = receipt_check(sha, text, n, NULL, 0, &r);

	MUST(receipt_word(fault) != NULL && receipt_sentence(fault) != NULL);
	if (fault == RECEIPT_GOOD) {
		MUST(receipt_is(text, n) && r.line.record.n == r.proof.index + 1);
		MUST(proof_included(sha, &r.proof, &r.head.checkpoint) == 0);
	}
	MUST(receipt_check(sha, text, n, &key, 1, &r) != RECEIPT_GOOD);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct sha256 *sha;
	char *text = malloc(n > 0 ? n : 1); /* an exact copy, so that a read past its end is seen */

	if (sha == NULL)
		MUST((sha = sha256_new()) != NULL);
	MUST(text != NULL);
	memcpy(text, p, n);
	check_again(text, n);
	check_receipt(sha, text, n);
	free(text);
	return 0;
}
