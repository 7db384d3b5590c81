/* audit_reader.h: the files of one chain as a stream of lines that can be stopped before a line and
 * gone on with later. It judges nothing. */
#ifndef CLI_AUDIT_READER_H
#define CLI_AUDIT_READER_H

#include "cli/cli.h"
#include "cli/findings.h"

struct audit_reader_calls {
	/* A line, without its LF. Lines that are too long for evidence come cut; of an empty file
	 * one comes that is empty and not whole. Returns 0 to go on, or an exit status. */
	int (*line)(void *ctx, const char *line, size_t n, const struct finding_place *at);
	/* Stop before this line? It is the first one of the next audit_reader_run(). */
	bool (*stop)(void *ctx, const char *line, size_t n);
	/* At the end of the last file: is more to be waited for? Asked again after each line that
	 * comes then. */
	bool (*more)(void *ctx);
};

struct audit_bytes { /* over all files of all chains, for the progress bar */
	uint64_t done, total;
};

struct audit_reader;

/** audit_reader_new(cli, files, n, calls, ctx, bytes): files in the order in which they are read;
 * borrowed, as calls and bytes. NULL without memory. */
struct audit_reader *audit_reader_new(struct cli *cli, const char *const *files, size_t n,
	const struct audit_reader_calls *calls, void *ctx, struct audit_bytes *bytes);
void audit_reader_free(struct audit_reader *r);
/** audit_reader_run(r): up to where stop says, or the end. Returns 0, EXIT_USAGE (a file cannot be
 * read; said), or what line returned. */
int audit_reader_run(struct audit_reader *r);
/** audit_reader_done(r): the end was reached. */
bool audit_reader_done(const struct audit_reader *r);

#endif
