/* dev.h: timeglasd --dev: a folder with throwaway certificates and keys, and a configuration made
 * of them. */
#ifndef MASTER_DEV_H
#define MASTER_DEV_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "conf/conf.h"

struct dev;

struct dev_ready { /* what is known once everything runs */
	uint16_t port, admin_port;
	const char *host, *admin_host;
	const char *redis_socket; /* NULL: an external Redis */
	pid_t redis_pid;
};

/**
 * dev_open(dir, c, err, cap): make dir (0700) and everything in it, and point c at it. Fails when
 * another instance runs there. Runs the timeglas beside this program for the age identity and the
 * signing key. NULL: err says why.
 */
struct dev *dev_open(const char *dir, struct conf *c, char *err, size_t cap);
/** dev_forget(d): in a child: let go of the folder's lock. */
void dev_forget(struct dev *d);
/** dev_ready(d, r): write DIR/env, then say "ready URL" on standard output. 0 or TG_EIO. */
int dev_ready(struct dev *d, const struct dev_ready *r);
void dev_close(struct dev *d);

#endif
