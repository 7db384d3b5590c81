/* keys.h: what the sealing half of the library may see of a key. */
#ifndef TG_LIB_KEYS_H
#define TG_LIB_KEYS_H

#include <stdint.h>
#include <timeglas/timeglas.h>

struct tg_identity {
	uint8_t sk[32];
	uint8_t pk[32];
};

struct tg_signer {
	uint8_t sk[64]; /* libsodium's form: seed, public key */
	uint8_t pk[32];
};

#endif
