/*
 * master.h: the small parent: binds sockets, runs the embedded Redis when no other store is
 * configured, forks and restarts the children, passes signals on.
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H
#include "conf/conf.h"

struct master_opts {
	struct conf *conf;
	const char *conf_path;   /* NULL with dev_dir */
	const char *doubts;      /* conf_load()'s lines about what will not work, or "": logged */
	const char *dev_dir;     /* --dev DIR: print "ready URL" and write DIR/env */
	char *const *child_argv; /* for process titles; may be NULL */
};
/** master_run(o): until SIGTERM. Returns the exit status. */
int master_run(const struct master_opts *o);
#endif
