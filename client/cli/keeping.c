/*
 * keeping.c: see keeping.h. Whatever can fail on this machine fails before the command ends
 * anything; what fails afterwards says that the end itself has happened. Runs in the timeglas
 * command.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "cli/keeping.h"
#include "cli/output.h"
#include "core/policy.h"
#include "lib/receipt.h"
#include "lib/spool.h"

#define KEYS_MAX 16
#define KEY_FILE_BYTES 4096
#define PATH_CHARS 4096

struct keeping {
	enum keeping_where where;
	const char *path;
	struct tg_spool *file; /* of KEEPING_FILE: it is made before anything ends */
	char *key[KEYS_MAX];
	size_t n_keys;
	char *policy;
};

/* Preparing ---------------------------------------------------------------- */

/* Takes the keys out of a text. Returns how many there are; -1 without memory. */
static int take_keys(struct keeping *k, struct sha256 *h, const char *text)
{
	static const char between[] = " \t\r\n,";
	struct receipt_key key;
	int n = 0;

	for (size_t len; *(text += strspn(text, between)) != '\0'; text += len) {
		len = strcspn(text, between);
		if (k->n_keys == KEYS_MAX || receipt_key_parse(h, text, len, &key) != 0)
			continue;
		k->key[k->n_keys] = strndup(text, len);
		if (k->key[k->n_keys++] == NULL)
			return -1;
		n++;
	}
	return n;
}

/* Reads a file of at most cap - 1 bytes. Returns 0, TG_EIO (errno), TG_ETOOBIG or TG_ENOMEM. */
static int read_text(const char *path, size_t cap, char **out)
{
	FILE *f = fopen(path, "re");
	char *text = f != NULL ? calloc(1, cap) : NULL;
	int err = f == NULL ? TG_EIO : text == NULL ? TG_ENOMEM : 0;

	if (err == 0 && fread(text, 1, cap, f) == cap)
		err = TG_ETOOBIG;
	if (f != NULL)
		fclose(f);
	if (err == 0)
		*out = text;
	else
		free(text);
	return err;
}

static int read_keys(struct keeping *k, struct sha256 *h, const struct cmdline *o)
{
	for (size_t i = 0; i < o->n[OPT_LOG_KEY]; i++) {
		const char *value = o->value[OPT_LOG_KEY][i];
		int n = take_keys(k, h, value);
		char *text;

		if (n == 0 && read_text(value, KEY_FILE_BYTES, &text) == 0) {
			n = take_keys(k, h, text);
			free(text);
		}
		if (n < 0)
			return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
		if (n == 0)
			return output_usage("--log-key: neither a public key (" CHAIN_PUBLIC
					    "..., or name+id+base64) nor a file with one: %s",
				value);
	}
	return 0;
}

static int read_policy(struct keeping *k, struct sha256 *h, const char *path)
{
	struct policy *parsed;
	const char *why;
	unsigned line;
	int err, status = 0;

	if (path == NULL)
		return 0;
	err = read_text(path, POLICY_FILE_MAX + 1, &k->policy);
	if (err != 0)
		return output_fail(err, "cannot read the policy %s: %s", path,
			err == TG_EIO ? strerror(errno) : tg_strerror(err));
	parsed = malloc(sizeof *parsed);
	if (parsed == NULL)
		return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	if (policy_scan(h, k->policy, strlen(k->policy), parsed, &line, &why) != 0)
		status = output_usage("%s:%u: %s", path, line, why);
	else if (k->n_keys == 0 && parsed->n_logs == 0)
		status = output_usage("--policy lists no log: say which key must have signed, with "
				      "--log-key or TIMEGLAS_LOG_KEY");
	free(parsed);
	return status;
}

static int cannot_write(const char *path)
{
	return output_fail(TG_EIO, "nothing was done: the proof cannot be written to %s: %s", path,
		strerror(errno));
}

static int open_target(struct keeping *k)
{
	struct tg_spool *probe;
	char path[PATH_CHARS];

	if (k->path == NULL)
		return 0;
	if (output_is_stdout(k->path) && k->where == KEEPING_OUTPUT)
		return 0;
	if (output_is_stdout(k->path))
		return output_usage("--proof takes a %s",
			k->where == KEEPING_FILE ? "file" : "folder, which gets a file for each");
	if (k->where != KEEPING_FOLDER)
		return tg_spool_new(k->path, &k->file) == 0 ? 0 : cannot_write(k->path);
	if (mkdir(k->path, 0700) != 0 && errno != EEXIST)
		return cannot_write(k->path);
	if (snprintf(path, sizeof path, "%s/proof", k->path) >= (int)sizeof path - 64)
		return output_usage("the name of the folder for proofs is too long");
	if (tg_spool_new(path, &probe) != 0)
		return cannot_write(k->path);
	tg_spool_free(probe);
	return 0;
}

static int prepare(struct keeping *k, const struct cmdline *o)
{
	struct sha256 *h = sha256_new();
	int status = h != NULL ? 0 : output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));

	if (status == 0)
		status = read_keys(k, h, o);
	if (status == 0)
		status = read_policy(k, h, cmdline_text(o, OPT_POLICY));
	sha256_free(h);
	return status == 0 ? open_target(k) : status;
}

int keeping_new(
	const struct cmdline *o, enum keeping_where where, bool without, struct keeping **out)
{
	const bool pinned = cmdline_flag(o, OPT_LOG_KEY) || cmdline_flag(o, OPT_POLICY);
	const char *path = cmdline_text(o, where == KEEPING_OUTPUT ? OPT_OUTPUT : OPT_PROOF);
	int status;

	if (where == KEEPING_OUTPUT && path == NULL)
		path = "-";
	*out = NULL;
	if (path == NULL && !(without && pinned)) {
		if (cmdline_given(o, OPT_LOG_KEY) || cmdline_given(o, OPT_POLICY))
			return output_usage("--log-key and --policy are for a proof that is kept: "
					    "say where, with --proof");
		return 0;
	}
	if (!pinned)
		return output_usage(
			"--proof: say which key of the log must have signed, with --log-key or "
			"TIMEGLAS_LOG_KEY; get it from whoever runs the buffer, not from the "
			"buffer");
	*out = calloc(1, sizeof **out);
	if (*out == NULL)
		return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	(*out)->where = where;
	(*out)->path = path;
	status = prepare(*out, o);
	if (status != 0) {
		keeping_free(*out);
		*out = NULL;
	}
	return status;
}

void keeping_free(struct keeping *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->n_keys; i++)
		free(k->key[i]);
	tg_spool_free(k->file);
	free(k->policy);
	free(k);
}

const char *keeping_path(const struct keeping *k)
{
	return k != NULL ? k->path : NULL;
}

/* Keeping ------------------------------------------------------------------ */

static int write_proof(struct keeping *k, const tg_proof *p, const char *path)
{
	struct tg_spool *s = k->file;
	int err = s != NULL ? 0 : tg_spool_new(path, &s);

	if (err == 0)
		err = tg_spool_write(s, p->text, p->n);
	if (err == 0)
		err = tg_spool_commit(s);
	if (s != k->file)
		tg_spool_free(s);
	return err;
}

/* Returns 0, or an exit status after having said what happened all the same. */
static int keep(struct keeping *k, const tg_proof *p, const char *done)
{
	char path[PATH_CHARS];
	int err;

	if (k->path == NULL)
		return 0;
	if (output_is_stdout(k->path)) {
		fwrite(p->text, 1, p->n, stdout);
		return 0;
	}
	if (k->where != KEEPING_FOLDER)
		snprintf(path, sizeof path, "%s", k->path);
	else /* the event's id was checked: it has digits and dashes alone */
		snprintf(path, sizeof path, "%s/%s.proof", k->path, p->event);
	err = write_proof(k, p, path);
	if (err != 0)
		return output_fail(err,
			"%s, and its proof is good, but cannot be written to %s: %s", done, path,
			strerror(errno));
	output_note("proof kept in %s: line %llu of the log %s", path,
		(unsigned long long)p->n_line, p->origin);
	return 0;
}

int keeping_keep(
	struct keeping *k, tg_client *c, const tg_proof_opts *of, const char *done, tg_proof *out)
{
	tg_proof_opts o = *of;
	tg_proof p = {.struct_size = sizeof p};
	int err;

	if (k == NULL)
		return 0;
	o.log_key = (const char *const *)k->key;
	o.n_log_keys = k->n_keys;
	o.policy = k->policy;
	err = tg_client_proof(c, &o, &p);
	if (err != 0)
		return output_fail_after(c, err, "%s; there is no proof", done);
	if (out != NULL)
		*out = p;
	return keep(k, &p, done);
}

int keeping_keep_each(struct keeping *k, tg_client *c, const tg_proof_opts *of,
	const tg_receipt *list, size_t n, const char *done)
{
	tg_proof_opts each = *of;
	char which[256];
	int status = 0;

	for (size_t i = 0; k != NULL && status == 0 && i < n; i++) {
		each.receipt = &list[i];
		snprintf(which, sizeof which,
			"%s; of its %zu ends %zu are proved, and of the next, %s", done, n, i,
			list[i].event);
		status = keeping_keep(k, c, &each, which, NULL);
	}
	return status;
}

tg_receipt *keeping_receipts(const tg_client *c, size_t *n)
{
	size_t cap = 0;
	tg_receipt *list = NULL, *grown;

	for (*n = 0;; ++*n) {
		if (*n == cap) {
			cap = cap > 0 ? 2 * cap : 64;
			grown = reallocarray(list, cap, sizeof *list);
			if (grown == NULL) {
				free(list);
				return NULL;
			}
			list = grown;
		}
		list[*n].struct_size = sizeof *list;
		if (tg_client_receipt(c, *n, &list[*n]) != 0)
			return list;
	}
}

tg_receipt keeping_receipt(const tg_blob *b)
{
	tg_receipt r = {.struct_size = sizeof r};

	memcpy(r.blob, b->blob, sizeof r.blob);
	memcpy(r.cause, b->cause, sizeof r.cause);
	memcpy(r.outcome, b->outcome, sizeof r.outcome);
	memcpy(r.erased_at, b->gone_at, sizeof r.erased_at);
	memcpy(r.event, b->event, sizeof r.event);
	return r;
}
