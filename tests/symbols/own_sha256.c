/* SHA-256 by hand, of which HMAC and HKDF are made. Fault: (SHA-256). */
#include <stdint.h>

__attribute__((used)) static const uint32_t round_words[4] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5};
