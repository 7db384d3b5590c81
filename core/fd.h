/* fd.h: what programs that share this layer do with descriptors. */
#ifndef TG_CORE_FD_H
#define TG_CORE_FD_H

#include <stddef.h>

/**
 * Writes all n bytes to a blocking descriptor, however many calls that takes. An interrupted call
 * is repeated.
 *
 * Returns 0, or TG_EIO with errno set; then part of it may have been written.
 */
int tg_write_all(int fd, const void *p, size_t n);

/**
 * Occupies the standard streams (descriptors 0, 1 and 2) that the caller of the program closed, so
 * that using one stays an error. Otherwise the next file or socket that is opened takes the number,
 * and what is meant for standard output or error goes into it. Call it first in main(), before
 * anything is opened.
 *
 * Its substitute can be neither read (0) nor written (1 and 2).
 *
 * Returns 0, or TG_EIO with errno set.
 */
int tg_streams_occupy(void);

#endif
