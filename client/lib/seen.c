/*
 * seen.c: the memory of received references: records of a fixed size behind a line that names the
 * format, under the lock of the state folder. References are hashed, so that the file tells nobody
 * which evidence was received. A last record that was not finished is ignored, because nothing is
 * released before its record is synced. Any other damage is an error, since a memory that forgets
 * would let evidence be replayed. When half of the records may be forgotten, the file is written
 * anew. Runs in the library. docs/envelope.md, section 6.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <timeglas/errors.h>
#include <unistd.h>
#include "lib/seen.h"
#include "lib/state.h"

#define FILE_NAME "received"
#define TEMP_NAME "received.new"
/* the file of earlier versions: records of 8 bytes of Unix seconds and 32 of BLAKE2b, remembered
 * for a day */
#define OLD_NAME "seen"
#define MAGIC "timeglas seen 2\n"
#define MAGIC_BYTES (sizeof MAGIC - 1)
#define HASH_BYTES 24
#define SUM_BYTES 8
#define OLD_HASH_BYTES 32
#define DAY_MS INT64_C(86400000)
/* a clock that is ahead by less than that makes no record be forgotten too early */
#define LINGER_MS DAY_MS
/* for an old record: its head was at most 5 minutes ahead, and is accepted for a day and 5 minutes
 */
#define OLD_AHEAD_MS INT64_C(600000)
#define FILE_MAX (INT64_C(1) << 30)

struct record {
	int64_t until_ms;         /* in this machine's byte order */
	uint8_t hash[HASH_BYTES]; /* BLAKE2b of the reference */
	uint8_t sum[SUM_BYTES];   /* BLAKE2b of the two */
};

struct old_record {
	int64_t at_s;
	uint8_t hash[OLD_HASH_BYTES];
};

struct tg_seen {
	int dir;
};

struct memory { /* the file as it is now; valid while the lock is held */
	int fd;
	uint8_t *bytes;
	size_t n; /* records */
};

static struct record *records(const struct memory *m)
{
	return (struct record *)(void *)(m->bytes + MAGIC_BYTES);
}

static void sum_of(const struct record *r, uint8_t out[SUM_BYTES])
{
	uint8_t whole[16];

	crypto_generichash(
		whole, sizeof whole, (const uint8_t *)r, offsetof(struct record, sum), NULL, 0);
	memcpy(out, whole, SUM_BYTES);
}

static bool is_whole(const struct record *r)
{
	uint8_t sum[SUM_BYTES];

	sum_of(r, sum);
	return memcmp(sum, r->sum, SUM_BYTES) == 0;
}

static int cannot(char why[TG_SEEN_WHY], const char *what)
{
	int saved = errno;
	char dir[TG_STATE_PATH];

	if (tg_state_path(dir) != 0)
		dir[0] = '\0';
	snprintf(why, TG_SEEN_WHY,
		"cannot %s the memory of received references, %.300s/" FILE_NAME ": %s", what, dir,
		strerror(saved));
	errno = saved;
	return TG_EIO;
}

static int damaged(char why[TG_SEEN_WHY], const char *where)
{
	char dir[TG_STATE_PATH];

	if (tg_state_path(dir) != 0)
		dir[0] = '\0';
	snprintf(why, TG_SEEN_WHY,
		"the memory of received references is damaged (%.300s/" FILE_NAME
		", %s): what was received before could be "
		"replayed unnoticed. Restore the file, or move it away, fetch nothing for a day "
		"and 5 minutes, and go on",
		dir, where);
	errno = EILSEQ;
	return TG_EIO;
}

/* Files -------------------------------------------------------------------- */

static int write_at(int fd, const void *p, size_t n, off_t at)
{
	while (n > 0) {
		ssize_t k = pwrite(fd, p, n, at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return TG_EIO;
		p = (const uint8_t *)p + k;
		n -= (size_t)k;
		at += k;
	}
	return 0;
}

/* Reads the whole file into *out, which the caller frees, also on failure. */
static int read_all(int fd, uint8_t **out, size_t *n)
{
	struct stat st;

	*n = 0;
	if (fstat(fd, &st) != 0)
		return TG_EIO;
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
		return TG_EIO;
	}
	*out = malloc((size_t)st.st_size + 1);
	if (*out == NULL)
		return TG_ENOMEM;
	while (*n < (size_t)st.st_size) {
		ssize_t k = pread(fd, *out + *n, (size_t)st.st_size - *n, (off_t)*n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break;
		*n += (size_t)k;
	}
	if (*n == (size_t)st.st_size)
		return 0;
	errno = EIO;
	return TG_EIO;
}

static void memory_free(struct memory *m)
{
	if (m->fd >= 0)
		close(m->fd);
	free(m->bytes);
}

/* Checks every record. Only the last one may be unfinished, because it was being appended when the
 * machine stopped: it has too few bytes, or, where the file's length reached the disk before the
 * data, zeros. */
static int check_records(struct memory *m, size_t size, char why[TG_SEEN_WHY])
{
	static const struct record none;
	char where[64];

	if (size < MAGIC_BYTES || memcmp(m->bytes, MAGIC, MAGIC_BYTES) != 0)
		return damaged(why, "its first line");
	m->n = (size - MAGIC_BYTES) / sizeof(struct record);
	if (m->n > 0 && (size - MAGIC_BYTES) % sizeof none == 0 &&
		memcmp(&records(m)[m->n - 1], &none, sizeof none) == 0)
		m->n--;
	for (size_t i = 0; i < m->n; i++)
		if (!is_whole(&records(m)[i])) {
			snprintf(where, sizeof where, "record %zu of %zu", i + 1, m->n);
			return damaged(why, where);
		}
	return 0;
}

static int memory_read(int dir, struct memory *m, char why[TG_SEEN_WHY])
{
	size_t size = 0;
	int err;

	*m = (struct memory){.fd = openat(dir, FILE_NAME, O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
	if (m->fd < 0)
		return cannot(why, "open");
	err = read_all(m->fd, &m->bytes, &size);
	if (err != 0)
		return err == TG_EIO ? cannot(why, "read") : err;
	return check_records(m, size, why);
}

static int replace(int dir, const struct record *r, size_t n, char why[TG_SEEN_WHY])
{
	int fd = openat(
		    dir, TEMP_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600),
	    err;

	err = fd >= 0 ? write_at(fd, MAGIC, MAGIC_BYTES, 0) : TG_EIO;
	if (err == 0)
		err = write_at(fd, r, n * sizeof *r, MAGIC_BYTES);
	if (err == 0 && (fsync(fd) != 0 || renameat(dir, TEMP_NAME, dir, FILE_NAME) != 0))
		err = TG_EIO;
	if (err == 0)
		(void)fsync(dir);
	else
		err = cannot(why, "write");
	if (fd >= 0)
		close(fd);
	return err;
}

/* The memory of before ----------------------------------------------------- */

static struct record make_record(const uint8_t ref_hash[OLD_HASH_BYTES], int64_t until_ms)
{
	struct record r = {.until_ms = until_ms};

	memcpy(r.hash, ref_hash, HASH_BYTES);
	sum_of(&r, r.sum);
	return r;
}

/* Reads the file of earlier versions. *out: its records in the form of today, which the caller
 * frees; *n: how many, 0 when there is no such file. */
static int read_old(int dir, struct record **out, size_t *n, char why[TG_SEEN_WHY])
{
	int fd = openat(dir, OLD_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), err;
	struct old_record old;
	uint8_t *bytes = NULL;
	size_t size = 0;

	*n = 0;
	*out = NULL;
	if (fd < 0)
		return errno == ENOENT ? 0 : cannot(why, "take over");
	err = read_all(fd, &bytes, &size);
	close(fd);
	if (err == 0)
		*out = calloc(size / sizeof old + 1, sizeof **out);
	for (; err == 0 && *out != NULL && *n < size / sizeof old; (*n)++) {
		memcpy(&old, bytes + *n * sizeof old, sizeof old);
		if (old.at_s < 0 || old.at_s > INT64_MAX / 2000)
			old.at_s = 0;
		(*out)[*n] = make_record(old.hash, old.at_s * 1000 + OLD_AHEAD_MS + DAY_MS);
	}
	free(bytes);
	if (err == TG_EIO)
		return cannot(why, "take over");
	return *out != NULL ? err : TG_ENOMEM;
}

static int create(int dir, char why[TG_SEEN_WHY])
{
	struct record *old = NULL;
	size_t n;
	int err = read_old(dir, &old, &n, why);

	if (err == 0)
		err = replace(dir, old, n, why);
	if (err == 0)
		(void)unlinkat(dir, OLD_NAME, 0);
	free(old);
	return err;
}

/* The interface ------------------------------------------------------------ */

int tg_seen_open(struct tg_seen **out, char why[TG_SEEN_WHY])
{
	struct tg_seen *s = calloc(1, sizeof *s);
	struct memory m = {.fd = -1};
	int err, lock = -1;

	*out = NULL;
	why[0] = '\0';
	if (s == NULL)
		return TG_ENOMEM;
	err = tg_state_open(&s->dir, why, TG_SEEN_WHY);
	if (err == 0 && (lock = tg_state_lock(s->dir)) < 0)
		err = cannot(why, "lock");
	if (err == 0 && faccessat(s->dir, FILE_NAME, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
		err = errno == ENOENT ? create(s->dir, why) : cannot(why, "open");
	if (err == 0)
		err = memory_read(s->dir, &m, why);
	tg_state_unlock(lock);
	memory_free(&m);
	if (err == 0)
		*out = s;
	else
		tg_seen_free(s);
	return err;
}

/* Adds one record and syncs it. When half of the others may be forgotten, writes those that stay,
 * and this one, to a new file. */
static int add_record(
	int dir, struct memory *m, const struct record *mine, int64_t now_ms, char why[TG_SEEN_WHY])
{
	struct record *r = records(m);
	size_t living = 0;

	for (size_t i = 0; i < m->n; i++)
		living += now_ms <= r[i].until_ms || now_ms - r[i].until_ms <= LINGER_MS;
	if (living * 2 > m->n || m->n == 0) {
		off_t at = (off_t)(MAGIC_BYTES + m->n * sizeof *r);

		/* this also overwrites a record that was never finished */
		if (write_at(m->fd, mine, sizeof *mine, at) != 0 || fsync(m->fd) != 0)
			return cannot(why, "write");
		return 0;
	}
	living = 0;
	for (size_t i = 0; i < m->n; i++)
		if (now_ms <= r[i].until_ms || now_ms - r[i].until_ms <= LINGER_MS)
			r[living++] = r[i];
	r[living++] = *mine; /* there is room, as at least half of the others went */
	return replace(dir, r, living, why);
}

int tg_seen_add(struct tg_seen *s, const uint8_t ref[TG_SEEN_REF], int64_t until_ms, int64_t now_ms,
	char why[TG_SEEN_WHY])
{
	uint8_t hash[OLD_HASH_BYTES];
	struct record mine;
	struct memory m = {.fd = -1};
	int err, lock = tg_state_lock(s->dir);

	why[0] = '\0';
	crypto_generichash(hash, sizeof hash, ref, TG_SEEN_REF, NULL, 0);
	mine = make_record(hash, until_ms);
	if (lock < 0)
		return cannot(why, "lock");
	err = memory_read(s->dir, &m, why);
	for (size_t i = 0; err == 0 && i < m.n; i++)
		if (memcmp(records(&m)[i].hash, mine.hash, HASH_BYTES) == 0)
			err = TG_EREPLAY;
	if (err == 0)
		err = add_record(s->dir, &m, &mine, now_ms, why);
	tg_state_unlock(lock);
	memory_free(&m);
	return err;
}

void tg_seen_free(struct tg_seen *s)
{
	if (s == NULL)
		return;
	if (s->dir >= 0)
		close(s->dir);
	free(s);
}
