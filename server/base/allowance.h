/*
 * allowance.h: how much each peer may add to the evidence by what it is refused: so many bytes at
 * once, and a few more each second. The memory is mapped by the master before it forks, so all
 * workers draw on one allowance, and one that is started anew goes on with what is left.
 */
#ifndef BASE_ALLOWANCE_H
#define BASE_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

struct allowance; /* the shared memory: of all peers */

#define ALLOWANCE_BYTES (512u * 1024) /* at once */
#define ALLOWANCE_BYTES_PER_S 3u      /* 253 KiB a day */

/** Maps one of which nothing is used. NULL without memory. */
struct allowance *allowance_new(void);
/** Unmaps it in this process. NULL is harmless. */
void allowance_free(struct allowance *w);
/** Makes w the one of the calls below, in this process. NULL, as at first: this process has one of
 * its own. */
void allowance_attach(struct allowance *w);
/**
 * Uses some of a peer's allowance.
 *
 * @now_s  seconds of clock_mono_us()
 * @bytes  how much
 * @keep   bytes that must be left afterwards
 *
 * Returns whether there was so much; otherwise nothing is used.
 */
bool allowance_take(const char *peer, uint64_t now_s, unsigned bytes, unsigned keep);
/** Gives back what was taken and not used. */
void allowance_give(const char *peer, unsigned bytes);

#endif
