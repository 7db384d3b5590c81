/*
 * courier.h: the process that carries checkpoints of the evidence to witnesses (C2SP tlog-witness)
 * and puts their cosignatures beside the log, in the file `cosigned` of its folder of tiles. It
 * holds no key and has no store. Nobody waits for it: a witness that is away is a warning in the
 * log and a metric. It runs only where the configuration names witnesses. A file of witnesses that
 * is bad is told once, and what was in force before stays; SIGHUP reads it again.
 */
#ifndef COURIER_COURIER_H
#define COURIER_COURIER_H

#include "base/child.h"

/** Carries checkpoints until SIGTERM. Returns the exit status. */
int courier_main(const struct child_env *env);

#endif
