/*
 * wipe.c: tells whether freed and moved memory is overwritten, here and in the store. It wipes
 * nothing itself: jemalloc overwrites what is freed because of the option below, realloc.c leaves
 * nothing behind that is not freed. Runs in every process of timeglasd.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <timeglas/errors.h>

#include "wipe/realloc.h"
#include "wipe/wipe.h"

/* 2 MiB that were freed and will be wanted again soon: whoever is busy need not ask the kernel for
 * them */
#define DIRTY_PAGES 512u

/* jemalloc's, when it is linked: not in a sanitizer's build, nor in a unit test. */
extern int mallctl(const char *name, void *old, size_t *old_len, void *new, size_t new_len)
	__attribute__((weak));
/* What jemalloc reads before its first allocation. The environment's MALLOC_CONF comes after it,
 * which is why wipe_self() looks. Each process has one thread. */
extern const char *malloc_conf;
const char *malloc_conf = "junk:free,narenas:1,muzzy_decay_ms:0";

const char *wipe_state_text(enum wipe_state s)
{
	static const char *const text[] = {
		"cannot be told", "not overwritten", "overwritten when freed only", "overwritten"};

	return text[s];
}

enum wipe_state wipe_self(void)
{
	const char *junk = NULL;
	size_t n = sizeof junk;

	if (mallctl == NULL || mallctl("opt.junk", (void *)&junk, &n, NULL, 0) != 0)
		return WIPE_UNKNOWN;
	if (strcmp(junk, "free") != 0 && strcmp(junk, "true") != 0)
		return WIPE_NONE;
	return realloc_wipes() ? WIPE_ALL : WIPE_FREED;
}

void wipe_give_back(void)
{
	uint64_t now = 1;
	size_t pages = 0, n = sizeof pages;

	/* Statistics are as old as their epoch. There is one arena: narenas. */
	if (mallctl == NULL || mallctl("epoch", NULL, NULL, &now, sizeof now) != 0 ||
		mallctl("stats.arenas.0.pdirty", &pages, &n, NULL, 0) != 0)
		return;
	if (pages > DIRTY_PAGES)
		(void)mallctl("arena.0.purge", NULL, NULL, NULL, 0);
}

static bool holds(const char *text, size_t n, const char *what)
{
	return memmem(text, n, what, strlen(what)) != NULL;
}

enum wipe_state wipe_store(const char *text, size_t n)
{
	if (holds(text, n, WIPE_MARK))
		return WIPE_ALL;
	if (!holds(text, n, "opt.junk:"))
		return WIPE_UNKNOWN;
	return holds(text, n, "opt.junk: \"free\"") || holds(text, n, "opt.junk: \"true\"") ?
		WIPE_FREED :
		WIPE_NONE;
}

int wipe_library(char *path, size_t cap)
{
	static const char *const places[] = {"", "/../lib/timeglas"};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n <= 0)
		return TG_ENOENT;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		/* LD_PRELOAD takes blanks and colons for separators. */
		if (snprintf(path, cap, "%s%s/" WIPE_LIBRARY, self, places[i]) < (int)cap &&
			access(path, R_OK) == 0 && strpbrk(path, " :") == NULL)
			return 0;
	}
	return TG_ENOENT;
}
