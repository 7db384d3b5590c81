/*
 * bug.h: what to do about a mistake of the program itself: say what was violated, on standard
 * error, and abort. Never about what a peer sends, nor about memory that is not there.
 */
#ifndef CORE_BUG_H
#define CORE_BUG_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** bug(module, violated): "timeglas: bug in module: violated"; does not return. */
_Noreturn static inline void bug(const char *module, const char *violated)
{
	const char *const part[] = {"timeglas: bug in ", module, ": ", violated, "\n"};

	for (size_t i = 0; i < sizeof part / sizeof part[0]; i++)
		if (write(STDERR_FILENO, part[i], strlen(part[i])) < 0)
			break;
	abort();
}

#endif
