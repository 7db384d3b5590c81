/*
 * source.c: the content of an upload. Sealing is a push and sending is a pull, so a small buffer of sealed bytes stands between
 * them. Plaintext passes through one wiped buffer and never touches a disk. Runs in the timeglas command.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/digest.h"
#include "cli/output.h"
#include "cli/source.h"
#include "cli/spool.h"

#define READ_BYTES 65536
#define PLAIN_BYTES (4 * READ_BYTES) /* of whole chunks at once, the sealer copies the last alone */

struct source {
	int fd;
	bool regular, ended;
	uint64_t left;           /* of a regular file: bytes that it had when it was opened and that are still to come */
	uint64_t size;           /* UINT64_MAX: unknown */
	uint64_t length;         /* of the file itself, from start on */
	off_t start;             /* where reading began */
	const char *path, *why;
	tg_sealer *sealer;
	tg_seal_opts seal;
	struct spool *spool;     /* stdin, kept for its digest */
	unsigned char *plain;    /* PLAIN_BYTES */
	unsigned char *ready;    /* sealed bytes on their way */
	size_t ready_len, ready_at, ready_cap;
};

static int measure(struct source *s)
{
	struct stat st;
	off_t at;

	if (fstat(s->fd, &st) != 0)
		return TG_EIO;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return TG_EIO;
	}
	s->regular = S_ISREG(st.st_mode);
	s->size = UINT64_MAX;
	if (!s->regular)
		return 0;
	at = lseek(s->fd, 0, SEEK_CUR); /* a shell may hand us a file that is partly read */
	s->left = at >= 0 && st.st_size > at ? (uint64_t)(st.st_size - at) : 0;
	s->size = s->length = s->left;
	s->start = at;
	return 0;
}

int source_open(const char *path, struct source **out)
{
	struct source *s = calloc(1, sizeof *s);
	int err;

	*out = s;
	if (s == NULL)
		return cli_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	s->path = strcmp(path, "-") == 0 ? "stdin" : path;
	s->fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	err = s->fd < 0 ? TG_EIO : measure(s);
	if (err == 0)
		return 0;
	err = cli_fail(err, "cannot read %s: %s", s->path, strerror(errno));
	source_free(s);
	*out = NULL;
	return err;
}

int source_fd(const struct source *s)
{
	return s->fd;
}

static int on_sealed(void *ctx, const void *p, size_t n)
{
	struct source *s = ctx;

	if (s->ready_at == s->ready_len)
		s->ready_at = s->ready_len = 0;
	if (n > s->ready_cap - s->ready_len) {
		size_t cap = s->ready_len + n + READ_BYTES;
		unsigned char *grown = realloc(s->ready, cap);

		if (grown == NULL)
			return TG_ENOMEM;
		s->ready = grown;
		s->ready_cap = cap;
	}
	memcpy(s->ready + s->ready_len, p, n);
	s->ready_len += n;
	return 0;
}

int source_seal(struct source *s, const tg_seal_opts *opts)
{
	tg_seal_opts o = *opts;
	int err;

	if (o.write == NULL) {
		o.write = on_sealed;
		o.ctx = s;
	}
	s->seal = o;
	if (s->regular)
		s->size = tg_seal_size(&o, s->left);
	s->plain = sodium_malloc(PLAIN_BYTES);
	err = s->plain != NULL ? tg_seal_new(&o, &s->sealer) : TG_ENOMEM;
	if (err == TG_ESESSION)
		return cli_fail(err, "cannot seal: --session holds what no session's id does");
	if (err == TG_EMEDIA)
		return cli_fail(err, "cannot seal: --content-type is not a media type");
	if (err == TG_EIO) /* nothing is read yet: the header could not be written */
		return cli_fail(err, "cannot write the sealed file: %s", strerror(errno));
	return err == 0 ? 0 : cli_fail(err, "cannot seal: %s", tg_strerror(err));
}

static long fail_read(struct source *s, const char *why)
{
	s->why = why;
	return TG_EIO;
}

/* The next bytes of the file itself. A file that grows or shrinks meanwhile would not be what its declared length says. */
static long read_file(void *ctx, void *p, size_t cap)
{
	struct source *s = ctx;
	unsigned char probe;
	ssize_t n;

	if (s->regular && s->left == 0) {
		do
			n = read(s->fd, &probe, 1);
		while (n < 0 && errno == EINTR);
		return n == 0 ? 0 : fail_read(s, "the file grew while it was being read");
	}
	if (s->regular && cap > s->left)
		cap = (size_t)s->left;
	do
		n = read(s->fd, p, cap);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail_read(s, strerror(errno));
	if (n == 0 && s->regular)
		return fail_read(s, "the file shrank while it was being read");
	s->left -= s->regular ? (uint64_t)n : 0;
	return n;
}

static int seal_more(struct source *s)
{
	long n = read_file(s, s->plain, PLAIN_BYTES);

	if (n < 0)
		return (int)n;
	if (n > 0)
		return tg_seal_push(s->sealer, s->plain, (size_t)n);
	s->ended = true;
	return tg_seal_finish(s->sealer);
}

/* Or would reading wait? */
static bool more_at_hand(const struct source *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

static size_t take_ready(struct source *s, unsigned char *p, size_t cap)
{
	size_t n = s->ready_len - s->ready_at;

	if (n > cap)
		n = cap;
	if (n > 0)
		memcpy(p, s->ready + s->ready_at, n);
	s->ready_at += n;
	return n;
}

/* Fills p, as every answer becomes a write and a TLS record of its own, but keeps nothing back from the reader for the sake of a slow pipe. */
long source_read(void *ctx, void *p, size_t cap)
{
	struct source *s = ctx;
	size_t n = 0;
	int err;

	if (s->sealer == NULL)
		return read_file(s, p, cap);
	for (;;) {
		n += take_ready(s, (unsigned char *)p + n, cap - n);
		if (n == cap || s->ended || (n > 0 && !more_at_hand(s)))
			return (long)n;
		err = seal_more(s);
		if (err != 0)
			return err;
	}
}

int source_push(struct source *s)
{
	int err = 0;

	while (err == 0 && !s->ended)
		err = seal_more(s);
	return err;
}

/* A pipe can be read once; for its digest it has to be kept. What is kept is sealed already. */
static int keep_stream(struct source *s)
{
	unsigned char *buf = malloc(READ_BYTES);
	int err = buf != NULL ? spool_new(NULL, &s->spool) : TG_ENOMEM;
	long n = 0;

	while (err == 0 && (n = read_file(s, buf, READ_BYTES)) > 0)
		err = spool_write(s->spool, buf, (size_t)n);
	if (err == 0 && n < 0)
		err = (int)n;
	if (err == 0)
		err = spool_rewind(s->spool);
	free(buf);
	if (err != 0)
		return err;
	if (s->fd != STDIN_FILENO)
		close(s->fd);
	s->fd = spool_fd(s->spool);
	return measure(s);
}

int source_digest(struct source *s, uint8_t sha256[32])
{
	int err = s->regular ? 0 : keep_stream(s);
	off_t start = 0;

	if (err == 0 && (start = lseek(s->fd, 0, SEEK_CUR)) < 0)
		err = TG_EIO;
	if (err == 0)
		err = digest(read_file, s, sha256);
	if (err == 0 && lseek(s->fd, start, SEEK_SET) != start)
		err = TG_EIO;
	s->left = s->size;
	return err == 0 ? 0 : cli_fail(err, "cannot read %s: %s", s->path, s->why != NULL ? s->why : strerror(errno));
}

bool source_can_rewind(const struct source *s)
{
	return s->regular && s->start >= 0;
}

int source_rewind(void *ctx)
{
	struct source *s = ctx;

	if (lseek(s->fd, s->start, SEEK_SET) != s->start)
		return (int)fail_read(s, strerror(errno));
	s->left = s->length;
	if (s->sealer == NULL)
		return 0;
	tg_seal_free(s->sealer);
	s->sealer = NULL;
	s->ready_at = s->ready_len = 0;
	s->ended = false;
	return tg_seal_new(&s->seal, &s->sealer);
}

uint64_t source_size(const struct source *s)
{
	return s->size;
}

const char *source_why(const struct source *s)
{
	return s->why;
}

void source_free(struct source *s)
{
	if (s == NULL)
		return;
	if (s->fd > STDIN_FILENO && s->spool == NULL)
		close(s->fd);
	spool_free(s->spool);
	tg_seal_free(s->sealer);
	sodium_free(s->plain);
	free(s->ready);
	free(s);
}
