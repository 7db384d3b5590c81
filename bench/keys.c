/* keys.c: see keys.h. */
#include "keys.h"

#define NAME_LEN 22u

void keys_next(char *key, size_t n)
{
	size_t i = n - 1;

	while (key[i] == '9')
		key[i--] = '0';
	key[i]++;
}

/* A step of the generator SplitMix64. */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* The last character stands for the last 2 of 128 bits: its other four bits are zero. */
void keys_draw(uint64_t *state, unsigned char name[22])
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint64_t bits = 0;

	for (unsigned i = 0; i < NAME_LEN; i++) {
		if (i % 10 == 0)
			bits = draw(state);
		name[i] = (unsigned char)digit[i == NAME_LEN - 1 ? bits & 48 : bits & 63];
		bits >>= 6;
	}
}
