/* An object that must never be part of the server. Fault: imports EVP_PKEY_derive. */
#include <openssl/evp.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference = (const void *)&EVP_PKEY_derive;
