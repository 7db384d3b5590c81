/*
 * fuzz_submission.c: what is posted to a witness. Invariants: a submission that reads writes the
 * same bytes again; of bytes that nobody signed the witness cosigns none, and it says which log it
 * means where it says that sizes differ. `make fuzz` runs it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "core/submission.h"
#include "witness/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define MUST(x) \
	do { \
		if (!(x)) \
			abort(); \
	} while (0)

static void check_again(const char *text, size_t n)
{
	static char again[SUBMISSION_MAX + 1];
	struct submission s;

	if (submission_scan(text, n, &s) != 0)
		return;
	MUST(n <= SUBMISSION_MAX && s.proof.n <= SUBMISSION_PROOF_MAX);
	MUST(s.note >= text && s.note + s.note_n == text + n && s.note_n > 0);
	MUST(submission_text(&s, again, sizeof again) == n && memcmp(again, text, n) == 0);
}

/* A log whose key nobody has: of a note in tests/fuzz/regression the name is the same. */
static void check_judge(struct sha256 *sha, const char *text, size_t n)
{
	static const uint8_t public[NOTE_PUBLIC] = {9};
	static struct judge_log log;
	struct verdict v;

	if (log.key.name[0] == '\0') {
		MUST(note_key_make(sha, "log.example/evidence", NOTE_ED25519, public, &log.key) ==
			0);
		log.latest.size = 7;
	}
	judge(sha, &log, 1, text, n, &v);
	MUST(v.status == 400 || v.status == 403 || v.status == 404);
	MUST(v.why != NULL && (v.log == &log) == (v.status == 403));
	MUST(log.latest.size == 7);
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
	check_judge(sha, text, n);
	free(text);
	return 0;
}
