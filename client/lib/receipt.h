/*
 * receipt.h: a receipt that proves itself: a proof (core/proof.h) whose line is a record of the
 * evidence. Reads one, and checks it against keys that the caller chose beforehand. No I/O, no
 * clock. Not installed. docs/evidence.md.
 */
#ifndef TG_LIB_RECEIPT_H
#define TG_LIB_RECEIPT_H

#include <stddef.h>
#include <stdint.h>
#include "core/chain.h"
#include "core/proof.h"

/* What is wrong with a receipt: X(id, word, sentence). The first that is found is told. */
#define RECEIPT_FAULTS(X) \
	X(RECEIPT_GOOD, "good", "nothing is wrong") \
	X(RECEIPT_FORM, "form", \
		"this has not the form of a proof: it was cut or changed, or is another answer " \
		"of " \
		"the server (a proof is what comes with the status 200)") \
	X(RECEIPT_NOTE, "note", \
		"the checkpoint in it has not the form of a signed checkpoint: it was cut or " \
		"changed") \
	X(RECEIPT_ORIGIN, "origin", \
		"it is from another log than the one that the key belongs to: give that log's " \
		"key") \
	X(RECEIPT_KEY, "key", \
		"none of the given keys has signed its checkpoint: give the key of the log that " \
		"it names, and if that is given, do not believe it") \
	X(RECEIPT_SIGNATURE, "signature", \
		"the signature of its checkpoint is wrong: the checkpoint or the signature was " \
		"changed") \
	X(RECEIPT_INCLUSION, "inclusion", \
		"its record does not stand in the log that was signed: the record, its place or " \
		"the hashes were changed") \
	X(RECEIPT_RECORD, "record", "what it proves is no record of an event") \
	X(RECEIPT_PLACE, "place", "its record has another number than its place in the log") \
	X(RECEIPT_POLICY, "policy", \
		"fewer witnesses have cosigned its checkpoint than the policy asks for: fetch it " \
		"again when they are back") \
	X(RECEIPT_COSIGNATURE, "cosignature", \
		"a witness's cosignature of its checkpoint is wrong: one of the two was changed")

enum receipt_fault {
#define RECEIPT_X_(id, word, sentence) id,
	RECEIPT_FAULTS(RECEIPT_X_)
#undef RECEIPT_X_
};

/** Returns the word of a fault, and the sentence. */
const char *receipt_word(enum receipt_fault f);
const char *receipt_sentence(enum receipt_fault f);

/* A log's public key, as somebody pinned it. */
struct receipt_key {
	char origin[NOTE_NAME_MAX + 1]; /* ""; or the only log that it is for */
	uint8_t public[NOTE_PUBLIC];
};

/**
 * Reads a key: `timeglas-audit1` and 64 digits, which is what stands in the recorder's .pub, or
 * name+id+base64 (C2SP signed-note), which names its log, too.
 *
 * @text  n bytes
 *
 * Returns 0 or TG_EINVAL.
 */
int receipt_key_parse(struct sha256 *h, const char *text, size_t n, struct receipt_key *out);

/* A signed checkpoint that was read. */
struct receipt_head {
	struct note note; /* points into the text */
	struct checkpoint checkpoint;
};

/**
 * Reads a signed checkpoint and checks its signature.
 *
 * @text   n bytes, which out->note points into
 * @keys   any of them may have signed
 * @n_keys 0: no signature is checked, so the checkpoint may be anybody's
 *
 * Returns RECEIPT_GOOD, or what is wrong.
 */
enum receipt_fault receipt_head_check(struct sha256 *h, const char *text, size_t n,
	const struct receipt_key *keys, size_t n_keys, struct receipt_head *out);

struct receipt {
	struct proof proof;
	struct receipt_head head;
	struct chain_line line; /* its texts point into text */
	char text[PROOF_LINE_MAX];
};

/** Returns whether n bytes begin as a proof does. */
int receipt_is(const char *text, size_t n);

/**
 * Reads a receipt and checks all of it: signature, inclusion, and the record in it.
 *
 * @text, @keys, @n_keys  as above
 *
 * Returns RECEIPT_GOOD, or what is wrong; out->line is filled in only then, or when the fault is
 * RECEIPT_PLACE.
 */
enum receipt_fault receipt_check(struct sha256 *h, const char *text, size_t n,
	const struct receipt_key *keys, size_t n_keys, struct receipt *out);

#endif
