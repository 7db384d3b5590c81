/*
 * check.h: compares a configuration with this machine: addresses, files, folders, programs, limits
 * and the peers' certificates. It changes nothing. What it finds prevents no start, for it may be
 * mended while the server runs.
 */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include <stddef.h>
#include "conf/conf.h"

#define CHECK_WHY 512 /* room for one finding */

struct check_peer {
	const char *name;
	const char *certificate; /* a file; NULL: only its key is known, and nothing is checked */
};

/**
 * Called for each thing that will not work, before the check returns.
 *
 * @ctx  as given to the check
 * @key  the setting: "server.listen", "peer NAME.certificate"
 * @why  "what is wrong; what to do"; as key, valid until return
 */
typedef void check_found(void *ctx, const char *key, const char *why);

/** Checks addresses, files, folders, programs and limits. Files are checked as the user that the
 * server will run as. */
void check_machine(const struct conf *c, check_found *found, void *ctx);
/**
 * Checks each peer's certificate as a handshake would now: a root that stands in client_ca vouches
 * for it, it is valid, and its extended key usage has clientAuth (RFC 5280, section 4.2.1.12).
 *
 * @client_ca  the file of the authorities
 */
void check_peers(const char *client_ca, const struct check_peer *peer, size_t n, check_found *found,
	void *ctx);

#endif
