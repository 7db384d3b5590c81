/*
 * cmd_keys.c: timeglas keygen: age identities and signing keys, in files that only their owner can read. No network.
 * Runs in the timeglas command. timeglas(1).
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cli/commands.h"
#include "cli/output.h"
#include "core/num.h"

struct fresh_key { /* in guarded memory */
	char secret[TG_KEY_TEXT_MAX];
	char file[2 * TG_KEY_TEXT_MAX + 128];
};

static int make_identity(struct fresh_key *k, char public_text[TG_KEY_TEXT_MAX])
{
	tg_recipient *recipient = NULL;
	tg_identity *id = NULL;
	int err = tg_identity_generate(&id);

	if (err == 0)
		err = tg_identity_recipient(id, &recipient);
	if (err == 0) {
		(void)tg_identity_text(id, k->secret, sizeof k->secret);
		(void)tg_recipient_text(recipient, public_text, TG_KEY_TEXT_MAX);
	}
	tg_recipient_free(recipient);
	tg_identity_free(id);
	return err;
}

static int make_signer(struct fresh_key *k, char public_text[TG_KEY_TEXT_MAX])
{
	tg_sender *sender = NULL;
	tg_signer *signer = NULL;
	int err = tg_signer_generate(&signer);

	if (err == 0)
		err = tg_signer_sender(signer, &sender);
	if (err == 0) {
		(void)tg_signer_text(signer, k->secret, sizeof k->secret);
		(void)tg_sender_text(sender, public_text, TG_KEY_TEXT_MAX);
	}
	tg_sender_free(sender);
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
	if (write(fd, text, n) == (ssize_t)n && fsync(fd) == 0 && close(fd) == 0)
		return 0;
	saved = errno;
	unlink(path); /* half a key is no key */
	errno = saved;
	return TG_EIO;
}

/* Past stdio, whose buffer would keep a copy of the secret. */
static int write_stdout(const char *text)
{
	size_t n = strlen(text);

	return write(STDOUT_FILENO, text, n) == (ssize_t)n ? 0 : TG_EIO;
}

static int give_json(const char *path, const char *name, const char *public_text, const char *created)
{
	return output_object(json_pack("{s:s, s:s, s:s}", name, public_text, "created", created, "file", path));
}

int cmd_keygen(struct cli *cli)
{
	const char *path = options_text(&cli->opt, OPT_OUTPUT);
	bool sign = options_given(&cli->opt, OPT_SIGN); /* TIMEGLAS_SIGNING_KEY names a key to use, not to make */
	struct fresh_key *k = sodium_malloc(sizeof *k);
	char public_text[TG_KEY_TEXT_MAX], created[TG_TIME_LEN + 1];
	int err = k != NULL ? 0 : TG_ENOMEM;

	if (path != NULL && strcmp(path, "-") == 0)
		path = NULL;
	if (path == NULL && output_json()) { /* a JSON writer would leave copies of the secret in memory */
		err = cli_usage("keygen --json writes the secret to a file: give -o FILE");
		goto out;
	}
	if (err == 0)
		err = sign ? make_signer(k, public_text) : make_identity(k, public_text);
	if (err != 0) {
		err = cli_fail(err, "cannot make a key: %s", tg_strerror(err));
		goto out;
	}
	tg_time_format((int64_t)time(NULL) * 1000, created);
	snprintf(k->file, sizeof k->file, "# created: %s\n# public key: %s\n%s\n", created, public_text, k->secret);
	if (path != NULL && write_file(path, k->file) != 0) {
		err = errno == EEXIST ? cli_fail(TG_EIO, "%s exists already; a key is never overwritten", path)
				      : cli_fail(TG_EIO, "cannot write %s: %s", path, strerror(errno));
		goto out;
	}
	if (output_json()) {
		err = give_json(path, sign ? "sender" : "recipient", public_text, created);
		goto out;
	}
	if (path != NULL) {
		output_text(public_text);
		goto out;
	}
	cli_note("public key: %s", public_text);
	if (write_stdout(k->file) != 0)
		err = cli_fail(TG_EIO, "cannot write to stdout: %s", strerror(errno));
out:
	sodium_free(k);
	return err;
}
