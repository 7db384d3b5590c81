/* reaper.h: the process that erases what is due: a sweep over every shard's deadline index, once a second (a timer on the next deadline comes next). One store connection. */
#ifndef REAPER_REAPER_H
#define REAPER_REAPER_H
#include "base/child.h"
int reaper_main(const struct child_env *env);
#endif
