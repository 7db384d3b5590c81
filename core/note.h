/*
 * note.h: signed notes (C2SP signed-note): a text, an empty line, and lines of signatures. A log
 * signs its checkpoints so, and witnesses add their cosignatures (C2SP tlog-cosignature). Ed25519
 * alone; a signature of another kind is one of an unknown key. No I/O, no clock.
 */
#ifndef TG_CORE_NOTE_H
#define TG_CORE_NOTE_H

#include <stddef.h>
#include <stdint.h>
#include "core/sha256.h"

#define NOTE_NAME_MAX 127u
#define NOTE_MAX 65536u        /* bytes of a note, at most */
#define NOTE_SIGNATURES_MAX 64 /* of a note; more is refused */
#define NOTE_PUBLIC 32u        /* bytes of a public key */
#define NOTE_SIGNATURE 64u     /* bytes of a signature */
#define NOTE_SECRET 64u        /* libsodium's Ed25519 secret key: seed and public key */
/* name+8 digits+44 characters, and the NUL */
#define NOTE_KEY_TEXT_MAX (NOTE_NAME_MAX + 1 + 8 + 1 + 44 + 1)
/* a signature's line with its LF, and the NUL */
#define NOTE_LINE_MAX (4 + NOTE_NAME_MAX + 1 + 104 + 2)

enum note_type {                 /* the byte that stands for a kind of signature */
	NOTE_ED25519 = 0x01,     /* over the text: a log's */
	NOTE_COSIGNATURE = 0x04, /* over time and text: a witness's */
};

struct note_key { /* whose signatures are known */
	char name[NOTE_NAME_MAX + 1];
	enum note_type type;
	uint32_t id; /* follows from the others */
	uint8_t public[NOTE_PUBLIC];
};

/**
 * Makes a key of its parts.
 *
 * Returns 0; TG_EINVAL for a name that is empty, too long, or has a blank, a plus, a control
 * character or bytes that are not UTF-8.
 */
int note_key_make(struct sha256 *h, const char *name, enum note_type type,
	const uint8_t public[NOTE_PUBLIC], struct note_key *out);

/** Reads a key as people exchange it: name+id+base64. Returns 0; TG_EINVAL, also for another kind
 * of key and for an id that does not follow from the rest. */
int note_key_parse(struct sha256 *h, const char *s, size_t n, struct note_key *out);

/** Writes it. Returns out. */
char *note_key_text(const struct note_key *k, char out[NOTE_KEY_TEXT_MAX]);

struct note_span { /* a part of a note; no NUL behind it */
	const char *p;
	size_t n;
};

struct note {                  /* a note that was read; its spans point into it */
	struct note_span text; /* with its last LF */
	unsigned n;
	struct {
		struct note_span name, base64; /* base64: of id and signature */
	} signature[NOTE_SIGNATURES_MAX];
};

/** Reads the form of a note of n bytes; checks no signature. Returns 0 or TG_EINVAL. */
int note_scan(const char *p, size_t n, struct note *out);

/**
 * Checks the signatures of one key.
 *
 * @time_s  NULL, or filled in with the time that a cosignature tells, in Unix seconds; 0 of other
 *          keys
 *
 * Returns 0: there is one, and each of them is right. TG_ENOENT: there is none. TG_ESIGNATURE:
 * there is a wrong one. TG_ENOMEM.
 */
int note_verify(const struct note *note, const struct note_key *k, uint64_t *time_s);

/** Makes the line of a signature that is there, LF included. time_s: what it signs, too, when k is
 * of type NOTE_COSIGNATURE. Returns out. */
char *note_line(const struct note_key *k, uint64_t time_s, const uint8_t signature[NOTE_SIGNATURE],
	char out[NOTE_LINE_MAX]);

/**
 * Finds the line of a key's signature: the first that is right by itself.
 *
 * @line  out: *n bytes of it, its LF included, without a NUL
 *
 * Returns 1; 0: there is none.
 */
int note_line_of(
	const struct note *note, const struct note_key *k, char line[NOTE_LINE_MAX], size_t *n);

/**
 * Makes a signature and its line, LF included.
 *
 * @k       of type NOTE_COSIGNATURE: signs time_s, too
 * @secret  the key's other half
 * @text    n bytes, the last of them LF; fewer than NOTE_MAX
 *
 * Returns out; NULL without memory.
 */
char *note_sign(const struct note_key *k, const uint8_t secret[NOTE_SECRET], const char *text,
	size_t n, uint64_t time_s, char out[NOTE_LINE_MAX]);

#endif
