/* A cipher without its tag. Fault: imports crypto_stream_chacha20_ietf_xor_ic. */
#include <sodium.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference =
	(const void *)&crypto_stream_chacha20_ietf_xor_ic;
