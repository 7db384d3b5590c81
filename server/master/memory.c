/*
 * memory.c: reads /proc and /sys/fs/cgroup (version 2, and the memory controller of version 1). It
 * limits nothing itself. Runs in the master.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/num.h"
#include "master/memory.h"

#define ROOT "/sys/fs/cgroup"
#define PATH_CHARS 1024

static uint64_t physical(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

	return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
}

/* Returns the number in a file; UINT64_MAX when it holds none (as "max"), or is not there. */
static uint64_t read_limit(const char *path)
{
	char line[64] = "";
	uint64_t v = UINT64_MAX;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return UINT64_MAX;
	if (fgets(line, sizeof line, f) == NULL ||
		tg_num_u64(line, strcspn(line, "\n"), UINT64_MAX, &v) != 0)
		v = UINT64_MAX;
	fclose(f);
	return v;
}

/* Returns the smallest limit of a group and of those around it; group is cut on the way. */
static uint64_t tightest(const char *root, char *group, const char *file)
{
	char path[PATH_CHARS + 128], *slash;
	uint64_t best = UINT64_MAX, v;

	for (;;) {
		snprintf(path, sizeof path, "%s%s/%s", root, group, file);
		v = read_limit(path);
		if (v < best)
			best = v;
		slash = strrchr(group, '/');
		if (slash == NULL || group[0] == '\0')
			return best;
		*slash = '\0';
	}
}

static uint64_t cgroup(void)
{
	char line[PATH_CHARS], *group;
	uint64_t best = UINT64_MAX, v;
	FILE *f = fopen("/proc/self/cgroup", "re");

	if (f == NULL)
		return UINT64_MAX;
	while (fgets(line, sizeof line, f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		v = UINT64_MAX;
		if (strncmp(line, "0::", 3) == 0)
			v = tightest(ROOT, line + 3, "memory.max");
		else if ((group = strstr(line, ":memory:")) != NULL)
			v = tightest(ROOT "/memory", group + 8, "memory.limit_in_bytes");
		if (v < best)
			best = v;
	}
	fclose(f);
	return best;
}

uint64_t memory_available_bytes(void)
{
	uint64_t machine = physical(), limit = cgroup();

	return limit < machine || machine == 0 ? (limit == UINT64_MAX ? 0 : limit) : machine;
}
