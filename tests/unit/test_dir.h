/* test_dir.h: a temporary folder of a test program's own. Each case removes what it made in it. */
#ifndef TESTS_TEST_DIR_H
#define TESTS_TEST_DIR_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char test_dir[64];

/* The path of a name in the folder; valid until the fourth call after this one. */
static inline char *in_dir(const char *name)
{
	static char full[4][128];
	static unsigned turn;
	char *p = full[turn++ % 4];

	snprintf(p, sizeof full[0], "%s/%s", test_dir, name);
	return p;
}

static inline int test_dir_make(void **state)
{
	(void)state;
	snprintf(test_dir, sizeof test_dir, "/tmp/timeglas-test-XXXXXX");
	return mkdtemp(test_dir) == NULL;
}

static inline int test_dir_remove(void **state)
{
	(void)state;
	return rmdir(test_dir);
}

#endif
