/* privileges.h: what the master gives up before it starts other processes: user, core dumps,
 * inspection by others. For every process of the server. */
#ifndef MASTER_PRIVILEGES_H
#define MASTER_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "conf/conf.h"

/** Writes which user to become; -1 and -1: stay, because this is not root or no user is set.
 * Returns 0 or TG_EINVAL, which is logged: there is no such user. */
int privileges_user(const struct conf *c, uid_t *uid, gid_t *gid);
/** Turns core dumps off and allows as many descriptors as a worker's connections need. What the
 * system refuses is logged. */
void privileges_limit(const struct conf *c);
/** Returns whether this process, or one that it starts, may still dump core. */
bool privileges_dumps_core(void);
/** Becomes that user for good (-1: stays), and forbids that others attach to this process or that
 * it gains privileges. Returns 0 or TG_EIO, which is logged. */
int privileges_drop(const struct conf *c, uid_t uid, gid_t gid);

#endif
