/* Machine code in an array among the code. Fault: has the object table among its code. */
__asm__(".pushsection .text\n.type table, \"object\"\ntable: .byte 0x31, 0xc0, 0xc3\n.size table, "
	"3\n.popsection");
