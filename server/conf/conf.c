/*
 * conf.c: looks peers and roles up. It neither makes a configuration (conf_new.c) nor reads one
 * (conf_load.c). Runs in every process.
 */
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"

const struct conf_peer *conf_peer_by_spki(const struct conf *c, const uint8_t spki[32])
{
	size_t i;

	for (i = 0; i < c->n_peers; i++)
		if (memcmp(c->peer[i].spki, spki, sizeof c->peer[i].spki) == 0)
			return &c->peer[i];
	return NULL;
}

const struct conf_peer *conf_peer_by_name(const struct conf *c, const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < c->n_peers; i++)
		if (strlen(c->peer[i].name) == n && memcmp(c->peer[i].name, name, n) == 0)
			return &c->peer[i];
	return NULL;
}

char *conf_role_text(unsigned roles, char out[64])
{
#define X_(id, bit, name) [bit] = (name),
	static const char *const names[] = {CONF_ROLES(X_)};
#undef X_
	size_t i, at = 0;

	out[0] = '\0';
	for (i = 0; i < sizeof names / sizeof *names; i++)
		if ((roles & (1u << i)) != 0)
			at += (size_t)snprintf(
				out + at, 64 - at, "%s%s", at > 0 ? ", " : "", names[i]);
	return out;
}
