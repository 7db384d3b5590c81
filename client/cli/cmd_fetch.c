/*
 * cmd_fetch.c: timeglas take and get: a blob from the buffer to a file or a pipe. The library
 * fetches, checks, releases and acknowledges; this file chooses where things go and tells the
 * result. take fetches at most once. get claims the blob first, so that a broken download can go
 * on, and acknowledges when all is safe. Runs in the timeglas command. docs/envelope.md,
 * docs/openapi.yaml, timeglas(1).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "cli/cmd.h"
#include "cli/keeping.h"
#include "cli/output.h"
#include "cli/opening.h"
#include "cli/values.h"
#include "lib/spool.h"
#include "core/fd.h"

#define PATH_CHARS 4096
#define TAKEN_TRIES 50

struct fetch {
	const char *id, *target;
	bool stream;  /* the target is a pipe or device, or stdout, which gets bytes and no name */
	bool opening; /* false: the user wants the sealed content itself */
	struct opening demands;
	tg_fetch_opts opts;
	char keep[PATH_CHARS];
	const char *receipt_path;
	struct tg_spool *receipt; /* NULL: not wanted */
	struct keeping *proof;    /* NULL: not wanted */
	int out;                  /* descriptor of a stream; -1 before it is open */
	tg_client *client;
	tg_fetched got;
};

static int cannot_write(const char *path)
{
	return output_fail(
		TG_EIO, "nothing was fetched: cannot write %s: %s", path, strerror(errno));
}

/* Checks that a file can be made at path. */
static int probe(const char *path)
{
	struct tg_spool *s;
	int err = tg_spool_new(path, &s);

	if (err == 0)
		tg_spool_free(s);
	return err;
}

/* The copy goes beside the target. For a stream it goes into the working directory, or where
 * temporary files go. */
static int choose_keep(struct fetch *f)
{
	const char *tmp = getenv("TMPDIR");

	if (!f->stream) {
		if (snprintf(f->keep, sizeof f->keep, "%s.age", f->target) >= (int)sizeof f->keep)
			return output_usage("the name of the output file is too long");
		return probe(f->keep) == 0 ? 0 : cannot_write(f->keep);
	}
	snprintf(f->keep, sizeof f->keep, "%s.age", f->id);
	if (probe(f->keep) == 0)
		return 0;
	snprintf(f->keep, sizeof f->keep, "%s/%s.age", tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp",
		f->id);
	return probe(f->keep) == 0 ? 0 : cannot_write(f->keep);
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* Looks at the folder of a path. Returns 0, or -1 (errno). */
static int stat_folder(const char *path, struct stat *st)
{
	char folder[PATH_CHARS];
	int n = (int)(last_part(path) - path);

	if (n >= (int)sizeof folder) {
		errno = ENAMETOOLONG;
		return -1;
	}
	snprintf(folder, sizeof folder, "%.*s", n > 0 ? n : 1, n > 0 ? path : ".");
	return stat(folder, st);
}

static bool same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Do both paths name one file, whether it exists already or not? */
static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	if (stat(a, &x) == 0 && stat(b, &y) == 0 && same_inode(&x, &y))
		return true;
	return strcmp(last_part(a), last_part(b)) == 0 && stat_folder(a, &x) == 0 &&
		stat_folder(b, &y) == 0 && same_inode(&x, &y);
}

/* Can this path become the kept copy's, which is f->keep, or f->keep with .1, .2, …? */
static bool may_be_kept(const struct fetch *f, const char *path)
{
	char base[PATH_CHARS];
	size_t n = strlen(path);

	if (f->keep[0] == '\0' || n >= sizeof base)
		return false;
	memcpy(base, path, n + 1);
	while (n > 0 && base[n - 1] >= '0' && base[n - 1] <= '9')
		n--;
	if (n > 0 && base[n - 1] == '.' && path[n] != '\0')
		base[n - 1] = '\0';
	return same_file(path, f->keep) || same_file(base, f->keep);
}

static int choose_receipt(const struct cmdline *o, struct fetch *f)
{
	f->receipt_path = cmdline_text(o, OPT_RECEIPT);
	if (f->receipt_path == NULL)
		return 0;
	if (strcmp(f->receipt_path, "-") == 0)
		return output_usage(
			"--receipt takes a file; with --json the object has the receipt, too");
	if (!f->stream && same_file(f->receipt_path, f->target))
		return output_usage("--receipt and --output name one file: the receipt would "
				    "replace the evidence");
	if (may_be_kept(f, f->receipt_path))
		return output_usage("--receipt names the file that keeps the sealed copy when a "
				    "check fails: give the receipt another name");
	return tg_spool_new(f->receipt_path, &f->receipt) == 0 ? 0 : cannot_write(f->receipt_path);
}

/* A proof that replaced the evidence, its sealed copy or the receipt would help nobody. */
static int choose_proof(const struct cmdline *o, struct fetch *f)
{
	const char *path = cmdline_text(o, OPT_PROOF);

	if (path != NULL &&
		((!f->stream && same_file(path, f->target)) || may_be_kept(f, path) ||
			(f->receipt_path != NULL && same_file(path, f->receipt_path))))
		return output_usage("--proof names another file of this command: give the proof a "
				    "name of its own");
	return keeping_new(o, KEEPING_FILE, false, &f->proof);
}

static int choose_opening(const struct cmdline *o, struct fetch *f)
{
	if (f->opening)
		return opening_prepare(o, TG_MAX_AGE_MS / 1000, &f->demands);
	for (int id = 0; id < OPT_N; id++)
		if (cmdline_given(o, id) &&
			(id == OPT_SENDER || id == OPT_RAW || id == OPT_KIND || id == OPT_ISSUER ||
				id == OPT_SESSION || id == OPT_SUBJECT || id == OPT_MAX_AGE))
			return output_usage(
				"--%s is for opening: give --identity, and not --sealed",
				cmdline_row(id)->name);
	if (!cmdline_flag(o, OPT_SEALED))
		return output_usage(
			"--identity is missing: give the file, or set TIMEGLAS_IDENTITY; "
			"or say --sealed for the sealed content itself, unchecked");
	return cmdline_given(o, OPT_IDENTITY) ?
		output_usage("--sealed and --identity exclude each other") :
		0;
}

static int open_stream(struct fetch *f)
{
	if (!f->stream)
		return 0;
	fflush(stdout);
	f->out = f->target == NULL || strcmp(f->target, "-") == 0 ?
		STDOUT_FILENO :
		open(f->target, O_WRONLY | O_CLOEXEC);
	return f->out >= 0 ? 0 : cannot_write(f->target);
}

/* Here and in the library, everything that can fail on this machine fails before the buffer gives
 * its only copy away. */
static int prepare(struct cli *cli, struct fetch *f, bool take)
{
	const struct cmdline *o = &cli->opt;
	uint64_t lease_s = 0, max_size = 0;
	int err;

	f->id = cli->operand;
	f->target = cmdline_text(o, OPT_OUTPUT);
	f->stream = tg_spool_is_stream(f->target);
	f->opening = cmdline_text(o, OPT_IDENTITY) != NULL && !cmdline_flag(o, OPT_SEALED);
	if (tg_id_name(f->id, NULL) != 0)
		return output_usage(
			"that is not a blob's id: give the 24 characters that put printed");
	err = values_duration(o, OPT_LEASE, TG_LEASE_MAX_S, &lease_s);
	if (err == 0)
		err = values_size(o, OPT_MAX_SIZE, &max_size);
	if (err == 0)
		err = output_check_target(f->target, !f->opening);
	if (err == 0)
		err = choose_opening(o, f);
	if (err == 0 && !cmdline_flag(o, OPT_NO_KEEP))
		err = choose_keep(f);
	if (err == 0)
		err = choose_receipt(o, f);
	if (err == 0)
		err = choose_proof(o, f);
	if (err == 0)
		err = open_stream(f);
	f->opts = (tg_fetch_opts){.struct_size = sizeof f->opts,
		.expect = f->opening ? &f->demands.expect : NULL,
		.take = take,
		.lease_s = (uint32_t)lease_s,
		.max_size = max_size,
		.keep = f->keep[0] != '\0' ? f->keep : NULL,
		.sealed = !f->opening};
	return err;
}

static int write_stream(void *fetch, const void *p, size_t n)
{
	const struct fetch *f = fetch;

	return tg_write_all(f->out, p, n);
}

/* The receipt is the client's last answer, that to the acknowledgement. */
static int write_receipt(struct fetch *f)
{
	const char *text = tg_client_json(f->client);
	int err;

	if (f->receipt == NULL || !f->got.acked)
		return 0;
	err = tg_spool_write(f->receipt, text, strlen(text));
	if (err == 0)
		err = tg_spool_write(f->receipt, "\n", 1);
	if (err == 0)
		err = tg_spool_commit(f->receipt);
	return err == 0 ? 0 :
			  output_fail(TG_EIO,
				  "the blob is fetched and erased, but its receipt could not be "
				  "written to %s: %s",
				  f->receipt_path, strerror(errno));
}

static int say_fetched(const struct fetch *f)
{
	const tg_blob *b = f->got.blob;
	json_t *o;

	if (!output_is_json()) {
		if (f->opening)
			opening_head_note(f->got.head);
		else
			output_note("%s%s%s, %llu bytes, still sealed", b->kind,
				b->issuer[0] != '\0' ? " " : "", b->issuer,
				(unsigned long long)b->size);
		return EXIT_DONE;
	}
	o = json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:I, s:s, s:b}", "blob", f->id, "kind", b->kind,
		"issuer", output_none_if_empty(b->issuer), "session",
		output_none_if_empty(b->session), "stored_at", output_none_if_empty(b->stored_at),
		"size", (json_int_t)b->size, "file", f->target, "opened", f->opening ? 1 : 0);
	if (o != NULL && f->got.head != NULL)
		json_object_set_new(o, "head", opening_head_json(f->got.head));
	if (o != NULL && f->got.acked)
		json_object_set_new(o, "receipt", json_loads(tg_client_json(f->client), 0, NULL));
	return output_object(o);
}

/* What ended a take no answer has said: the buffer is asked, once it knows. */
static int stat_taken(struct fetch *f, tg_blob *blob)
{
	const struct timespec pause = {0, 100 * 1000000L};
	int err = 0;

	for (int tries = 0; tries < TAKEN_TRIES; tries++) {
		err = tg_client_stat(f->client, f->id, blob);
		if (err != 0 || strcmp(blob->state, "gone") == 0)
			break;
		nanosleep(&pause, NULL);
	}
	return err;
}

/* The end of what was acknowledged, whatever the outcome, or taken. */
static int keep_proof(struct fetch *f)
{
	tg_blob blob = {.struct_size = sizeof blob};
	tg_receipt receipt = {.struct_size = sizeof receipt};
	const tg_proof_opts of = {.struct_size = sizeof of, .receipt = &receipt};
	int err;

	if (f->proof == NULL)
		return 0;
	if (f->opts.take) {
		err = stat_taken(f, &blob);
		if (err != 0)
			return output_fail_after(
				f->client, err, "the blob is fetched, and gone; there is no proof");
		receipt = keeping_receipt(&blob);
	} else {
		receipt = *f->got.receipt;
	}
	return keeping_keep(f->proof, f->client, &of, "the blob is fetched and erased", NULL);
}

static int conclude(struct fetch *f, int err)
{
	int receipt;

	if (err != 0 && f->got.released) {
		output_note(
			"the content is whole, checked and written, but the buffer could not be "
			"told so:");
		return output_fail_client(f->client, err);
	}
	receipt = write_receipt(f);
	if (err != 0)
		return output_fail_client(f->client, err);
	return receipt == 0 ? say_fetched(f) : receipt;
}

static int fetch_to_target(struct cli *cli, struct fetch *f)
{
	int kept, err = cli_connect(cli, false, &f->client);
	bool ended;

	if (err != 0)
		return err;
	f->got.struct_size = sizeof f->got;
	if (f->stream)
		err = tg_fetch(f->client, f->id, &f->opts, write_stream, f, &f->got);
	else
		err = tg_fetch_file(f->client, f->id, &f->opts, f->target, &f->got);
	progress_end(&cli->progress);
	ended = err == 0 || f->got.acked;
	err = conclude(f, err);
	kept = ended ? keep_proof(f) : 0;
	err = err != 0 ? err : kept;
	cli_disconnect(cli, f->client);
	return err;
}

static int run_fetch(struct cli *cli, bool take)
{
	struct fetch f = {.out = -1};
	int err = prepare(cli, &f, take);

	if (err == 0)
		err = fetch_to_target(cli, &f);
	if (f.out > STDERR_FILENO && close(f.out) != 0 && err == 0)
		err = output_fail(TG_EIO, "cannot write %s: %s", f.target, strerror(errno));
	opening_free(&f.demands);
	tg_spool_free(f.receipt);
	keeping_free(f.proof);
	return err;
}

int cmd_take(struct cli *cli)
{
	return run_fetch(cli, true);
}

int cmd_get(struct cli *cli)
{
	return run_fetch(cli, false);
}
