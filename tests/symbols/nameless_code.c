/* A function whose symbol is taken away after linking. Fault: bytes of nameless code. */
__attribute__((used, noinline)) int fold(const unsigned char *in, int n);
__attribute__((used, noinline)) int fold(const unsigned char *in, int n)
{
	int sum = 0;
	for (int i = 0; i < n; i++)
		sum = (sum << 5) ^ in[i] ^ (sum >> 7) ^ (in[n - 1 - i] << (i & 7)) ^
			(in[i / 2] * 31);
	return sum;
}
