/* head.h: the signed head at the front of a sealed payload, as text (docs/envelope.md, section 3). */
#ifndef TG_LIB_HEAD_H
#define TG_LIB_HEAD_H

#include <stddef.h>
#include <stdint.h>
#include <timeglas/timeglas.h>

#define TG_HEAD_TEXT_MAX 4096 /* bytes of a head, its blank line included; twenty recipients take about 2,100 */
#define TG_TRAILER 64         /* the signature */

/** tg_head_check(h): may this be sealed? Returns 0, TG_EKIND, TG_EISSUER, TG_ESESSION, TG_EMEDIA or TG_ERECIPIENT. */
int tg_head_check(const tg_head *h);
/**
 * tg_head_format(h, sender, out): the text with its blank line, of a head that tg_head_check() passed. Returns the
 * length.
 */
size_t tg_head_format(const tg_head *h, const tg_sender *sender, char out[TG_HEAD_TEXT_MAX]);
/**
 * tg_head_parse(p, n, h, sender, len): len: bytes up to and with the blank line. Returns 0 or TG_EINVAL (not exactly
 * such a head).
 */
int tg_head_parse(const uint8_t *p, size_t n, tg_head *h, tg_sender *sender, size_t *len);

#endif
