/* sockets.h: the listening sockets: one per worker on one port, and the admin plane's. Bound before
 * privileges are dropped. */
#ifndef MASTER_SOCKETS_H
#define MASTER_SOCKETS_H

#include <stddef.h>
#include "conf/conf.h"

struct sockets {
	int worker[CONF_WORKERS_MAX];
	unsigned n;
	int admin;
	uint16_t port, admin_port; /* as bound */
};

/** sockets_open(s, c, err, cap): bind everything, or nothing. 0 or TG_EIO. */
int sockets_open(struct sockets *s, const struct conf *c, char *err, size_t cap);
/** sockets_close_but(s, keep): all but one (-1: all). */
void sockets_close_but(struct sockets *s, int keep);
/** sockets_close_admin(s): what a worker does not need: it may have to accept from any worker's. */
void sockets_close_admin(struct sockets *s);

#endif
