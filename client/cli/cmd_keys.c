/*
 * cmd_keys.c: timeglas keygen: age identities and signing keys, in files that only their owner can
 * read, and the public halves of such files. No network. Runs in the timeglas command. timeglas(1).
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cli/cmd.h"
#include "cli/output.h"
#include "core/encoding.h"
#include "core/fd.h"
#include "core/time.h"

#define KEY_FILE_MAX 65536u

struct fresh_key { /* in guarded memory */
	char secret[TG_KEY_TEXT_MAX];
	char file[2 * TG_KEY_TEXT_MAX + 128];
};

static int identity_public(const tg_identity *id, char out[TG_KEY_TEXT_MAX])
{
	tg_recipient *recipient = NULL;
	int err = tg_identity_recipient(id, &recipient);

	if (err == 0)
		(void)tg_recipient_text(recipient, out, TG_KEY_TEXT_MAX);
	tg_recipient_free(recipient);
	return err;
}

static int signer_public(const tg_signer *signer, char out[TG_KEY_TEXT_MAX])
{
	tg_sender *sender = NULL;
	int err = tg_signer_sender(signer, &sender);

	if (err == 0)
		(void)tg_sender_text(sender, out, TG_KEY_TEXT_MAX);
	tg_sender_free(sender);
	return err;
}

static int make_identity(struct fresh_key *k, char public_text[TG_KEY_TEXT_MAX])
{
	tg_identity *id = NULL;
	int err = tg_identity_generate(&id);

	if (err == 0)
		err = identity_public(id, public_text);
	if (err == 0)
		(void)tg_identity_text(id, k->secret, sizeof k->secret);
	tg_identity_free(id);
	return err;
}

static int make_signer(struct fresh_key *k, char public_text[TG_KEY_TEXT_MAX])
{
	tg_signer *signer = NULL;
	int err = tg_signer_generate(&signer);

	if (err == 0)
		err = signer_public(signer, public_text);
	if (err == 0)
		(void)tg_signer_text(signer, k->secret, sizeof k->secret);
	tg_signer_free(signer);
	return err;
}

static int write_file(const char *path, const char *text)
{
	size_t n = strlen(text);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int saved;

	if (fd < 0)
		return TG_EIO;
	if (tg_write_all(fd, text, n) == 0 && fsync(fd) == 0 && close(fd) == 0)
		return 0;
	saved = errno;
	unlink(path); /* a file with half a key must not stay */
	errno = saved;
	return TG_EIO;
}

/* Without stdio, whose buffer would keep a copy of the secret. */
static int write_stdout(const char *text)
{
	return tg_write_all(STDOUT_FILENO, text, strlen(text));
}

static int give_json(
	const char *path, const char *name, const char *public_text, const char *created)
{
	return output_object(
		json_pack("{s:s, s:s, s:s}", name, public_text, "created", created, "file", path));
}

/* Public halves ------------------------------------------------------------ */

struct public_keys {
	const char *path; /* of the file with the secrets, for messages */
	char *secrets;    /* the whole file, in guarded memory */
	size_t n;
	FILE *text; /* a line for each key, in the order of the file */
	json_t *recipients, *senders;
};

static int read_secrets(struct public_keys *p)
{
	bool is_stdin = strcmp(p->path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(p->path, O_RDONLY | O_CLOEXEC), saved;
	ssize_t n = 1;

	if (fd < 0)
		return TG_EIO;
	while (n > 0 && p->n < KEY_FILE_MAX) {
		n = read(fd, p->secrets + p->n, KEY_FILE_MAX - p->n);
		p->n += n > 0 ? (size_t)n : 0;
		if (n < 0 && errno == EINTR)
			n = 1;
	}
	saved = errno;
	if (!is_stdin)
		close(fd);
	errno = saved;
	return n < 0 ? TG_EIO : p->n < KEY_FILE_MAX ? 0 : TG_EKEY;
}

/* One line of a key file, which is an identity or a signing key. Returns 0 or TG_EKEY, TG_ENOMEM.
 */
static int print_public(struct public_keys *p, const char *line, size_t n)
{
	char text[TG_KEY_TEXT_MAX];
	tg_identity *id = NULL;
	tg_signer *signer = NULL;
	bool is_identity;
	int err = tg_identity_parse(line, n, &id);

	if (err == 0)
		err = identity_public(id, text);
	else if (err == TG_EKEY && (err = tg_signer_parse(line, n, &signer)) == 0)
		err = signer_public(signer, text);
	is_identity = id != NULL;
	tg_identity_free(id);
	tg_signer_free(signer);
	if (err != 0)
		return err;
	fprintf(p->text, "%s\n", text);
	json_array_append_new(is_identity ? p->recipients : p->senders, json_string(text));
	return 0;
}

static int print_publics(struct public_keys *p)
{
	const char *at = p->secrets, *end = p->secrets + p->n;
	const char *fault = tg_encoding_fault((const uint8_t *)p->secrets, p->n);
	unsigned number = 0, found = 0;

	if (fault != NULL)
		return output_fail(TG_EKEY, "%s holds no well-formed key: %s", p->path, fault);
	while (at < end) {
		const char *line = at, *lf = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((lf != NULL ? lf : end) - at);
		int err = 0;

		at = lf != NULL ? lf + 1 : end;
		number++;
		if (n > 0 && line[n - 1] == '\r')
			n--;
		if (n == 0 || line[0] == '#')
			continue;
		err = print_public(p, line, n);
		/* the line is not printed, since it may be a secret with a typing error */
		if (err == TG_EKEY)
			return output_fail(err,
				"%s, line %u: neither an identity (AGE-SECRET-KEY-1...) "
				"nor a signing key (TIMEGLAS-SIGNING-KEY-1...)",
				p->path, number);
		if (err != 0)
			return output_fail(err, "%s", tg_strerror(err));
		found++;
	}
	return found > 0 ? 0 : output_fail(TG_EKEY, "%s holds no key", p->path);
}

static int cannot_write(const char *path)
{
	if (errno == EEXIST)
		return output_fail(TG_EIO,
			"%s exists already; a key is never overwritten: give another file", path);
	return output_fail(TG_EIO, "cannot write %s: %s", path, strerror(errno));
}

/* Prints the public halves of the keys in a file (keygen -y). */
static int keygen_public(const char *from, const char *to)
{
	struct public_keys p = {.path = from,
		.secrets = sodium_malloc(KEY_FILE_MAX),
		.recipients = json_array(),
		.senders = json_array()};
	char *text = NULL;
	size_t n = 0;
	int err = 0;

	p.text = open_memstream(&text, &n);
	if (p.secrets == NULL || p.text == NULL || p.recipients == NULL || p.senders == NULL) {
		err = output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
		goto out;
	}
	err = read_secrets(&p);
	if (err != 0)
		err = err == TG_EIO ?
			output_fail(err, "cannot read %s: %s", from, strerror(errno)) :
			output_fail(err, "%s is too large for a file of keys", from);
	else
		err = print_publics(&p);
	if (err == 0 && fflush(p.text) != 0)
		err = output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	if (err != 0)
		goto out;
	if (to != NULL && write_file(to, text) != 0)
		err = cannot_write(to);
	else if (output_is_json())
		err = output_object(
			json_pack("{s:O, s:O}", "recipients", p.recipients, "senders", p.senders));
	else if (to == NULL)
		fwrite(text, 1, n, stdout);
out:
	if (p.text != NULL)
		fclose(p.text);
	free(text);
	json_decref(p.recipients);
	json_decref(p.senders);
	sodium_free(p.secrets);
	return err;
}

int cmd_keygen(struct cli *cli)
{
	const char *path = cmdline_text(&cli->opt, OPT_OUTPUT),
		   *from = cmdline_text(&cli->opt, OPT_PUBLIC);
	/* only the command line counts: TIMEGLAS_SIGNING_KEY names a key to use */
	bool sign = cmdline_given(&cli->opt, OPT_SIGN);
	struct fresh_key *k = sodium_malloc(sizeof *k);
	char public_text[TG_KEY_TEXT_MAX], created[TG_TIME_LEN + 1];
	int err = k != NULL ? 0 : TG_ENOMEM;

	if (path != NULL && strcmp(path, "-") == 0)
		path = NULL;
	if (from != NULL) {
		err = sign ?
			output_usage("keygen -y reads a key that exists; leave --sign out: the "
				     "file tells its kind") :
			keygen_public(from, path);
		goto out;
	}
	if (path == NULL && output_is_json()) {
		/* a JSON writer would leave copies of the secret in memory */
		err = output_usage("keygen --json writes the secret to a file: give -o FILE");
		goto out;
	}
	if (err == 0)
		err = sign ? make_signer(k, public_text) : make_identity(k, public_text);
	if (err != 0) {
		err = output_fail(err, "cannot make a key: %s", tg_strerror(err));
		goto out;
	}
	tg_time_format((int64_t)time(NULL) * 1000, created);
	snprintf(k->file, sizeof k->file, "# created: %s\n# public key: %s\n%s\n", created,
		public_text, k->secret);
	if (path != NULL && write_file(path, k->file) != 0) {
		err = cannot_write(path);
		goto out;
	}
	if (output_is_json()) {
		err = give_json(path, sign ? "sender" : "recipient", public_text, created);
		goto out;
	}
	if (path != NULL) {
		output_text(public_text);
		goto out;
	}
	output_note("public key: %s", public_text);
	if (write_stdout(k->file) != 0)
		err = output_fail(TG_EIO, "cannot write to stdout: %s", strerror(errno));
out:
	sodium_free(k);
	return err;
}
