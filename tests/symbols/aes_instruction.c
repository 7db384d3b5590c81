/* AES by the processor's instruction: no table, no name. Fault: has the instruction aesdec. */
void net_round(void);
__attribute__((used, noinline)) void net_round(void)
{
#if defined __x86_64__
	__asm__ volatile("aesdec %xmm1, %xmm0");
#elif defined __aarch64__
	__asm__ volatile(".arch_extension aes\n aesd v0.16b, v1.16b // aesdec");
#endif
}
