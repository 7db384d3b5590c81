/*
 * subject.h: the name under which store and evidence know a subject: a hash of its uploader's name
 * and of its digits, which so are kept nowhere. Pure.
 */
#ifndef TG_CORE_SUBJECT_H
#define TG_CORE_SUBJECT_H

#include <stddef.h>

#define SUBJECT_HASH_CHARS 32

/**
 * Hashes a subject: the first 16 bytes, in hex, of SHA-256("timeglas subject 1" LF uploader LF and
 * the 64 digits).
 *
 * @uploader  a peer's name
 * @text      the subject, n bytes
 * @hash      set
 *
 * Returns 0, or TG_ESUBJECT: it is not 64 lower-case hexadecimal digits; TG_EINVAL: the name is too
 * long.
 */
int subject_hash(
	const char *uploader, const char *text, size_t n, char hash[SUBJECT_HASH_CHARS + 1]);

#endif
