/*
 * source.c: reads and seals the content of an upload. The sealer pushes its bytes and the upload
 * pulls them, so sealed bytes wait in a small buffer between the two. Plaintext passes through one
 * guarded buffer and never touches a disk. Runs in the library.
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
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/secmem.h"
#include "lib/source.h"
#include "lib/spool.h"

#define READ_BYTES 65536
/* Several chunks at a time: the sealer copies only the last of them. */
#define PLAIN_BYTES (4 * READ_BYTES)

struct tg_source {
	int fd;
	bool regular, ended;
	/* of a regular file: bytes that are still to come, by its size when it was opened */
	uint64_t left;
	uint64_t size;   /* UINT64_MAX: unknown */
	uint64_t length; /* of a regular file: bytes from start on */
	off_t start;     /* where reading began */
	const char *why;
	tg_sealer *sealer;
	tg_seal_opts seal;
	uint8_t ref[TG_REF_BYTES];
	struct tg_spool *spool; /* stdin, kept for its digest */
	unsigned char *plain;   /* PLAIN_BYTES */
	unsigned char *ready;   /* sealed bytes that wait to be read */
	size_t ready_len, ready_at, ready_cap;
};

static int measure(struct tg_source *s)
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
	at = lseek(s->fd, 0,
		SEEK_CUR); /* the file may be a standard stream of which a part has been read */
	s->left = at >= 0 && st.st_size > at ? (uint64_t)(st.st_size - at) : 0;
	s->size = s->length = s->left;
	s->start = at;
	return 0;
}

int tg_source_open(const char *path, struct tg_source **out)
{
	struct tg_source *s = calloc(1, sizeof *s);
	int err, saved;

	*out = NULL;
	if (s == NULL)
		return TG_ENOMEM;
	s->fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	err = s->fd < 0 ? TG_EIO : measure(s);
	if (err == 0) {
		*out = s;
		return 0;
	}
	saved = errno;
	tg_source_free(s);
	errno = saved;
	return err;
}

int tg_source_fd(const struct tg_source *s)
{
	return s->fd;
}

static int on_sealed(void *ctx, const void *p, size_t n)
{
	struct tg_source *s = ctx;

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

/* Reference and time are drawn here and not by the sealer, so that sealing again gives the same
 * name. */
static void fix_head(struct tg_source *s, tg_seal_opts *o)
{
	if (o->ref == NULL) {
		randombytes_buf(s->ref, sizeof s->ref);
		o->ref = s->ref;
	}
	if (o->time_ms == 0)
		o->time_ms = clock_unix_ms();
}

int tg_source_seal(struct tg_source *s, const tg_seal_opts *opts, char name[TG_NAME_CHARS + 1])
{
	const tg_head *head;
	int err;

	name[0] = '\0';
	s->seal = *opts;
	if (s->seal.write == NULL) {
		s->seal.write = on_sealed;
		s->seal.ctx = s;
	}
	if (s->seal.signer != NULL)
		fix_head(s, &s->seal);
	if (s->regular)
		s->size = tg_seal_size(&s->seal, s->left);
	s->plain = tg_secret_alloc(PLAIN_BYTES);
	err = s->plain != NULL ? tg_seal_new(&s->seal, &s->sealer) : TG_ENOMEM;
	head = err == 0 ? tg_seal_head(s->sealer) : NULL;
	if (head != NULL)
		memcpy(name, head->name, TG_NAME_CHARS + 1);
	return err;
}

static long fail_read(struct tg_source *s, const char *why)
{
	s->why = why;
	return TG_EIO;
}

/* Reads the next bytes of the file. One that grows or shrinks meanwhile is refused, as its length
 * has been declared. */
static long read_file(void *ctx, void *p, size_t cap)
{
	struct tg_source *s = ctx;
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

static int seal_more(struct tg_source *s)
{
	long n = read_file(s, s->plain, PLAIN_BYTES);

	if (n < 0)
		return (int)n;
	if (n > 0)
		return tg_seal_push(s->sealer, s->plain, (size_t)n);
	s->ended = true;
	return tg_seal_finish(s->sealer);
}

/* Are there bytes to read without waiting? */
static bool more_at_hand(const struct tg_source *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

static size_t take_ready(struct tg_source *s, unsigned char *p, size_t cap)
{
	size_t n = s->ready_len - s->ready_at;

	if (n > cap)
		n = cap;
	if (n > 0)
		memcpy(p, s->ready + s->ready_at, n);
	s->ready_at += n;
	return n;
}

/* Fills p where it can, since each call becomes a write and a TLS record of its own. But it does
 * not wait for a slow pipe while it has something to give. */
long tg_source_read(void *ctx, void *p, size_t cap)
{
	struct tg_source *s = ctx;
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

int tg_source_push(struct tg_source *s)
{
	int err = 0;

	while (err == 0 && !s->ended)
		err = seal_more(s);
	return err;
}

/* A pipe can be read only once, so for its digest its content is kept in a nameless file. The
 * content is sealed already. */
static int keep_stream(struct tg_source *s)
{
	unsigned char *buf = malloc(READ_BYTES);
	int err = buf != NULL ? tg_spool_new(NULL, &s->spool) : TG_ENOMEM;
	long n = 0;

	while (err == 0 && (n = read_file(s, buf, READ_BYTES)) > 0)
		err = tg_spool_write(s->spool, buf, (size_t)n);
	if (err == 0 && n < 0)
		err = (int)n;
	if (err == 0)
		err = tg_spool_rewind(s->spool);
	free(buf);
	if (err != 0)
		return err;
	if (s->fd != STDIN_FILENO)
		close(s->fd);
	s->fd = tg_spool_fd(s->spool);
	return measure(s);
}

int tg_source_digest(struct tg_source *s, uint8_t sha256[32])
{
	int err = s->regular ? 0 : keep_stream(s);
	off_t start = 0;

	if (err == 0 && (start = lseek(s->fd, 0, SEEK_CUR)) < 0)
		err = TG_EIO;
	if (err == 0)
		err = tg_digest(read_file, s, sha256);
	if (err == 0 && lseek(s->fd, start, SEEK_SET) != start)
		err = TG_EIO;
	s->left = s->size;
	return err == TG_EIO && s->why == NULL ? (int)fail_read(s, strerror(errno)) : err;
}

bool tg_source_can_rewind(const struct tg_source *s)
{
	return s->regular && s->start >= 0;
}

int tg_source_rewind(void *ctx)
{
	struct tg_source *s = ctx;

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

uint64_t tg_source_size(const struct tg_source *s)
{
	return s->size;
}

const char *tg_source_why(const struct tg_source *s)
{
	return s->why;
}

void tg_source_free(struct tg_source *s)
{
	if (s == NULL)
		return;
	if (s->fd > STDIN_FILENO && s->spool == NULL)
		close(s->fd);
	tg_spool_free(s->spool);
	tg_seal_free(s->sealer);
	tg_secret_free(s->plain);
	free(s->ready);
	free(s);
}
