/*
 * cmd_fetch.c: timeglas take and get: fetch a blob once, open it, and release it only when it is whole, from the pinned sender, labelled
 * as the server said, and new. What arrived is never lost by a failed check: the buffer erases it, so it is kept here, sealed.
 * take is the at-most-once form; get claims the blob first (claim.c), so that a broken download goes on, and acks when all is safe.
 * Runs in the timeglas command. docs/envelope.md, docs/openapi.yaml, timeglas(1).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "cli/claim.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/seen.h"
#include "cli/spool.h"
#include "cli/unseal.h"

#define PATH_CHARS 4096
#define ID_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

struct fetch {
	const char *id, *target;
	bool claims;              /* get; otherwise take */
	struct claiming claiming;
	tg_client *client;
	uint64_t max_size;        /* 0: TG_MAX_SIZE */
	bool opening;             /* otherwise the ciphertext itself is what the user wants */
	struct unseal unseal;
	struct spool *sealed;     /* as it came; kept when the rest fails */
	struct spool *good;       /* what the user gets */
	int seen_fd;
	tg_blob blob;             /* what the server said */
	char kept[PATH_CHARS + 16];
};

static bool is_stream(const char *target)
{
	struct stat st;

	return target == NULL || strcmp(target, "-") == 0 || (stat(target, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

static int cannot_write(const char *path)
{
	return cli_fail(TG_EIO, "nothing was fetched: cannot write %s: %s", path != NULL ? path : "a temporary file", strerror(errno));
}

/* Beside the target; for a stream, in the working directory, or where temporary files go. */
static int spool_sealed(struct fetch *f)
{
	const char *tmp = getenv("TMPDIR");
	char path[PATH_CHARS];

	if (!is_stream(f->target))
		snprintf(path, sizeof path, "%s.age", f->target);
	else
		snprintf(path, sizeof path, "%s.age", f->id);
	if (spool_new(path, &f->sealed) == 0)
		return 0;
	if (!is_stream(f->target))
		return cannot_write(path);
	snprintf(path, sizeof path, "%s/%s.age", tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp", f->id);
	return spool_new(path, &f->sealed) == 0 ? 0 : cannot_write(path);
}

static int prepare_opening(const struct options *o, struct fetch *f)
{
	char why[256];
	int err = unseal_prepare(o, &f->unseal);

	if (err == 0 && !f->unseal.raw && seen_open(why, &f->seen_fd) != 0)
		err = cli_fail(TG_EIO, "nothing was fetched: %s", why);
	return err;
}

static int open_spools(struct fetch *f)
{
	if (spool_new(f->target, &f->good) != 0)
		return cannot_write(f->target);
	return spool_sealed(f);
}

/* Everything that can fail on this machine fails here, before the buffer gives the only copy away. */
static int prepare(struct cli *cli, struct fetch *f)
{
	const struct options *o = &cli->opt;
	size_t n = strlen(cli->operand);

	f->id = cli->operand;
	f->target = options_text(o, OPT_OUTPUT);
	f->opening = options_text(o, OPT_IDENTITY) != NULL && !options_flag(o, OPT_SEALED);
	if (n == 0 || n > TG_SESSION_MAX || strspn(f->id, ID_CHARS) != n)
		return cli_usage("that is not a blob's id");
	if (option_size(o, OPT_MAX_SIZE, &f->max_size) != 0)
		return CLI_USAGE;
	f->claiming.max_size = f->max_size;
	if (f->claims && claiming_prepare(o, &f->claiming) != 0)
		return CLI_USAGE;
	if (output_json() && (f->target == NULL || strcmp(f->target, "-") == 0))
		return cli_usage("--json needs -o FILE: stdout is for the JSON object");
	if (f->opening) {
		int err = prepare_opening(o, f);

		return err == 0 ? open_spools(f) : err;
	}
	if (options_given(o, OPT_SENDER) || options_flag(o, OPT_RAW))
		return cli_usage("--sender and --raw are for opening: give --identity, and not --sealed");
	if (options_given(o, OPT_IDENTITY))
		return cli_usage("--sealed and --identity exclude each other");
	if ((f->target == NULL || strcmp(f->target, "-") == 0) && isatty(STDOUT_FILENO))
		return cli_usage("the sealed content is binary and stdout is a terminal: give -o FILE");
	return open_spools(f);
}

/* The server relabels in vain: kind, issuer and session stand under the sender's signature. */
static int check_labels(struct fetch *f)
{
	const tg_head *h = &f->unseal.head;
	const tg_blob *b = &f->blob;
	const char *what = NULL;

	if (strcmp(h->kind, b->kind) != 0)
		what = "kind";
	else if (strcmp(h->issuer, b->issuer) != 0)
		what = "issuer";
	else if (strcmp(h->session, b->session) != 0)
		what = "session";
	if (what == NULL)
		return 0;
	snprintf(f->unseal.why, sizeof f->unseal.why, "the sealed head names another %s than the server did", what);
	return TG_EMISLABELLED;
}

static int check_new(struct fetch *f)
{
	int err = seen_check(f->seen_fd, f->unseal.head.ref, (int64_t)time(NULL));

	if (err == TG_EREPLAY)
		snprintf(f->unseal.why, sizeof f->unseal.why, "its sealed reference was received within the last day: a replay");
	else if (err != 0)
		snprintf(f->unseal.why, sizeof f->unseal.why, "cannot remember its reference: %s", strerror(errno));
	return err;
}

static int verify(struct fetch *f)
{
	int err = spool_rewind(f->sealed);

	if (err == 0)
		err = unseal_run(&f->unseal, spool_fd(f->sealed), f->good);
	if (err == 0 && f->unseal.has_head)
		err = check_labels(f);
	if (err == 0 && f->unseal.has_head)
		err = check_new(f);
	return err;
}

static int release(struct fetch *f)
{
	int err = f->claims ? claiming_digest(&f->claiming, f->sealed, f->unseal.why) : 0;

	if (err == 0)
		err = f->opening ? verify(f) : spool_copy(f->sealed, spool_write, f->good);
	if (err == 0)
		err = spool_commit(f->good);
	if (err != 0 && f->unseal.why[0] == '\0')
		snprintf(f->unseal.why, sizeof f->unseal.why, "cannot write: %s", strerror(errno));
	return err;
}

static int give_up(struct fetch *f, int err)
{
	const char *erased = "has erased it";
	int kept = spool_keep(f->sealed, f->kept, sizeof f->kept), saved = errno;

	if (f->claims) {
		(void)claiming_ack(&f->claiming, f->client, err);
		if (f->claiming.said == NULL)
			erased = "erases it when the lease ends";
		(void)claiming_receipt(&f->claiming);
	}
	if (kept == 0)
		return cli_fail(err, "not released: %s. The buffer %s; the sealed content is kept in %s", f->unseal.why, erased, f->kept);
	return cli_fail(err, "not released: %s. The buffer %s, and the sealed content could not be kept: %s", f->unseal.why, erased,
			strerror(saved));
}

static int say_fetched(const struct fetch *f)
{
	const tg_blob *b = &f->blob;
	json_t *o;

	if (!output_json()) {
		if (f->opening)
			head_note(&f->unseal);
		else
			cli_note("%s%s%s, %llu bytes, still sealed", b->kind, b->issuer[0] != '\0' ? " " : "", b->issuer,
				 (unsigned long long)b->size);
		return CLI_DONE;
	}
	o = json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:I, s:s, s:b}", "blob", b->blob, "kind", b->kind, "issuer",
		      b->issuer[0] != '\0' ? b->issuer : NULL, "session", b->session[0] != '\0' ? b->session : NULL, "stored_at",
		      b->stored_at[0] != '\0' ? b->stored_at : NULL, "size", (json_int_t)b->size, "file", f->target, "opened",
		      f->opening ? 1 : 0);
	if (o != NULL && f->opening && f->unseal.has_head)
		json_object_set_new(o, "head", head_json(&f->unseal.head));
	if (o != NULL && f->claiming.said != NULL)
		json_object_set(o, "receipt", f->claiming.said);
	return output_object(o);
}

/* After a take the buffer has no copy any more. */
static int obtain(struct cli *cli, struct fetch *f)
{
	const tg_take_opts take = { .struct_size = sizeof take, .max_size = f->max_size };
	int err = cli_connect(cli, false, &f->client);

	if (err != 0)
		return err;
	if (f->claims) {
		err = claiming_fetch(&f->claiming, f->client, f->id, f->sealed, &f->blob);
		progress_end(&cli->progress);
		return err;
	}
	errno = 0;
	err = tg_client_take(f->client, f->id, &take, spool_write, f->sealed, &f->blob);
	progress_end(&cli->progress);
	if (err == TG_EIO)
		return cli_fail(err, "the blob is lost: cannot write it: %s", strerror(errno));
	return err != 0 ? cli_fail_client(f->client, err) : 0;
}

/* All is safe where the user wants it: now the buffer may erase its copy. */
static int conclude(struct fetch *f)
{
	int err = f->claims ? claiming_ack(&f->claiming, f->client, 0) : 0;

	if (err != 0) {
		cli_note("the content is whole, checked and written, but the buffer could not be told so:");
		return cli_fail_client(f->client, err);
	}
	err = claiming_receipt(&f->claiming);
	return err == 0 ? say_fetched(f) : err;
}

static int fetch(struct cli *cli, bool claims)
{
	struct fetch f = { .seen_fd = -1, .claims = claims, .blob.struct_size = sizeof f.blob };
	int err = prepare(cli, &f);

	if (err == 0)
		err = obtain(cli, &f);
	if (err == 0) {
		err = release(&f);
		err = err == 0 ? conclude(&f) : give_up(&f, err);
	}
	if (f.client != NULL)
		cli_disconnect(cli, f.client);
	claiming_free(&f.claiming);
	unseal_free(&f.unseal);
	spool_free(f.sealed);
	spool_free(f.good);
	if (f.seen_fd >= 0)
		close(f.seen_fd);
	return err;
}

int cmd_take(struct cli *cli)
{
	return fetch(cli, false);
}

int cmd_get(struct cli *cli)
{
	return fetch(cli, true);
}
