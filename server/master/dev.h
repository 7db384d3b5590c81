/* dev.h: timeglasd --dev DIR: a folder with throwaway certificates and keys, and a configuration
 * that uses them. For trying things out and for tests. */
#ifndef MASTER_DEV_H
#define MASTER_DEV_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "conf/conf.h"

struct dev;

struct dev_ready { /* what is known once everything runs; borrowed */
	uint16_t port, admin_port;
	const char *host, *admin_host;
	const char *redis_socket; /* NULL: an external Redis */
	pid_t redis_pid;
};

/**
 * Makes the folder (mode 0700) and all that is in it, locks it, and sets in c what is in it: files,
 * peers, ports that the kernel chooses, no draining. Runs the timeglas beside this program, which
 * makes the age identity and the signing key: this process never reads them.
 *
 * Returns a handle for dev_close(); or NULL with err, for instance when another timeglasd runs in
 * that folder. c is good for conf_free() only then.
 */
struct dev *dev_open(const char *dir, struct conf *c, char *err, size_t cap);
/** To be called in a child: closes the lock, which is the master's. NULL is harmless. */
void dev_forget(struct dev *d);
/** Writes DIR/env, a file for a shell to read, then prints "ready URL" on standard output. Returns
 * 0 or TG_EIO; then the log says why. */
int dev_ready(struct dev *d, const struct dev_ready *r);
/** Unlocks the folder, which stays. NULL is harmless. */
void dev_close(struct dev *d);

#endif
