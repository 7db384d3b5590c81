/* ChaCha20 by hand, under other names. Fault: (ChaCha20 or XSalsa20). */
#include <stdint.h>

void net_fold(uint32_t s[16], const uint32_t key[8]);
__attribute__((used)) void net_fold(uint32_t s[16], const uint32_t key[8])
{
	s[0] = 0x61707865;
	s[1] = 0x3320646e;
	s[2] = 0x79622d32;
	s[3] = 0x6b206574;
	for (int i = 0; i < 8; i++)
		s[4 + i] = key[i];
	for (int i = 0; i < 10; i++) {
		s[0] += s[4];
		s[12] = (s[12] ^ s[0]) << 16 | (s[12] ^ s[0]) >> 16;
	}
}
