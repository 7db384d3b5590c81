/* audit_forget.c: looks at each segment of the state folder. Runs in the timeglas command. */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/audit_files.h"
#include "cli/audit_forget.h"
#include "cli/audit_segment.h"

static bool begins_with(const char *path, const uint8_t first[CHAIN_HASH])
{
	uint8_t hash[CHAIN_HASH];

	return audit_files_first(path, hash) && memcmp(hash, first, CHAIN_HASH) == 0;
}

static bool is_lost(const struct audit_segment_head *h)
{
	char rotated[AUDIT_SEGMENT_LOG + 32];

	if (h->log[0] == '\0')
		return false; /* nobody knows */
	snprintf(rotated, sizeof rotated, "%.*s.%012llu", AUDIT_SEGMENT_LOG - 1, h->log,
		(unsigned long long)h->first_n);
	return !begins_with(h->log, h->first) && !begins_with(rotated, h->first);
}

void audit_forget_lost(void)
{
	struct audit_segment_head *h = malloc(sizeof *h);
	const size_t prefix = sizeof AUDIT_SEGMENT_PREFIX - 1;
	int fd = -1;
	DIR *dir = h != NULL && tg_state_find(&fd) == 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (strncmp(e->d_name, AUDIT_SEGMENT_PREFIX, prefix) == 0 &&
			(!audit_segment_peek(fd, e->d_name, h) || is_lost(h)))
			(void)unlinkat(fd, e->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	free(h);
}
