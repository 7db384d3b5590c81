/*
 * wipe.c: tells whether freed and moved memory is overwritten, here and in the store. It wipes
 * nothing itself: jemalloc overwrites what is freed, because of the option below, and realloc.c
 * leaves no bytes in a block that it moves or shortens. Runs in every process of timeglasd.
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

/* Freed pages that stay with the process: 2 MiB, which a busy process will soon use again without
 * asking the kernel. */
#define DIRTY_PAGES 512u

/* jemalloc's, when it is linked: not in a sanitizer's build, nor in a unit test. */
extern int mallctl(const char *name, void *old, size_t *old_len, void *new, size_t new_len)
	__attribute__((weak));
/* jemalloc reads this before its first allocation. MALLOC_CONF in the environment overrides it,
 * which is why wipe_self() looks. One arena is enough, as each process has one thread. */
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

	/* To set "epoch" brings the statistics up to date. The one arena is number 0. */
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
		/* In LD_PRELOAD, blanks and colons separate names. */
		if (snprintf(path, cap, "%s%s/" WIPE_LIBRARY, self, places[i]) < (int)cap &&
			access(path, R_OK) == 0 && strpbrk(path, " :") == NULL)
			return 0;
	}
	return TG_ENOENT;
}
