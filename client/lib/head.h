/* head.h: the signed head at the front of a sealed payload (docs/envelope.md, section 3): its
 * fields and its text. Not installed. */
#ifndef TG_LIB_HEAD_H
#define TG_LIB_HEAD_H

#include <stddef.h>
#include <stdint.h>
#include <timeglas/timeglas.h>
#include "lib/keys.h"

/* bytes of a head's text with its empty line; one with twenty recipients has about 2,100 */
#define TG_HEAD_TEXT_MAX 4096
#define TG_TRAILER 64   /* the signature */
#define TG_HEAD_WHY 192 /* bytes of a reason, its NUL included */

struct tg_head_fields { /* "" for a field that is left out */
	char kind[TG_KIND_MAX + 1];
	char issuer[4];
	char session[TG_SESSION_MAX + 1];
	char subject[TG_SUBJECT_CHARS + 1];
	char content_type[TG_CONTENT_TYPE_MAX + 1];
	int64_t time_ms;
	tg_sender sender;
	tg_recipient recipient[TG_RECIPIENTS_MAX];
	size_t n_recipients;
	uint8_t ref[TG_REF_BYTES];
};

/**
 * Checks every field by the grammar of a head, before it is sealed. Returns 0, TG_EKIND,
 * TG_EISSUER, TG_ESESSION, TG_ESUBJECT, TG_EMEDIA, TG_EINVAL (a time that has no text) or
 * TG_ERECIPIENT.
 */
int tg_head_check(const struct tg_head_fields *h);

/** Writes the text of a head that tg_head_check() has passed, with its empty line. Returns its
 * bytes. */
size_t tg_head_format(const struct tg_head_fields *h, char out[TG_HEAD_TEXT_MAX]);

/**
 * Reads the head that stands at the beginning of n bytes.
 *
 * @len  out: its bytes, up to and with the empty line
 * @why  out, on failure: "line N: ...", the first wrong line and the reason
 *
 * Returns 0 or TG_EINVAL.
 */
int tg_head_parse(
	const uint8_t *p, size_t n, struct tg_head_fields *h, size_t *len, char why[TG_HEAD_WHY]);

/** Returns 1 when the n bytes begin as a head does. Otherwise they are something else, and not a
 * malformed head. */
int tg_head_begins(const uint8_t *p, size_t n);

/**
 * Fills in the public struct: all fields of h, its struct_size, and the blob's name, which follows
 * from sender and reference.
 *
 * @sender_name  by which the sender is known, copied; NULL: none
 */
void tg_head_public(const struct tg_head_fields *h, const char *sender_name, tg_head *out);

#endif
