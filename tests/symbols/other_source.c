/* An innocent function that is compiled from no source of the server. Fault: holds innocent, which
 * no object of the server defines. */
__attribute__((used, noinline)) int innocent(int n);
__attribute__((used, noinline)) int innocent(int n)
{
	return n + 1;
}
