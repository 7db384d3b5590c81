/* head.h: the signed head at the front of a sealed payload, as text (docs/envelope.md, section 3).
 */
#ifndef TG_LIB_HEAD_H
#define TG_LIB_HEAD_H

#include <stddef.h>
#include <stdint.h>
#include <timeglas/timeglas.h>
#include "lib/keys.h"

/* bytes of a head, its blank line included; twenty recipients take about 2,100 */
#define TG_HEAD_TEXT_MAX 4096
#define TG_TRAILER 64   /* the signature */
#define TG_HEAD_WHY 192 /* bytes of a reason, its NUL included */

struct tg_head_fields { /* what the text says; "" for what is left out */
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
 * tg_head_check(h): may this be sealed? Returns 0, TG_EKIND, TG_EISSUER, TG_ESESSION, TG_ESUBJECT,
 * TG_EMEDIA, TG_EINVAL (a time that has no text) or TG_ERECIPIENT.
 */
int tg_head_check(const struct tg_head_fields *h);
/** tg_head_format(h, out): the text with its blank line, of a head that tg_head_check() passed.
 * Returns the length. */
size_t tg_head_format(const struct tg_head_fields *h, char out[TG_HEAD_TEXT_MAX]);
/**
 * Reads a head.
 *
 * @len  out: bytes up to and with the blank line
 * @why  out, on failure: "line N: ...", the first line that is not as it must be and the reason
 *
 * Returns 0 or TG_EINVAL.
 */
int tg_head_parse(
	const uint8_t *p, size_t n, struct tg_head_fields *h, size_t *len, char why[TG_HEAD_WHY]);
/** tg_head_begins(p, n): 1 when it begins as a head does: otherwise it is something else, not a
 * malformed head. */
int tg_head_begins(const uint8_t *p, size_t n);
/** tg_head_public(h, sender_name, out): for the caller, with its struct_size and the name that
 * follows from it. */
void tg_head_public(const struct tg_head_fields *h, const char *sender_name, tg_head *out);

#endif
