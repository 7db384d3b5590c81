/* test_dir.h: a temporary folder of a test program's own. Each case removes what it made in it. */
#ifndef TESTS_TEST_DIR_H
#define TESTS_TEST_DIR_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
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

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

/* Removes a folder and all that is in it. */
static inline int remove_folder(const char *path)
{
	return nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
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
