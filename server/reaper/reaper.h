/*
 * reaper.h: the process that ends what is due: it asks each shard at that shard's next deadline,
 * and every shard once a second. It has two connections to the store: one for calls, one that
 * listens.
 */
#ifndef REAPER_REAPER_H
#define REAPER_REAPER_H
#include "base/child.h"
/** Runs the process until SIGTERM. Returns its exit status. */
int reaper_main(const struct child_env *env);
#endif
