/* A cipher's core. Fault: imports crypto_core_hchacha20. */
#include <sodium.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference = (const void *)&crypto_core_hchacha20;
