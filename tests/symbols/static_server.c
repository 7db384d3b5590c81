/* A program without a dynamic section: it imports nothing at all. Fault: is statically linked. */
int main(void)
{
	return 0;
}
