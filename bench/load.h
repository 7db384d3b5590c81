/*
 * load.h: a load of blocking clients, each a process that puts a blob, takes it, and puts the next
 * one. It keeps a server busy while something else is measured. timeglas: over mutual TLS, as
 * uploader and verifier; plain Redis: SET … PX and GETDEL.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stddef.h>
#include <stdint.h>
#include "server.h"

struct load;

/** Starts the clients and returns when each has done its first put and take. blob: n bytes,
 * borrowed until load_stop(). At most 64 connections. */
struct load *load_start(const struct server *s, const void *blob, size_t n, unsigned connections);

/** Puts and takes done so far. */
uint64_t load_ops(const struct load *l);

/** Ends the clients and frees l. Dies when one had ended by itself. NULL is allowed. */
void load_stop(struct load *l);

#endif
