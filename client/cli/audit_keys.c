/* audit_keys.c: finds the public keys that may have signed the evidence. Runs in the timeglas
 * command. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "cli/audit_keys.h"
#include "cli/output.h"

#define KEY_FILE_BYTES 4096

/* Finds the text of a public key: timeglas-audit1… anywhere in text, or a word name+id+base64. */
static bool find_key(struct sha256 *h, const char *text, struct receipt_key *out)
{
	static const char blanks[] = " \t\r\n";
	const char *at = strstr(text, CHAIN_PUBLIC);

	if (at != NULL)
		return receipt_key_parse(h, at,
			       strnlen(at, sizeof CHAIN_PUBLIC - 1 + (size_t)2 * CHAIN_KEY),
			       out) == 0;
	for (size_t n; *(text += strspn(text, blanks)) != '\0'; text += n) {
		n = strcspn(text, blanks);
		if (receipt_key_parse(h, text, n, out) == 0)
			return true;
	}
	return false;
}

static bool read_key(struct sha256 *h, const char *path, struct receipt_key *out)
{
	char text[KEY_FILE_BYTES + 1];
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		return false;
	n = fread(text, 1, KEY_FILE_BYTES, f);
	text[n] = '\0';
	fclose(f);
	return find_key(h, text, out);
}

/* --key PUB gives a key, or a file with one. The option is also that of the client certificate's
 * key, so what environment and configuration say of it does not count; for the log's there is
 * TIMEGLAS_LOG_KEY. */
int audit_keys_read(const struct cmdline *o, struct sha256 *h, struct receipt_key *out, size_t *n)
{
	const enum opt_id id = cmdline_given(o, OPT_KEY) ? OPT_KEY : OPT_LOG_KEY;

	*n = 0;
	for (size_t i = 0; i < o->n[id]; i++) {
		const char *value = o->value[id][i];

		if (*n == AUDIT_KEYS_MAX)
			return output_usage("--key is given more than %d times", AUDIT_KEYS_MAX);
		if (!find_key(h, value, &out[*n]) && !read_key(h, value, &out[*n]))
			return output_usage("--%s: neither a public key (%s..., or name+id+base64) "
					    "nor a file with one: %s",
				id == OPT_KEY ? "key" : "log-key", CHAIN_PUBLIC, value);
		++*n;
	}
	return 0;
}

/* The key file beside a log: for audit.log, and for audit.log.000000000001, it is audit.key.pub. */
static bool key_beside(struct sha256 *h, const char *log, char path[4096], struct receipt_key *out)
{
	const char *slash = strrchr(log, '/'), *dot = strchr(slash != NULL ? slash + 1 : log, '.');
	int stem = dot != NULL ? (int)(dot - log) : (int)strlen(log);

	struct stat st;

	/* whoever writes the log may have put a pipe there, that never ends */
	return snprintf(path, 4096, "%.*s.key.pub", stem, log) < 4096 && stat(path, &st) == 0 &&
		S_ISREG(st.st_mode) && read_key(h, path, out);
}

int audit_keys_choose(const struct cli *cli, struct sha256 *h, const char *log,
	struct audit_chain *c, const char **from, char beside[4096])
{
	int status = audit_keys_read(&cli->opt, h, c->key, &c->n_keys);

	*from = NULL;
	if (status == 0 && c->n_keys > 0) {
		*from = "given";
	} else if (status == 0 && key_beside(h, log, beside, &c->key[0])) {
		c->n_keys = 1;
		*from = beside;
	}
	return status;
}
