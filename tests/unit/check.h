/* check.h: what every unit test includes: cmocka with its prerequisites. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <timeglas/errors.h>
#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Memcheck makes everything thirty times slower: what measures time says nothing there. tests/run
 * sets the variable. */
static inline bool under_memcheck(void)
{
	return getenv("TIMEGLAS_MEMCHECK") != NULL;
}

/* Leaves the case: call it before anything is allocated. */
static inline void skip_under_memcheck(void)
{
	if (under_memcheck()) {
		printf("SKIP: it measures time\n");
		skip();
	}
}
#endif
