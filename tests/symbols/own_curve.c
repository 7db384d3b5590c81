/* The Montgomery ladder of X25519 by hand, under other names. Fault: (Curve25519, 121665). */
#include <stdint.h>

void net_step(int64_t out[16], const int64_t in[16]);
__attribute__((used)) void net_step(int64_t out[16], const int64_t in[16])
{
	for (int i = 0; i < 16; i++)
		out[i] = in[i] * 121665;
}
