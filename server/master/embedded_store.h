/*
 * embedded_store.h: the embedded Redis of one server, from its folder to its end: where its socket
 * is, and what the master asks of it while it runs. redis_embed.h is the process itself. All calls
 * are the master's.
 */
#ifndef MASTER_EMBEDDED_STORE_H
#define MASTER_EMBEDDED_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "conf/conf.h"
#include "master/children.h"
#include "master/redis_embed.h"
#include "master/run_dir.h"

struct embedded_store { /* zeroed at first */
	struct run_dir run;
	struct redis_embed redis;
	uint64_t checked_us; /* when embedded_store_watch() last looked */
	unsigned silent;     /* looks in a row that found no answer */
};

/**
 * Makes the folder of the socket, draws a password, and writes the URL for the other processes.
 *
 * @uid, @gid  the user that the server will run as; -1: the present one
 * @url        receives the URL, password included, NUL-terminated
 *
 * Returns 0, TG_EIO or TG_EINVAL; then err says what is wrong and what to do.
 */
int embedded_store_open(struct embedded_store *s, const struct conf *c, uid_t uid, gid_t gid,
	char url[256], char *err, size_t cap);
/** Waits until the Redis with this pid answers, has ended, or has had five seconds. It does not
 * reap it. */
void embedded_store_wait(const struct embedded_store *s, pid_t pid);
/** Returns whether Redis overwrites the memory that it frees and moves, as far as this build can
 * make it do so. false: it keeps bytes of erased blobs, and the log says why. */
bool embedded_store_wipes(const struct embedded_store *s);
/**
 * Kills a Redis that a signal has stopped, or that does not answer for long: it erases nothing and
 * serves nobody. What it holds is lost with it. May be called as often as one likes: it looks once
 * a second, and asks Redis itself only when the reaper has not heard of it for three.
 *
 * @now_us  clock_mono_us()
 */
void embedded_store_watch(struct embedded_store *s, const struct children *cs, uint64_t now_us);
/** Removes the folder. Harmless when it was not made. */
void embedded_store_close(struct embedded_store *s);

#endif
