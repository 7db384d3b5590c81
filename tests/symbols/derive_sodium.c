/* An object that must never be part of the server: `make check-symbols` links it in and expects to be stopped at crypto_scalarmult. */
#include <sodium.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference = (const void *)&crypto_scalarmult;
