/*
 * point.h: public values of X25519 that must not be used. It holds no key and no arithmetic: a
 * table and a comparison, which the key-free server links too.
 */
#ifndef TG_CORE_POINT_H
#define TG_CORE_POINT_H

#include <stdint.h>

/**
 * Is this the u-coordinate of a point of small order (1, 2, 4 or 8), on the curve or on its twist?
 *
 * Every X25519 secret makes the same shared secret with it: 32 zero bytes, which anybody knows
 * (RFC 7748, section 6.1). u is little-endian; its highest bit is ignored, as RFC 7748, section 5,
 * has it. Values that are not reduced modulo 2^255 - 19 count as what they reduce to.
 *
 * Returns 1 or 0. Not in constant time: the values are public.
 */
int tg_point_small_order(const uint8_t u[32]);

#endif
