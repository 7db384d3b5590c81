/*
 * conf_new.c: makes, copies and frees a configuration. It reads no file: conf_load.c does. Runs
 * where a configuration is read, and in workers.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/options.h"

struct conf *conf_new(void)
{
	struct conf *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	tg_policy_init(&c->policy);
	if (options_set_defaults(c) == 0)
		return c;
	conf_free(c);
	return NULL;
}

void conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	options_free_texts(c);
	free(c);
}

struct conf *conf_copy(const struct conf *bytes)
{
	struct conf *c = malloc(sizeof *c);

	if (c == NULL)
		return NULL;
	memcpy(c, bytes, sizeof *c);
	options_drop_texts(c);
	return c;
}

int conf_keep_fixed(struct conf *fresh, const struct conf *running, char *changed, size_t cap)
{
	fresh->store_open_socket = running->store_open_socket;
	return options_keep_fixed(fresh, running, changed, cap);
}
