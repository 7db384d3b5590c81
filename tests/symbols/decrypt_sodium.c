/* An object that must never be part of the server: `make check-symbols` links it in and expects to be stopped at crypto_aead_chacha20poly1305_ietf_decrypt. */
#include <sodium.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference = (const void *)&crypto_aead_chacha20poly1305_ietf_decrypt;
