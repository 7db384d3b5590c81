/*
 * conf.c: a configuration's life and the questions asked of it on every request. It reads no file
 * (file.c does). Runs in every process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>

#include "conf/conf.h"
#include "conf/options.h"

struct conf *conf_new(void)
{
	struct conf *c = calloc(1, sizeof *c);

	if (c != NULL && options_init(c) != 0) {
		conf_free(c);
		return NULL;
	}
	return c;
}

void conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	options_free(c);
	free(c);
}

struct conf *conf_copy(const struct conf *bytes)
{
	struct conf *c = malloc(sizeof *c);

	if (c == NULL)
		return NULL;
	memcpy(c, bytes, sizeof *c);
	options_forget_texts(c);
	return c;
}

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
	static const char *const names[] = {"uploader", "verifier", "processor", "operator"};
	size_t i, at = 0;

	out[0] = '\0';
	for (i = 0; i < sizeof names / sizeof *names; i++)
		if ((roles & (1u << i)) != 0)
			at += (size_t)snprintf(
				out + at, 64 - at, "%s%s", at > 0 ? ", " : "", names[i]);
	return out;
}
