/*
 * bug.c: ends a process whose own code has broken a rule. It allocates nothing and leaves stdio's
 * streams alone, since either may be what is broken. Runs in every process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "core/bug.h"

_Noreturn void tg_bug(const char *module, const char *violated)
{
	char line[256];
	int n = snprintf(line, sizeof line, "timeglas: bug in %s: %s\n", module, violated);
	size_t len = n < (int)sizeof line ? (size_t)n : sizeof line - 1;

	/* Whether it could be written or not, the process ends. */
	if (write(STDERR_FILENO, line, len) < 0)
		abort();
	abort();
}
