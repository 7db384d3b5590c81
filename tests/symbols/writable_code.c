/* A server that could write its code. Fault: is both writable and executable. */
__asm__(".pushsection .drawer,\"awx\"\n.skip 64\n.popsection");
