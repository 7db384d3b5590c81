/* memory.h: how much memory this machine, or the cgroup around us, has. */
#ifndef MASTER_MEMORY_H
#define MASTER_MEMORY_H

#include <stdint.h>

/** memory_available_bytes(): the machine's memory or the tightest cgroup limit above us, whichever
 * is less. 0: unknown. */
uint64_t memory_available_bytes(void);

#endif
