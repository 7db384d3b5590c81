/* swap.h: may the kernel write to a disk what the embedded store holds in memory? */
#ifndef MASTER_SWAP_H
#define MASTER_SWAP_H

#include <stdbool.h>
#include <stddef.h>

/**
 * swap_keep_out(may_set, out, cap): no swap on this machine; or a cgroup that allows none; or, with
 * may_set, told to our own cgroup now. out: which it is, for people. Returns whether one of them
 * holds.
 */
bool swap_keep_out(bool may_set, char *out, size_t cap);

#endif
