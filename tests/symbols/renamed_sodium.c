/* libsodium, linked statically, each of its functions renamed. Fault: holds net_crypto_box_open. */
#include <sodium.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference = (const void *)&crypto_box_seal_open;
