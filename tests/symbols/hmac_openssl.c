/* HMAC, of which HKDF is made. Fault: imports HMAC. */
#include <openssl/hmac.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference = (const void *)&HMAC;
