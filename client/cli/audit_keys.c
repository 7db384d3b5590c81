/* audit_keys.c: finds the public keys that may have signed the evidence. Runs in the timeglas
 * command. */
#include <stdio.h>
#include <string.h>
#include "cli/audit_keys.h"
#include "cli/output.h"
#include "core/hex.h"

#define KEY_FILE_BYTES 4096

/* Finds the text of a public key, anywhere in text. */
static bool find_key(const char *text, uint8_t out[CHAIN_KEY])
{
	const size_t prefix = sizeof CHAIN_PUBLIC - 1;
	const char *at = strstr(text, CHAIN_PUBLIC);

	return at != NULL && strlen(at + prefix) >= (size_t)2 * CHAIN_KEY &&
		tg_hex_is_lower(at + prefix, (size_t)2 * CHAIN_KEY) &&
		tg_hex_decode(at + prefix, 2 * CHAIN_KEY, out, CHAIN_KEY) == 0;
}

static bool read_key(const char *path, uint8_t out[CHAIN_KEY])
{
	char text[KEY_FILE_BYTES + 1];
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		return false;
	n = fread(text, 1, KEY_FILE_BYTES, f);
	text[n] = '\0';
	fclose(f);
	return find_key(text, out);
}

/* The key file beside a log: for audit.log, and for audit.log.000000000001, it is audit.key.pub. */
static bool key_beside(const char *log, char path[4096], uint8_t out[CHAIN_KEY])
{
	const char *slash = strrchr(log, '/'), *dot = strchr(slash != NULL ? slash + 1 : log, '.');
	int stem = dot != NULL ? (int)(dot - log) : (int)strlen(log);

	return snprintf(path, 4096, "%.*s.key.pub", stem, log) < 4096 && read_key(path, out);
}

/* --key PUB gives a key, or a file with one. The option is also that of the client certificate's
 * key, so what environment and configuration say does not count. */
int audit_keys_choose(const struct cli *cli, const char *log, struct audit_chain *c,
	const char **from, char beside[4096])
{
	const struct cmdline *o = &cli->opt;

	*from = NULL;
	if (!cmdline_given(o, OPT_KEY)) {
		if (key_beside(log, beside, c->key[0])) {
			c->n_keys = 1;
			*from = beside;
		}
		return 0;
	}
	for (size_t i = 0; i < o->n[OPT_KEY]; i++) {
		const char *value = o->value[OPT_KEY][i];

		if (c->n_keys == AUDIT_KEYS_MAX)
			return output_usage("--key is given more than %d times", AUDIT_KEYS_MAX);
		if (!find_key(value, c->key[c->n_keys]) && !read_key(value, c->key[c->n_keys]))
			return output_usage(
				"--key: neither a public key (%s...) nor a file with one: %s",
				CHAIN_PUBLIC, value);
		c->n_keys++;
	}
	*from = "given";
	return 0;
}
