/* reaper.h: the process that erases what is due: each shard at its next deadline, every shard once
 * a second. Two store connections: one for calls, one that listens. */
#ifndef REAPER_REAPER_H
#define REAPER_REAPER_H
#include "base/child.h"
int reaper_main(const struct child_env *env);
#endif
