/* check.h: what every unit test includes: cmocka with its prerequisites. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <timeglas/errors.h>
#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#endif
