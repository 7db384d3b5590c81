/*
 * peers.c: see peers.h. What a peer with a role may do is decided in server/api. Runs where a
 * configuration is read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>

#include "core/hex.h"
#include "conf/options.h"
#include "conf/peers.h"
#include "conf/pem.h"
#include "conf/suggest.h"

#define BLANKS " \t,"

#define X_(id, bit, name) [bit] = (name),
static const char *const roles[] = {CONF_ROLES(X_)};
#undef X_
#define N_ROLES (sizeof roles / sizeof *roles)

static bool name_well_formed(const char *s, size_t n)
{
	size_t i;

	if (n == 0 || n > CONF_NAME_MAX || s[0] == '-')
		return false;
	for (i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '-'))
			return false;
	return true;
}

int peers_begin(struct conf *c, const char *name, char *why, size_t cap)
{
	if (!name_well_formed(name, strlen(name))) {
		snprintf(why, cap,
			"'%s' is not a peer's name; use a-z, 0-9 and '-', at most %u of them", name,
			(unsigned)CONF_NAME_MAX);
		return TG_EINVAL;
	}
	if (conf_peer_by_name(c, name, strlen(name)) != NULL) {
		snprintf(why, cap,
			"there is a peer '%s' already; merge the two sections or rename one", name);
		return TG_EINVAL;
	}
	if (c->n_peers == CONF_PEERS_MAX) {
		snprintf(why, cap, "too many peers; at most %u", (unsigned)CONF_PEERS_MAX);
		return TG_EINVAL;
	}
	memset(&c->peer[c->n_peers], 0, sizeof c->peer[0]);
	snprintf(c->peer[c->n_peers++].name, CONF_NAME_MAX + 1, "%s", name);
	return 0;
}

static int set_roles(struct conf_peer *p, const char *value, char *why, size_t cap)
{
	char word[32];
	const char *s;
	size_t n;
	int i;

	for (s = value + strspn(value, BLANKS); *s != '\0'; s += n, s += strspn(s, BLANKS)) {
		n = strcspn(s, BLANKS);
		snprintf(word, sizeof word, "%.*s", (int)n, s);
		i = suggest_choose("role", word, roles, N_ROLES, why, cap);
		if (i < 0)
			return TG_EINVAL;
		p->roles |= 1u << i;
	}
	if ((p->roles & ROLE_PROCESSOR) != 0 && (p->roles & ROLE_VERIFIER) != 0) {
		snprintf(why, cap,
			"a processor cannot be a verifier too, or the limits of one would not "
			"hold; make two peers");
		return TG_EINVAL;
	}
	return 0;
}

static int set_to(struct conf_peer *p, const char *value, char *why, size_t cap)
{
	const char *s;
	size_t n, i;

	for (s = value + strspn(value, BLANKS); *s != '\0'; s += n, s += strspn(s, BLANKS)) {
		n = strcspn(s, BLANKS);
		if (!name_well_formed(s, n)) {
			snprintf(why, cap,
				"'%.*s' is not a peer's name; list names of [peer NAME] sections",
				n < 64 ? (int)n : 64, s);
			return TG_EINVAL;
		}
		for (i = 0; i < p->n_to; i++) {
			if (strlen(p->to[i]) == n && memcmp(p->to[i], s, n) == 0) {
				snprintf(why, cap, "'%.*s' is listed twice; name it once", (int)n,
					s);
				return TG_EINVAL;
			}
		}
		if (p->n_to == CONF_TO_MAX) {
			snprintf(
				why, cap, "too many addressees; at most %u", (unsigned)CONF_TO_MAX);
			return TG_EINVAL;
		}
		memcpy(p->to[p->n_to], s, n);
		p->to[p->n_to++][n] = '\0';
	}
	return 0;
}

static int set_certificate(struct conf_peer *p, struct peer_notes *notes, const char *value,
	const char *dir, char *why, size_t cap)
{
	int err = TG_ENOMEM;

	notes->has_certificate = true;
	free(notes->certificate);
	notes->certificate = options_join(dir, value);
	snprintf(why, cap, "out of memory; free some");
	if (notes->certificate != NULL)
		err = pem_spki(notes->certificate, p->spki, why, cap);
	notes->key_known = err == 0;
	return err;
}

void peers_forget(struct peer_notes *notes)
{
	free(notes->certificate);
	notes->certificate = NULL;
}

int peers_set(struct conf_peer *p, struct peer_notes *notes, const char *key, const char *value,
	const char *dir, char *why, size_t cap)
{
	static const char *const known[] = {"role", "spki", "certificate", "to"};
	char hint[128];

	if (strcmp(key, "role") == 0) {
		notes->has_role = true;
		return set_roles(p, value, why, cap);
	}
	if (strcmp(key, "to") == 0)
		return set_to(p, value, why, cap);
	if (strcmp(key, "spki") == 0) {
		notes->has_spki = true;
		notes->key_known =
			tg_hex_decode(value, strlen(value), p->spki, sizeof p->spki) == 0;
		if (notes->key_known)
			return 0;
		snprintf(why, cap,
			"not a SHA-256 in hex; give 64 digits, or name the file with certificate "
			"=");
		return TG_EINVAL;
	}
	if (strcmp(key, "certificate") == 0)
		return set_certificate(p, notes, value, dir, why, cap);
	snprintf(why, cap, "no key '%s' in [peer %s]; %s", key, p->name,
		suggest(key, known, sizeof known / sizeof *known, hint, sizeof hint));
	return TG_EINVAL;
}

static int check_to(const struct conf *c, const struct conf_peer *p, char *why, size_t cap)
{
	const char *names[CONF_PEERS_MAX];
	const struct conf_peer *q;
	char hint[256];
	size_t i, k, n = 0;

	if (p->n_to > 0 && (p->roles & ROLE_UPLOADER) == 0) {
		snprintf(why, cap,
			"'%s' uploads nothing, so it addresses nobody; drop 'to' or add the role "
			"uploader",
			p->name);
		return TG_EINVAL;
	}
	for (i = 0; i < p->n_to; i++) {
		q = conf_peer_by_name(c, p->to[i], strlen(p->to[i]));
		if (q == NULL) {
			for (k = 0, n = 0; k < c->n_peers; k++)
				if ((c->peer[k].roles & (ROLE_VERIFIER | ROLE_PROCESSOR)) != 0)
					names[n++] = c->peer[k].name;
			snprintf(why, cap, "no peer '%s'; %s", p->to[i],
				n > 0 ? suggest(p->to[i], names, n, hint, sizeof hint) :
					"add its section");
			return TG_EINVAL;
		}
		if ((q->roles & (ROLE_VERIFIER | ROLE_PROCESSOR)) == 0) {
			snprintf(why, cap,
				"'%s' may not fetch; address verifiers or processors only",
				q->name);
			return TG_EINVAL;
		}
	}
	return 0;
}

int peers_check(const struct conf *c, size_t i, const struct peer_notes all[], unsigned *line,
	char *why, size_t cap)
{
	const struct conf_peer *p = &c->peer[i];
	const struct peer_notes *notes = &all[i];
	size_t k;

	*line = notes->line;
	if (p->roles == 0 && !notes->has_role) {
		snprintf(why, cap,
			"peer '%s' has no role; add role = uploader, verifier, processor or "
			"operator",
			p->name);
		return TG_EINVAL;
	}
	if (notes->has_spki == notes->has_certificate) {
		snprintf(why, cap,
			"peer '%s' has %s; give one of spki = and certificate =", p->name,
			notes->has_spki ? "two keys" : "no key");
		return TG_EINVAL;
	}
	for (k = 0; notes->key_known && k < i; k++) {
		if (all[k].key_known && memcmp(c->peer[k].spki, p->spki, sizeof p->spki) == 0) {
			snprintf(why, cap,
				"peers '%s' and '%s' have the same key; give each its own",
				c->peer[k].name, p->name);
			return TG_EINVAL;
		}
	}
	*line = notes->to_line != 0 ? notes->to_line : notes->line;
	return check_to(c, p, why, cap);
}
