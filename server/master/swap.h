/* swap.h: keeps the memory of the embedded Redis out of swap space on a disk. */
#ifndef MASTER_SWAP_H
#define MASTER_SWAP_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Finds out whether the kernel may swap this process and what it starts.
 *
 * @may_set  forbid it in our own cgroup, when nothing else does
 * @out      receives for the log which it is; "what is wrong; what to do" when it may
 *
 * Returns true when it may not: the machine has no swap, or a cgroup allows none.
 */
bool swap_keep_out(bool may_set, char *out, size_t cap);

#endif
