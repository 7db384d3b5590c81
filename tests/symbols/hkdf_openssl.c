/* HKDF. Fault: imports EVP_KDF_derive. */
#include <openssl/kdf.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference = (const void *)&EVP_KDF_derive;
