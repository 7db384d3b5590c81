/*
 * swap.c: see swap.h. It locks no memory: a lock ends when redis-server is executed. So it looks at
 * the swap space of the machine, and at the share of it that the cgroup allows. Core dumps are
 * turned off in privileges.c. Runs in the master, before it starts Redis.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "master/swap.h"
#include "core/fd.h"

#define ROOT "/sys/fs/cgroup"
#define PATH_CHARS 1024
#define FILE_NAME "/memory.swap.max"

/* /proc/swaps has a heading, and a line for each swap space. */
static bool machine_has_none(void)
{
	char line[512];
	FILE *f = fopen("/proc/swaps", "re");
	unsigned lines = 0;

	if (f == NULL)
		return false;
	while (fgets(line, sizeof line, f) != NULL)
		lines++;
	fclose(f);
	return lines == 1;
}

/* Finds the group of this process in cgroup v2, as a path below ROOT. */
static bool find_group(char group[PATH_CHARS])
{
	char line[PATH_CHARS];
	FILE *f = fopen("/proc/self/cgroup", "re");
	bool found = false;

	if (f == NULL)
		return false;
	while (!found && fgets(line, sizeof line, f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		found = strncmp(line, "0::/", 4) == 0;
	}
	fclose(f);
	if (found)
		memmove(group, line + 3, strlen(line + 3) + 1);
	return found;
}

static bool is_zero(const char *path)
{
	char text[8] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	return n > 0 && strcmp(text, "0\n") == 0;
}

static bool set_zero(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return false;
	done = tg_write_all(fd, "0", 1) == 0;
	close(fd);
	return done && is_zero(path);
}

bool swap_keep_out(bool may_set, char *out, size_t cap)
{
	char group[PATH_CHARS], own[PATH_CHARS + 64], path[PATH_CHARS + 64], *slash;

	if (machine_has_none()) {
		snprintf(out, cap, "this machine has no swap");
		return true;
	}
	if (!find_group(group)) {
		snprintf(out, cap,
			"this machine swaps, and there is no cgroup v2 to forbid it in: turn swap "
			"off, or what is sealed may reach a disk");
		return false;
	}
	snprintf(own, sizeof own, ROOT "%s" FILE_NAME, group);
	do { /* the limit of a group counts for all groups in it */
		snprintf(path, sizeof path, ROOT "%s" FILE_NAME, group);
		if (is_zero(path)) {
			snprintf(out, cap, "the cgroup allows no swap (memory.swap.max is 0)");
			return true;
		}
		slash = strrchr(group, '/');
		if (slash != NULL)
			*slash = '\0';
	} while (slash != NULL && group[0] != '\0');
	if (may_set && set_zero(own)) {
		snprintf(out, cap, "the cgroup's memory.swap.max was set to 0");
		return true;
	}
	snprintf(out, cap,
		"this machine swaps: set MemorySwapMax=0 for the service, or what is sealed may "
		"reach a disk");
	return false;
}
