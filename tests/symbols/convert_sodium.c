/* A key that signs becomes one that opens. Fault: imports crypto_sign_ed25519_sk_to_curve25519. */
#include <sodium.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference =
	(const void *)&crypto_sign_ed25519_sk_to_curve25519;
