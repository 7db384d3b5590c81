/*
 * check.h: what a configuration needs of this machine: files, folders, addresses, certificates that
 * somebody vouches for. It changes nothing.
 */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include <stddef.h>
#include "conf/conf.h"

#define CHECK_WHY 512

struct check_peer {
	const char *name;
	const char *certificate; /* file, NULL: only its key is known */
};

/**
 * Called for each thing that will not work. key: "server.listen", or "peer NAME.certificate";
 * why: "what is wrong; what to do".
 */
typedef void check_found(void *ctx, const char *key, const char *why);

/** check_machine(c, found, ctx): addresses, folders, programs and limits. */
void check_machine(const struct conf *c, check_found *found, void *ctx);
/**
 * check_peers(client_ca, peer, n, found, ctx): would each certificate be let in now? As a handshake
 * decides it: client_ca vouches for it, up to a root that stands in that file; it is valid now, and
 * made for clients (RFC 5280, section 4.2.1.12).
 */
void check_peers(const char *client_ca, const struct check_peer *peer, size_t n, check_found *found,
	void *ctx);

#endif
