/*
 * sockets.h: the sockets that listen: one for each worker, all on one port, and one for the admin
 * process; and those by which workers ask the recorder. The master keeps them: when a worker dies,
 * connections that wait to be accepted are not lost.
 */
#ifndef MASTER_SOCKETS_H
#define MASTER_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include "conf/conf.h"

struct sockets {
	int worker[CONF_WORKERS_MAX];
	unsigned n;
	int admin;
	/* pairs, by which a worker asks the recorder (base/proof_link.h) */
	int ask[CONF_WORKERS_MAX], answer[CONF_WORKERS_MAX];
	uint16_t port, admin_port; /* as they were bound, where the kernel has chosen them, too */
};

/** Binds all of them, or none. To be called before the privileges are dropped. Returns 0; or TG_EIO
 * with err. */
int sockets_open(struct sockets *s, const struct conf *c, char *err, size_t cap);
/** Closes all but one, a descriptor; -1: all. */
void sockets_close_but(struct sockets *s, int keep);
/** Closes those by which workers ask, or are answered, but for the ends of one process.
 *
 * @worker    its index; -1: it is none
 * @recorder  whether it is the recorder */
void sockets_close_proofs_but(struct sockets *s, int worker, bool recorder);
/** Closes that of the admin process. For a worker, which may have to accept from any other
 * worker's. */
void sockets_close_admin(struct sockets *s);

#endif
