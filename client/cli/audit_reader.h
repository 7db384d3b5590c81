/* audit_reader.h: reads the files of one chain as a stream of lines, which can be stopped before a
 * line and continued later. It judges nothing. */
#ifndef CLI_AUDIT_READER_H
#define CLI_AUDIT_READER_H

#include "cli/cli.h"
#include "cli/findings.h"

struct audit_reader_calls {
	/* Given each line, of n bytes, without its LF. A line that is too long for evidence is cut.
	 * An empty file gives one line that is empty and not whole. Returns 0 to go on, or an exit
	 * status. */
	int (*line)(void *ctx, const char *line, size_t n, const struct finding_place *at);
	/* Returns true to stop before this line, which is then the first one of the next
	 * audit_reader_run(). */
	bool (*stop)(void *ctx, const char *line, size_t n);
	/* Asked at the end of the last file, and after each line that comes then. Returns true to
	 * wait for more. */
	bool (*more)(void *ctx);
};

struct audit_bytes { /* over all files of all chains, for the progress bar */
	uint64_t done, total;
};

struct audit_reader;

/**
 * Makes a reader.
 *
 * @files  n paths, in the order in which they are read; borrowed, as are calls and bytes
 * @bytes  counts what was read
 *
 * Returns NULL without memory. Free with audit_reader_free().
 */
struct audit_reader *audit_reader_new(struct cli *cli, const char *const *files, size_t n,
	const struct audit_reader_calls *calls, void *ctx, struct audit_bytes *bytes);

/** Closes the file and frees the reader. NULL is fine. */
void audit_reader_free(struct audit_reader *r);

/**
 * Passes over what is known already. Call it before audit_reader_run().
 *
 * @file   the first file to read
 * @bytes  of it that are passed over; they end with a line's LF
 * @line   how many lines these are
 */
void audit_reader_begin_at(struct audit_reader *r, size_t file, uint64_t bytes, uint64_t line);

/** Reads until stop() says so, or to the end. Returns 0, EXIT_USAGE after having said that a file
 * cannot be read, or what line() returned. */
int audit_reader_run(struct audit_reader *r);

/** Returns true when the end of the last file was reached. */
bool audit_reader_done(const struct audit_reader *r);

#endif
