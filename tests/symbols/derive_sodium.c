/* An object that must never be part of the server. Fault: imports crypto_scalarmult. */
#include <sodium.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference = (const void *)&crypto_scalarmult;
