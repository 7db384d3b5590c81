/*
 * wipe.h: is memory overwritten when it is freed or moved? In this process (wipe.c, realloc.c), and
 * in a Redis that was started with libtimeglas-wipe.so preloaded (preload.c, realloc.c).
 * docs/operations.md tells how to run an external Redis like that.
 */
#ifndef WIPE_WIPE_H
#define WIPE_WIPE_H

#include <stdbool.h>
#include <stddef.h>

#define WIPE_LIBRARY "libtimeglas-wipe.so"
/* The first line of MEMORY MALLOC-STATS where the library is loaded and finds everything in force.
 */
#define WIPE_MARK "timeglas-wipe: freed, moved and left-over bytes are overwritten\n"

enum wipe_state {
	WIPE_UNKNOWN, /* nothing can be told: no answer, or an allocator without statistics */
	WIPE_NONE,    /* freed memory keeps its bytes */
	/* free() overwrites; what realloc() moves and what a read leaves behind in a buffer stays
	 */
	WIPE_FREED,
	WIPE_ALL
};

/** wipe_state_text(s): a few words for a log line or an attestation. */
const char *wipe_state_text(enum wipe_state s);
/** wipe_self(): this process, as its allocator sees it now. WIPE_UNKNOWN: a build without jemalloc
 * (a sanitizer's, for one). */
enum wipe_state wipe_self(void);
/** wipe_store(text, n): a Redis, by its answer to MEMORY MALLOC-STATS. Pure. A store can lie; this
 * finds mistakes, not malice. */
enum wipe_state wipe_store(const char *text, size_t n);
/** wipe_library(path, cap): where WIPE_LIBRARY is: beside this program, or in ../lib/timeglas. 0 or
 * TG_ENOENT. */
int wipe_library(char *path, size_t cap);

/**
 * wipe_give_back(): if much memory was freed, and overwritten, and is not used again, it goes back
 * to the kernel. Overwriting a block touches pages of it that were never used, and an allocator
 * looks after such pages only while it is called, and slowly.
 */
void wipe_give_back(void);

#endif
