/* Poly1305 by hand, under other names. Fault: (Poly1305 in 64-bit words). */
#include <stdint.h>

uint64_t net_clamp(uint64_t r);
__attribute__((used)) uint64_t net_clamp(uint64_t r)
{
	return r & 0x0ffffffc0ffffffc;
}
