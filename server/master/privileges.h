/* privileges.h: what the master gives up before it forks. */
#ifndef MASTER_PRIVILEGES_H
#define MASTER_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "conf/conf.h"

/** privileges_user(c, uid, gid): whom to become; -1, -1 when nobody else (not root, or no user
 * configured). 0 or TG_EINVAL. */
int privileges_user(const struct conf *c, uid_t *uid, gid_t *gid);
/** privileges_limit(c): no core dumps; as many descriptors as connections need, if allowed. */
void privileges_limit(const struct conf *c);
/** privileges_dumps_core(): may this process, or one that it starts, still dump core? */
bool privileges_dumps_core(void);
/** privileges_drop(c, uid, gid): become that user (-1: stay) for good, and let nobody read our
 * memory. 0 or TG_EIO. */
int privileges_drop(const struct conf *c, uid_t uid, gid_t gid);

#endif
