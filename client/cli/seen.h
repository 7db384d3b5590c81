/* seen.h: which sealed references were received within a day, so that evidence cannot be served twice to its verifier. */
#ifndef CLI_SEEN_H
#define CLI_SEEN_H

#include <stddef.h>
#include <stdint.h>
#include <timeglas/timeglas.h>

/**
 * seen_open(why, fd): the file, created if needed: $XDG_STATE_HOME/timeglas/seen or ~/.local/state/timeglas/seen, mode 0600.
 * Open it before consuming anything: a verifier that cannot remember must not take. Returns 0 or TG_EIO.
 */
int seen_open(char why[256], int *fd);
/** seen_check(fd, ref, now_s): remember ref; TG_EREPLAY when it is there already, TG_EIO (errno). Several processes may do so. */
int seen_check(int fd, const uint8_t ref[TG_REF_BYTES], int64_t now_s);

#endif
