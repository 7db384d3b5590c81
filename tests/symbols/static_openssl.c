/* OpenSSL, linked statically: no import tells of it. Fault: holds EVP_DecryptUpdate. */
#include <openssl/evp.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference = (const void *)&EVP_DecryptUpdate;
