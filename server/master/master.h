/*
 * master.h: timeglasd's first process. It binds the sockets, starts every other process and those
 * that have ended again, reloads on SIGHUP, and ends the server on SIGTERM. It touches neither
 * blobs nor clients' connections.
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include "conf/conf.h"

struct master_opts { /* all of it borrowed until master_run() returns */
	struct conf *conf;
	const char *conf_path; /* where a reload reads conf again; NULL with dev_dir */
	/* What conf_load() said of what will not work; logged. "": nothing. */
	const char *doubts;
	const char *dev_dir;     /* --dev DIR: prints "ready URL" and writes DIR/env; or NULL */
	char *const *child_argv; /* main()'s argv, which process titles overwrite; or NULL */
};

/** Runs the server until a signal ends it, or it cannot start. Returns the exit status. */
int master_run(const struct master_opts *o);

#endif
