/* keys.h: the inside of keys, for those files of the library that seal and open. Identities and
 * signers live in guarded memory. Not installed. */
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

/** Each reads n characters, as its _parse function does, into a struct of the caller's. Returns 0
 * or TG_EKEY. */
int tg_recipient_read(const char *text, size_t n, tg_recipient *out);
int tg_sender_read(const char *text, size_t n, tg_sender *out);

/** The same without the check for a point of small order, for a key that is then looked up in a set
 * whose keys have been checked. */
int tg_sender_decode(const char *text, size_t n, tg_sender *out);

/** Looks up a sender's key. Returns its name, which the set owns, or NULL when the key is not in
 * the set. */
const char *tg_senders_find(const tg_senders *s, const tg_sender *key);

#endif
