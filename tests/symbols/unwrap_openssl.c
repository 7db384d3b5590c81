/* RSA and the like. Fault: imports EVP_PKEY_decrypt. */
#include <openssl/evp.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference = (const void *)&EVP_PKEY_decrypt;
