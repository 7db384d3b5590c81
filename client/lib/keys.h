/* keys.h: what the sealing half of the library may see of a key, and the set of senders. */
#ifndef TG_LIB_KEYS_H
#define TG_LIB_KEYS_H

#include <stdint.h>
#include <timeglas/timeglas.h>

/* characters of a recipient's or a sender's text, its NUL included: 63 and 75 are needed */
#define TG_PUBLIC_TEXT 96

struct tg_identity {
	uint8_t sk[32];
	uint8_t pk[32];
};

struct tg_recipient { /* X25519 */
	uint8_t pk[32];
};

struct tg_signer {
	uint8_t sk[64]; /* libsodium's form: seed, public key */
	uint8_t pk[32];
};

struct tg_sender { /* Ed25519 */
	uint8_t pk[32];
};

/** tg_recipient_read(text, n, out), tg_sender_read(text, n, out): as _parse, without an allocation.
 * 0 or TG_EKEY. */
int tg_recipient_read(const char *text, size_t n, tg_recipient *out);
int tg_sender_read(const char *text, size_t n, tg_sender *out);
/** tg_sender_decode(text, n, out): the same, but the point is not looked at: for a key that is then
 * looked up among such as were. */
int tg_sender_decode(const char *text, size_t n, tg_sender *out);

/**
 * Whose key is this?
 *
 * Returns its name, which the set owns, or NULL when it is not among them.
 */
const char *tg_senders_find(const tg_senders *s, const tg_sender *key);

#endif
