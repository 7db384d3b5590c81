/*
 * process.c: process titles, written over the arguments, and process states, read from /proc. It
 * starts and ends no process. Runs in the master and, for the title, in each child.
 */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "master/process.h"

#define TITLE_BYTES_MIN 16  /* in less room a title would say nothing */
#define SHORT_NAME_BYTES 16 /* the kernel's limit for PR_SET_NAME, the NUL included */

static char *title;
static size_t title_bytes;

void process_title_init(char *const *argv)
{
	size_t i;

	/* The kernel puts the arguments one behind the other. What stands elsewhere is not used. */
	title = argv[0];
	title_bytes = 0;
	for (i = 0; argv[i] != NULL && argv[i] == title + title_bytes; i++)
		title_bytes += strlen(argv[i]) + 1;
}

void process_title(const char *name)
{
	char short_name[SHORT_NAME_BYTES];

	snprintf(short_name, sizeof short_name, "tg-%.12s", name);
	prctl(PR_SET_NAME, short_name);
	if (title_bytes < TITLE_BYTES_MIN)
		return;
	memset(title, 0, title_bytes);
	snprintf(title, title_bytes, "timeglasd: %s", name);
}

/* The letter that proc(5) has for the state of a process; 0: it cannot be read. */
static char state_of(pid_t pid)
{
	char path[32], text[512];
	const char *end;
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = '\0';
	/* The state follows the name in brackets, which may hold brackets and blanks itself. */
	end = strrchr(text, ')');
	return end != NULL && end[1] == ' ' ? end[2] : 0;
}

bool process_is_stopped(pid_t pid)
{
	char s = state_of(pid);

	return s == 'T' || s == 't';
}
