/* memory.h: how much memory this server may use. */
#ifndef MASTER_MEMORY_H
#define MASTER_MEMORY_H

#include <stdint.h>

/** Returns the memory of the machine, or the limit of a cgroup that this process is in, whichever
 * is less, in bytes. 0: neither is known. What is in use counts, too. */
uint64_t memory_available_bytes(void);

#endif
