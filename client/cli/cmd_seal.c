/*
 * cmd_seal.c: timeglas seal and open: files on this machine, no network. Opened content is released
 * when all of it has been checked; sealed content goes out as it comes. Plaintext lies in no file
 * but the one that the user asks for. Runs in the timeglas command. docs/envelope.md, timeglas(1).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/cmd.h"
#include "cli/material.h"
#include "cli/output.h"
#include "cli/opening.h"
#include "lib/source.h"
#include "lib/spool.h"
#include "core/fd.h"

static int choose_seal(const struct cli *cli, struct material *m, struct labels *l, tg_seal_opts *o)
{
	const struct cmdline *opt = &cli->opt;
	bool raw = cmdline_flag(opt, OPT_RAW);
	int err;

	if (raw && cmdline_given(opt, OPT_SIGN))
		return output_usage("--raw and --sign exclude each other");
	if (raw &&
		(opt->given &
			(OPT_BIT(OPT_KIND) | OPT_BIT(OPT_ISSUER) | OPT_BIT(OPT_SESSION) |
				OPT_BIT(OPT_SUBJECT) | OPT_BIT(OPT_CONTENT_TYPE))) != 0)
		return output_usage("a --raw file has no head, so --kind, --issuer, --session, "
				    "--subject and --content-type have no place in it");
	err = material_recipients(opt, m);
	if (err == 0 && m->n_recipients == 0)
		err = output_usage(
			"--recipient is missing; give an age1... key, or set TIMEGLAS_RECIPIENT");
	if (err == 0 && !raw)
		err = material_signer(opt, m);
	if (err == 0 && !raw && m->signer == NULL)
		err = output_usage("say how to seal: --sign KEY (or set TIMEGLAS_SIGNING_KEY), or "
				   "--raw for a plain age file");
	if (err == 0 && !raw)
		err = values_labels(opt, 1, l);
	*o = (tg_seal_opts){.struct_size = sizeof *o,
		.recipient = material_to(m),
		.n_recipients = m->n_recipients,
		.signer = raw ? NULL : m->signer,
		.kind = l->kind,
		.issuer = l->issuer,
		.session = l->session,
		.subject = l->subject,
		.content_type = l->content_type};
	return err;
}

static int cannot_write(const char *what)
{
	return output_fail(TG_EIO, "cannot write %s: %s", what, strerror(errno));
}

static int cannot_read(const char *path)
{
	return output_fail(TG_EIO, "cannot read %s: %s", strcmp(path, "-") == 0 ? "stdin" : path,
		strerror(errno));
}

static int open_source(const struct cli *cli, struct tg_source **in)
{
	const char *path = cli->operand != NULL ? cli->operand : "-";

	return tg_source_open(path, in) == 0 ? 0 : cannot_read(path);
}

/* Opens the target of sealed content, which needs no check. A pipe or device gets each byte as it
 * comes; a regular file appears complete, or not at all. */
static int open_target(const char *target, struct tg_spool **out, int *stream)
{
	*stream = -1;
	if (!tg_spool_is_stream(target))
		return tg_spool_new(target, out) == 0 ? 0 : cannot_write(target);
	*stream = output_is_stdout(target) ? STDOUT_FILENO : open(target, O_WRONLY | O_CLOEXEC);
	if (*stream < 0)
		return cannot_write(target);
	return tg_spool_through(*stream, out) == 0 ?
		0 :
		cannot_write(output_is_stdout(target) ? "to stdout" : target);
}

static int close_target(struct tg_spool *out, int stream)
{
	int err = stream > STDERR_FILENO && close(stream) != 0 ? TG_EIO : 0;

	tg_spool_free(out);
	return err;
}

static int cannot_seal(int err)
{
	/* nothing has been read yet, so it was the header that could not be written */
	if (err == TG_EIO)
		return cannot_write("the sealed file");
	return output_fail(err, "cannot seal: %s",
		err == TG_EMEDIA ? "--content-type is not a media type" : tg_strerror(err));
}

static int pump(struct tg_source *in, struct tg_spool *out)
{
	int err = tg_source_push(in);

	if (err == TG_EIO && tg_source_why(in) == NULL)
		return cannot_write("the sealed file");
	if (err != 0)
		return output_fail(err, "cannot seal: %s",
			tg_source_why(in) != NULL ? tg_source_why(in) : tg_strerror(err));
	return tg_spool_commit(out) == 0 ? EXIT_DONE : cannot_write("the sealed file");
}

static int say_sealed(const char *target, uint64_t size, const char *name)
{
	if (output_is_json())
		return output_object(json_pack("{s:s, s:I, s:s*}", "file", target, "size",
			(json_int_t)size, "name", name[0] != '\0' ? name : NULL));
	if (name[0] != '\0')
		output_note("sealed; to store it: timeglas put --sealed --name %s", name);
	return EXIT_DONE;
}

/* Sealed content may go out as it comes, since nobody can open a part of it and take that for the
 * whole. */
int cmd_seal(struct cli *cli)
{
	const char *target = cmdline_text(&cli->opt, OPT_OUTPUT);
	char name[TG_NAME_CHARS + 1] = "";
	struct material m = {0};
	struct labels l = {0};
	struct tg_source *in = NULL;
	struct tg_spool *out = NULL;
	tg_seal_opts o = {0};
	int err = output_check_target(target, true), stream = -1, sealed;

	if (err == 0)
		err = choose_seal(cli, &m, &l, &o);
	if (err == 0)
		err = open_source(cli, &in);
	if (err == 0)
		err = open_target(target, &out, &stream);
	o.write = tg_spool_write;
	o.ctx = out;
	if (err == 0 && (sealed = tg_source_seal(in, &o, name)) != 0)
		err = cannot_seal(sealed);
	if (err == 0)
		err = pump(in, out);
	if (err == 0)
		err = say_sealed(target, tg_spool_size(out), name);
	if (close_target(out, stream) != 0 && err == 0)
		err = cannot_write("the sealed file");
	tg_source_free(in);
	material_free(&m);
	return err;
}

/* Opening ------------------------------------------------------------------ */

/* Several sealed chunks at a time: the opener copies only the first and the last of them. */
#define READ_BYTES 262144

struct opened_file {
	struct opening demands;
	struct tg_source *in;
	tg_head head;
	bool has_head;
	uint64_t size; /* bytes that were released */
	int write_errno;
	char why[512];
};

static int feed(struct opened_file *p, tg_opener *opener, unsigned char *buf)
{
	int err = 0;

	while (err == 0) {
		ssize_t n = read(tg_source_fd(p->in), buf, READ_BYTES);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			snprintf(p->why, sizeof p->why, "cannot read: %s", strerror(errno));
			return TG_EIO;
		}
		if (n == 0)
			return tg_open_finish(opener);
		err = tg_open_push(opener, buf, (size_t)n);
	}
	return err;
}

static int fail_opening(struct opened_file *p, int err, const char *why)
{
	if (p->why[0] == '\0' && err == TG_EIO && p->write_errno != 0)
		snprintf(p->why, sizeof p->why, "cannot write: %s", strerror(p->write_errno));
	return output_fail(err, "not opened: %s",
		p->why[0] != '\0'      ? p->why :
			why[0] != '\0' ? why :
					 tg_strerror(err));
}

/* Opens into the nameless file that becomes the target when all of it has been checked. */
static int open_to_file(struct opened_file *p, const char *target)
{
	tg_open_opts o = {
		.struct_size = sizeof o, .expect = &p->demands.expect, .write = tg_spool_write};
	unsigned char *buf = malloc(READ_BYTES);
	struct tg_spool *out = NULL;
	tg_opener *opener = NULL;
	const tg_head *head;
	int err;

	if (buf == NULL)
		return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	if (tg_spool_new(target, &out) != 0) {
		free(buf);
		return cannot_write(target);
	}
	o.ctx = out;
	err = tg_open_new(&o, &opener);
	if (err == 0) {
		errno = 0;
		err = feed(p, opener, buf);
		p->write_errno = errno;
	}
	if (err != 0) {
		err = fail_opening(p, err, opener != NULL ? tg_open_why(opener) : "");
	} else if (tg_spool_commit(out) != 0) {
		err = cannot_write("the opened content");
	} else {
		p->size = tg_spool_size(out);
		head = tg_open_head(opener);
		p->has_head = head != NULL;
		if (head != NULL)
			p->head = *head;
	}
	tg_open_free(opener);
	tg_spool_free(out);
	free(buf);
	return err;
}

struct stream {
	int fd;
	struct opened_file *p;
};

static int write_stream(void *ctx, const void *data, size_t n)
{
	struct stream *s = ctx;

	if (tg_write_all(s->fd, data, n) != 0) {
		s->p->write_errno = errno;
		return TG_EIO;
	}
	s->p->size += n;
	return 0;
}

/* A pipe can be read only once, so its content is kept for the second pass, in a nameless file. It
 * is sealed. */
static int spool_input(struct opened_file *p, struct tg_spool **kept)
{
	unsigned char *buf = malloc(READ_BYTES);
	int err = buf != NULL ? tg_spool_new(NULL, kept) : TG_ENOMEM;

	while (err == 0) {
		ssize_t n = read(tg_source_fd(p->in), buf, READ_BYTES);

		if (n < 0 && errno != EINTR)
			err = TG_EIO;
		else if (n > 0)
			err = tg_spool_write(*kept, buf, (size_t)n);
		else if (n == 0)
			break;
	}
	if (err == 0)
		err = tg_spool_rewind(*kept);
	free(buf);
	return err == 0 ? 0 :
			  output_fail(err, "cannot keep the sealed input in a temporary file: %s",
				  err == TG_EIO ? strerror(errno) : tg_strerror(err));
}

/* Checks all of the file before the first byte goes out. */
static int open_to_stream(struct opened_file *p, const char *target)
{
	struct stream s = {
		.fd = output_is_stdout(target) ? STDOUT_FILENO : open(target, O_WRONLY | O_CLOEXEC),
		.p = p};
	const tg_open_opts o = {.struct_size = sizeof o,
		.expect = &p->demands.expect,
		.write = write_stream,
		.ctx = &s};
	struct tg_spool *kept = NULL;
	char why[512] = "";
	int err = 0, fd = tg_source_fd(p->in);

	if (s.fd < 0)
		return cannot_write(target);
	if (!tg_source_can_rewind(p->in)) {
		err = spool_input(p, &kept);
		fd = kept != NULL ? tg_spool_fd(kept) : -1;
	}
	if (err == 0) {
		p->head.struct_size = sizeof p->head;
		err = tg_open_fd(&o, fd, &p->head, why, sizeof why);
		p->has_head = err == 0 && !p->demands.expect.raw;
		if (err != 0)
			err = fail_opening(p, err, why);
	}
	if (s.fd > STDERR_FILENO && close(s.fd) != 0 && err == 0)
		err = cannot_write("the opened content");
	tg_spool_free(kept);
	return err;
}

static int say_opened(const struct opened_file *p, const char *target)
{
	json_t *o;

	if (!output_is_json()) {
		opening_head_note(p->has_head ? &p->head : NULL);
		return EXIT_DONE;
	}
	o = json_pack("{s:s, s:I}", "file", target, "size", (json_int_t)p->size);
	if (o != NULL && p->has_head)
		json_object_set_new(o, "head", opening_head_json(&p->head));
	return output_object(o);
}

/* No reference is remembered and --max-age may say anything, since users may open their own files
 * twice, and old ones, too. */
int cmd_open(struct cli *cli)
{
	const char *target = cmdline_text(&cli->opt, OPT_OUTPUT);
	struct opened_file p = {.size = 0};
	int err = output_check_target(cmdline_text(&cli->opt, OPT_OUTPUT), false);

	if (err == 0)
		err = opening_prepare(&cli->opt, INT64_MAX / 1000, &p.demands);
	if (err == 0 && p.demands.expect.blob != NULL &&
		tg_id_name(p.demands.expect.blob, NULL) != 0)
		err = output_usage("--id takes a blob's id: the 24 characters that put printed");
	if (err == 0)
		err = open_source(cli, &p.in);
	if (err == 0)
		err = tg_spool_is_stream(target) ? open_to_stream(&p, target) :
						   open_to_file(&p, target);
	if (err == 0)
		err = say_opened(&p, target);
	tg_source_free(p.in);
	opening_free(&p.demands);
	return err;
}
