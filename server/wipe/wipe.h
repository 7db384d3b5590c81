/*
 * wipe.h: tells whether memory is overwritten when it is freed or moved: in this process (wipe.c,
 * realloc.c), and in a Redis that was started with libtimeglas-wipe.so preloaded (preload.c,
 * realloc.c). docs/operations.md tells how to run an external Redis like that.
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
	WIPE_UNKNOWN, /* there is no answer, or the allocator has no statistics */
	WIPE_NONE,    /* freed memory keeps its bytes */
	/* free() overwrites; what realloc() moves, and the rest of a buffer after a read, stays */
	WIPE_FREED,
	WIPE_ALL /* freed, moved and left-over bytes are overwritten */
};

/** Returns a few words for a log line or an attestation; static. */
const char *wipe_state_text(enum wipe_state s);
/** Returns the state of this process, as its allocator says it now; WIPE_UNKNOWN in a build without
 * jemalloc, such as a sanitizer's. */
enum wipe_state wipe_self(void);
/** Returns the state of a Redis by its answer to MEMORY MALLOC-STATS, n bytes at text. It finds
 * mistakes of configuration; a store that lies is not found out. */
enum wipe_state wipe_store(const char *text, size_t n);
/** Writes the path of WIPE_LIBRARY into path: beside this program, or in ../lib/timeglas. Returns
 * 0, or TG_ENOENT when there is none, or its path does not fit in cap bytes. */
int wipe_library(char *path, size_t cap);

/**
 * Returns freed memory to the kernel, if it is more than 2 MiB. To overwrite a block touches pages
 * of it that were never used, and jemalloc returns such pages only slowly, and only while it is
 * called.
 */
void wipe_give_back(void);

#endif
