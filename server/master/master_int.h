/*
 * master_int.h: what the files of the master share: master.c, startup.c, shutdown.c, reload.c. No
 * other file includes it.
 */
#ifndef MASTER_MASTER_INT_H
#define MASTER_MASTER_INT_H

#include <stdbool.h>
#include <stdint.h>
#include <openssl/ssl.h>
#include "base/handover.h"
#include "base/heartbeat.h"
#include "base/metrics.h"
#include "base/allowance.h"
#include "base/scoreboard.h"
#include "master/children.h"
#include "master/dev.h"
#include "master/embedded_store.h"
#include "master/master_state.h"
#include "master/sockets.h"

/* Enough for a line about each of many faults of a configuration. */
#define MASTER_ERR_CHARS 4096

struct master { /* owns what it points to, but for the first four */
	/* of struct master_opts */
	const char *conf_path, *doubts, *dev_dir;
	struct conf *first_conf;
	enum master_state state; /* changed by step() in master.c alone */
	struct conf *conf;       /* the last good one: first_conf, or one of a reload */
	SSL_CTX *tls;            /* made of the files that conf names */
	struct handover *handover;
	struct heartbeat *heartbeat;
	struct metrics *metrics;
	struct scoreboard *scoreboard;
	struct allowance *allowance;
	struct dev *dev; /* NULL without --dev */
	struct sockets sockets;
	char store_url[256];
	bool embedded; /* the store is an embedded Redis */
	struct embedded_store store;
	int target_fd; /* where log lines end up: standard error, or the log file */
	int log_fd;    /* where processes write them: target_fd, later the pipe to the logger */
	struct children children;
	/* clock_mono_us(): when the states from DRAINING to ENDING_RECORDER are cut short */
	uint64_t deadline_us;
	uint64_t asked_us; /* when ENDING_WORKERS last sent the workers its signal */
	int exit_status;
};

#endif
