/*
 * unseal.c: opening a sealed file into a spool. It reads descriptors and never talks to the buffer; the caller decides what becomes of
 * the spool. Runs in the timeglas command. docs/envelope.md.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/output.h"
#include "cli/unseal.h"
#include "core/num.h"

#define READ_BYTES 262144 /* of several sealed chunks at once, the opener copies the first and the last alone */

int unseal_prepare(const struct options *o, struct unseal *u)
{
	int err;

	memset(u, 0, sizeof *u);
	u->raw = options_flag(o, OPT_RAW);
	if (u->raw && options_given(o, OPT_SENDER))
		return cli_usage("--raw and --sender exclude each other: a raw file names no sender");
	err = material_identities(o, &u->keys);
	if (err == 0 && !u->raw)
		err = material_sender(o, &u->keys);
	if (err == 0 && u->keys.n_identities == 0)
		err = cli_usage("--identity is missing; give the file, or set TIMEGLAS_IDENTITY");
	if (err == 0 && !u->raw && u->keys.senders == NULL)
		err = cli_usage("--sender is missing: whose signature is to be trusted? (or --raw for plain age files)");
	return err;
}

static int feed(struct unseal *u, tg_opener *opener, int fd, unsigned char *buf)
{
	int err = 0;

	while (err == 0) {
		ssize_t n = read(fd, buf, READ_BYTES);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			snprintf(u->why, sizeof u->why, "cannot read: %s", strerror(errno));
			return TG_EIO;
		}
		if (n == 0)
			return tg_open_finish(opener);
		err = tg_open_push(opener, buf, (size_t)n);
	}
	return err;
}

int unseal_run(struct unseal *u, int fd, struct spool *out)
{
	const tg_expect e = { .struct_size = sizeof e, .identity = u->keys.identity, .n_identities = u->keys.n_identities, .raw = u->raw,
			      .senders = u->keys.senders };
	const tg_open_opts o = { .struct_size = sizeof o, .expect = &e, .write = spool_write, .ctx = out };
	unsigned char *buf = malloc(READ_BYTES);
	tg_opener *opener = NULL;
	int err = buf != NULL ? tg_open_new(&o, &opener) : TG_ENOMEM, saved;

	if (err != 0) {
		snprintf(u->why, sizeof u->why, "%s", tg_strerror(err));
		free(buf);
		return err;
	}
	errno = 0;
	err = feed(u, opener, fd, buf);
	saved = errno;
	free(buf);
	if (err == TG_EIO && u->why[0] == '\0') {
		snprintf(u->why, sizeof u->why, "cannot write: %s", strerror(saved));
	} else if (err != 0 && u->why[0] == '\0') {
		const char *why = tg_open_why(opener);

		snprintf(u->why, sizeof u->why, "%s", why != NULL && why[0] != '\0' ? why : tg_strerror(err));
	}
	if (err == 0 && !u->raw) {
		u->head = *tg_open_head(opener);
		u->has_head = true;
	}
	tg_open_free(opener);
	return err;
}

void unseal_free(struct unseal *u)
{
	material_free(&u->keys);
}

json_t *head_json(const tg_head *h)
{
	char time_text[TG_TIME_LEN + 1], ref[2 * TG_REF_BYTES + 1];

	return json_pack("{s:s, s:s*, s:s*, s:s*, s:s, s:s}", "kind", h->kind, "issuer", h->issuer[0] != '\0' ? h->issuer : NULL,
			 "session", h->session[0] != '\0' ? h->session : NULL, "content_type",
			 h->content_type[0] != '\0' ? h->content_type : NULL, "time", tg_time_format(h->time_ms, time_text), "ref",
			 tg_hex_encode(h->ref, TG_REF_BYTES, ref));
}

void head_note(const struct unseal *u)
{
	const tg_head *h = &u->head;
	char time_text[TG_TIME_LEN + 1];

	if (!u->has_head)
		return;
	cli_note("%s%s%s%s%s, sealed %s%s%s; the sender's signature is good", h->kind, h->issuer[0] != '\0' ? " " : "", h->issuer,
		 h->session[0] != '\0' ? ", session " : "", h->session, tg_time_format(h->time_ms, time_text),
		 h->content_type[0] != '\0' ? ", " : "", h->content_type);
}
