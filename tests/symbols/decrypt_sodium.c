/* An object that must never be part of the server. Fault: imports
 * crypto_aead_chacha20poly1305_ietf_decrypt. */
#include <sodium.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference =
	(const void *)&crypto_aead_chacha20poly1305_ietf_decrypt;
