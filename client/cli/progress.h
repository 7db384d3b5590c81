/* progress.h: a progress bar on stderr, if that is a terminal and not under --json. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool upload;                /* count what is sent, and not what is received */
	bool on_terminal;           /* otherwise no bar is drawn */
	bool shown;                 /* a bar is on the screen */
	int64_t start_ms, drawn_ms; /* clock_mono_ms() */
};

/** Starts a bar. upload: it counts what is sent; otherwise what is received. */
void progress_start(struct progress *p, bool upload);

/** Draws the bar, if it is time to: tg_client_opts.progress. total: bytes; 0: not known. Returns 0.
 */
int progress_step(void *p, uint64_t sent, uint64_t received, uint64_t total);

/** Removes the bar, so that the next line starts clean. */
void progress_end(struct progress *p);

#endif
