/*
 * peers.h: the sections [peer NAME] of a configuration file, for conf_load.c. A configuration that
 * is made without a file has its peers filled in by whoever makes it.
 *
 * Calls that return an int return 0; or TG_EINVAL, TG_EIO or TG_ENOMEM, with "what is wrong; what
 * to do" in why, cut to cap bytes.
 */
#ifndef CONF_PEERS_H
#define CONF_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include "conf/conf.h"

struct peer_notes {       /* what is known of a peer only while its file is read; zeroed at first */
	unsigned line;    /* of its section's head */
	unsigned to_line; /* 0: no such setting */
	bool has_spki, has_certificate, has_role; /* such a setting was read, right or wrong */
	bool key_known;                           /* the peer's spki was set by one of them */
	char *certificate;                        /* its path, or NULL; freed by peers_forget() */
};

/** Adds a peer, the last one of c. */
int peers_begin(struct conf *c, const char *name, char *why, size_t cap);
/**
 * Sets role, spki, certificate (which is read at once) or to.
 *
 * @notes  of this peer, which receive what was set
 * @dir    the folder from which a relative path counts
 */
int peers_set(struct conf_peer *p, struct peer_notes *notes, const char *key, const char *value,
	const char *dir, char *why, size_t cap);
/** Frees what the notes of one peer hold. */
void peers_forget(struct peer_notes *notes);
/**
 * Checks that peer i is complete and fits the others. A setting whose value was wrong is not
 * reported again as missing.
 *
 * @notes  of all peers
 * @line   receives the line to blame, and is meaningless on success
 * @why    receives a sentence on failure; cap bytes
 *
 * Returns 0 or TG_EINVAL.
 */
int peers_check(const struct conf *c, size_t i, const struct peer_notes notes[], unsigned *line,
	char *why, size_t cap);

#endif
