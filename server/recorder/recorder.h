/* recorder.h: the process that turns the store's outbox into an append-only evidence file. */
#ifndef RECORDER_RECORDER_H
#define RECORDER_RECORDER_H
#include "base/child.h"
int recorder_main(const struct child_env *env);
#endif
