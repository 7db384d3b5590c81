/*
 * fuzz_note.c: signed notes, the checkpoints in them, and keys. Invariants: a note that reads is
 * its text, an empty line and its signatures' lines, byte for byte; a checkpoint that reads begins
 * its text as it is written; a key that reads is written the same; what nobody signed does not
 * verify. `make fuzz` runs it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include "core/checkpoint.h"
#include "core/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define MUST(x) \
	do { \
		if (!(x)) \
			abort(); \
	} while (0)
#define DASH "\xe2\x80\x94 "

static const char *expect(const char *at, const char *end, const char *what, size_t n)
{
	MUST((size_t)(end - at) >= n && memcmp(at, what, n) == 0);
	return at + n;
}

static void check_form(const char *text, size_t n, const struct note *note)
{
	const char *const end = text + n, *at = text;

	MUST(n <= NOTE_MAX && note->text.p == text && note->text.n > 0 &&
		text[note->text.n - 1] == '\n');
	MUST(note->n >= 1 && note->n <= NOTE_SIGNATURES_MAX);
	at = expect(at + note->text.n, end, "\n", 1);
	for (unsigned i = 0; i < note->n; i++) {
		at = expect(at, end, DASH, sizeof DASH - 1);
		MUST(note->signature[i].name.p == at && note->signature[i].name.n > 0);
		at = expect(at + note->signature[i].name.n, end, " ", 1);
		MUST(note->signature[i].base64.p == at);
		at = expect(at + note->signature[i].base64.n, end, "\n", 1);
	}
	MUST(at == end);
}

static void check_checkpoint(const struct note *note)
{
	char again[CHECKPOINT_TEXT_MAX];
	struct checkpoint c;
	size_t n;

	if (checkpoint_scan(note->text.p, note->text.n, &c) != 0)
		return;
	n = checkpoint_text(&c, again);
	MUST(c.size <= INT64_MAX && n <= note->text.n && memcmp(again, note->text.p, n) == 0);
}

static void check_unsigned(struct sha256 *sha, const struct note *note, enum note_type type)
{
	static const uint8_t public[NOTE_PUBLIC] = {9};
	char line[NOTE_LINE_MAX];
	struct note_key k;
	uint64_t time_s;
	size_t n;
	int found;

	MUST(note_key_make(sha, "log.example/evidence", type, public, &k) == 0);
	found = note_verify(note, &k, &time_s);
	MUST(found == TG_ENOENT || found == TG_ESIGNATURE);
	MUST(note_line_of(note, &k, line, &n) == 0);
}

static void check_key(struct sha256 *sha, const char *text, size_t n)
{
	char again[NOTE_KEY_TEXT_MAX];
	struct note_key k;

	if (note_key_parse(sha, text, n, &k) != 0)
		return;
	MUST(strlen(note_key_text(&k, again)) == n && memcmp(again, text, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct sha256 *sha;
	static struct note note;
	char *text = malloc(n > 0 ? n : 1); /* an exact copy, so that a read past its end is seen */

	if (sha == NULL)
		MUST((sha = sha256_new()) != NULL);
	MUST(text != NULL);
	memcpy(text, p, n);
	if (note_scan(text, n, &note) == 0) {
		check_form(text, n, &note);
		check_checkpoint(&note);
		check_unsigned(sha, &note, NOTE_ED25519);
		check_unsigned(sha, &note, NOTE_COSIGNATURE);
	}
	check_key(sha, text, n);
	free(text);
	return 0;
}
