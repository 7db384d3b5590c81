/* receipt.c: see receipt.h. The signature comes first: nothing in a file that somebody handed over
 * is looked at further before the pinned key has vouched for its checkpoint. */
#include <string.h>
#include <timeglas/errors.h>
#include "core/hex.h"
#include "lib/receipt.h"

static const struct {
	const char *word, *sentence;
} faults[] = {
#define RECEIPT_X_(id, word, sentence) [id] = {word, sentence},
	RECEIPT_FAULTS(RECEIPT_X_)
#undef RECEIPT_X_
};

const char *receipt_word(enum receipt_fault f)
{
	return faults[f].word;
}

const char *receipt_sentence(enum receipt_fault f)
{
	return faults[f].sentence;
}

int receipt_key_parse(struct sha256 *h, const char *text, size_t n, struct receipt_key *out)
{
	const size_t prefix = sizeof CHAIN_PUBLIC - 1;
	struct note_key k;

	*out = (struct receipt_key){0};
	if (n == prefix + (size_t)2 * NOTE_PUBLIC && memcmp(text, CHAIN_PUBLIC, prefix) == 0)
		return tg_hex_is_lower(text + prefix, n - prefix) &&
				tg_hex_decode(
					text + prefix, n - prefix, out->public, NOTE_PUBLIC) == 0 ?
			0 :
			TG_EINVAL;
	if (note_key_parse(h, text, n, &k) != 0 || k.type != NOTE_ED25519)
		return TG_EINVAL;
	memcpy(out->origin, k.name, sizeof out->origin);
	memcpy(out->public, k.public, NOTE_PUBLIC);
	return 0;
}

static enum receipt_fault check_keys(struct sha256 *h, const struct receipt_head *head,
	const struct receipt_key *keys, size_t n_keys)
{
	const char *origin = head->checkpoint.origin;
	enum receipt_fault fault = RECEIPT_ORIGIN;
	struct note_key k;

	for (size_t i = 0; i < n_keys; i++) {
		int err;

		if (keys[i].origin[0] != '\0' && strcmp(keys[i].origin, origin) != 0)
			continue;
		if (note_key_make(h, origin, NOTE_ED25519, keys[i].public, &k) != 0)
			return RECEIPT_NOTE;
		err = note_verify(&head->note, &k, NULL);
		if (err == 0)
			return RECEIPT_GOOD;
		if (fault != RECEIPT_SIGNATURE)
			fault = err == TG_ENOENT ? RECEIPT_KEY : RECEIPT_SIGNATURE;
	}
	return n_keys == 0 ? RECEIPT_GOOD : fault;
}

enum receipt_fault receipt_head_check(struct sha256 *h, const char *text, size_t n,
	const struct receipt_key *keys, size_t n_keys, struct receipt_head *out)
{
	if (note_scan(text, n, &out->note) != 0 ||
		checkpoint_scan(out->note.text.p, out->note.text.n, &out->checkpoint) != 0)
		return RECEIPT_NOTE;
	return check_keys(h, out, keys, n_keys);
}

int receipt_is(const char *text, size_t n)
{
	static const char first[] = PROOF_FIRST_LINE "\n";

	return n >= sizeof first - 1 && memcmp(text, first, sizeof first - 1) == 0;
}

enum receipt_fault receipt_check(struct sha256 *h, const char *text, size_t n,
	const struct receipt_key *keys, size_t n_keys, struct receipt *out)
{
	enum receipt_fault fault;

	if (proof_scan(text, n, out->text, sizeof out->text, &out->proof) != 0)
		return RECEIPT_FORM;
	fault = receipt_head_check(
		h, out->proof.checkpoint, out->proof.checkpoint_n, keys, n_keys, &out->head);
	if (fault != RECEIPT_GOOD)
		return fault;
	if (proof_included(h, &out->proof, &out->head.checkpoint) != 0)
		return RECEIPT_INCLUSION;
	if (chain_scan(out->proof.line, out->proof.line_n, &out->line) != 0 || out->line.is_check)
		return RECEIPT_RECORD;
	return out->line.record.n == out->proof.index + 1 ? RECEIPT_GOOD : RECEIPT_PLACE;
}
