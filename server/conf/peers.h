/* peers.h: the [peer NAME] sections: who may do what. Used by file.c only; a conf made without a
 * file fills in its peers itself. */
#ifndef CONF_PEERS_H
#define CONF_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include "conf/conf.h"

struct peer_notes {    /* what is known of a peer only while its file is read */
	unsigned line; /* of its section's head */
	unsigned to_line;
	bool has_spki, has_certificate, has_role;
	bool key_known;    /* one of them gave it */
	char *certificate; /* its path; freed by peers_forget() */
};

/** peers_begin(c, name, why, cap): a new peer, the last in c. 0, or TG_EINVAL with why. */
int peers_begin(struct conf *c, const char *name, char *why, size_t cap);
/** peers_set(p, notes, key, value, dir, why, cap): role, spki, certificate (read at once), to. */
int peers_set(struct conf_peer *p, struct peer_notes *notes, const char *key, const char *value,
	const char *dir, char *why, size_t cap);
/** peers_forget(notes): frees what they hold. */
void peers_forget(struct peer_notes *notes);
/** peers_check(c, i, notes, line, why, cap): is peer i complete, and does it fit those before it?
 * notes: of all. A line that was wrong itself is not missed. On failure *line is where. */
int peers_check(const struct conf *c, size_t i, const struct peer_notes notes[], unsigned *line,
	char *why, size_t cap);

#endif
