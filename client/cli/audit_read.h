/* audit_read.h: evidence files as a stream of lines, oldest file first, with a progress bar. It judges nothing. */
#ifndef CLI_AUDIT_READ_H
#define CLI_AUDIT_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "cli/commands.h"

struct audit_at { /* where a line stands */
	const char *file;
	uint64_t line;    /* 1, 2, … */
	bool whole;       /* it ends with a LF */
};
/** Called for each line, without its LF. Lines that are too long for evidence come cut; of an empty file one comes that is empty and not whole. Returns 0 to go on. */
typedef int audit_line_fn(void *ctx, const char *line, size_t n, const struct audit_at *at);

/** At the end of the last file: is more to be waited for? Asked again after each line that comes then. */
typedef bool audit_more_fn(void *ctx);

/**
 * audit_read(cli, files, n, fn, more, ctx): files are sorted by the number of their first line first (in place). more may be NULL. Returns an exit status: CLI_DONE, CLI_USAGE (a file
 * cannot be read, is compressed, or was given twice; said), or what fn returned.
 */
int audit_read(struct cli *cli, const char **files, size_t n, audit_line_fn *fn, audit_more_fn *more, void *ctx);

#endif
