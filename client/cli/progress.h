/* progress.h: a bar on stderr while a transfer runs, when somebody is looking: not under --json and
 * not into a file. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	bool upload, watched, shown;
	int64_t start_ms, drawn_ms;
};

/** progress_start(p, upload): upload: what is sent counts, otherwise what is received. */
void progress_start(struct progress *p, bool upload);
/** progress_step(p, sent, received, total): for tg_client_opts.progress. total 0: unknown. Returns
 * 0. */
int progress_step(void *p, uint64_t sent, uint64_t received, uint64_t total);
/** progress_end(p): wipes the bar, so that the next line starts clean. */
void progress_end(struct progress *p);

#endif
