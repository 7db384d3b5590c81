/* realloc.h: whether this process's realloc() leaves no bytes behind. */
#ifndef WIPE_REALLOC_H
#define WIPE_REALLOC_H

#include <stdbool.h>

/** Returns whether the realloc() that libraries call in this process is the one of realloc.c, which
 * overwrites what it leaves behind. It allocates, moves and frees a small block to see. */
bool realloc_wipes(void);

#endif
