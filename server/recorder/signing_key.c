/* signing_key.c: see signing_key.h. It signs nothing: core/chain.c does. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sodium.h>
#include <timeglas/errors.h>

#include "base/log.h"
#include "core/hex.h"
#include "recorder/signing_key.h"
#include "core/fd.h"

#define PREFIX "TIMEGLAS-AUDIT-KEY-1"
#define SEED 32u
#define FILE_MAX 512u

int signing_key_path(const char *configured, const char *log, char *out, size_t cap)
{
	const char *slash = strrchr(log, '/'), *dot = strrchr(log, '.');
	int stem =
		dot != NULL && dot > (slash != NULL ? slash + 1 : log) && strcmp(dot, ".key") != 0 ?
		(int)(dot - log) :
		(int)strlen(log);
	int n = configured != NULL ? snprintf(out, cap, "%s", configured) :
				     snprintf(out, cap, "%.*s.key", stem, log);

	return n >= 0 && (size_t)n < cap ? 0 : TG_EINVAL;
}

/* Writes a file under another name and links it to path, so that path is there whole or not at all.
 * If another process has just made path, that file stays, and 0 is returned. */
static int write_new(const char *path, const char *text, size_t n, mode_t mode)
{
	char fresh[PATH_MAX];
	int fd, rc = TG_EIO, saved;

	if (snprintf(fresh, sizeof fresh, "%s.new-%ld", path, (long)getpid()) >=
		(int)sizeof fresh) {
		errno = ENAMETOOLONG;
		return TG_EIO;
	}
	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return TG_EIO;
	if (tg_write_all(fd, text, n) == 0 && fsync(fd) == 0 &&
		(link(fresh, path) == 0 || errno == EEXIST))
		rc = 0;
	saved = errno;
	close(fd);
	unlink(fresh);
	errno = saved;
	return rc;
}

static int make_key(const char *path)
{
	static const char head[] =
		"# timeglas audit key: signs the heads of the evidence and opens nothing\n" PREFIX;
	char *text = sodium_malloc(FILE_MAX);
	uint8_t *seed = sodium_malloc(SEED);
	int rc = TG_ENOMEM;

	if (text != NULL && seed != NULL) {
		size_t n = sizeof head - 1;

		memcpy(text, head, n);
		randombytes_buf(seed, SEED);
		tg_hex_encode(seed, SEED, text + n);
		n += (size_t)2 * SEED;
		text[n++] = '\n';
		rc = write_new(path, text, n, 0600);
	}
	sodium_free(seed);
	sodium_free(text);
	return rc;
}

/* The file has one line that is neither empty nor a comment: prefix and seed. */
static int parse(const char *text, size_t n, uint8_t seed[SEED])
{
	const char *at = text, *end = text + n;
	bool found = false;

	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at)),
			   *stop = lf != NULL ? lf : end;

		if (stop > at && *at != '#') {
			if (found || (size_t)(stop - at) != sizeof PREFIX - 1 + (size_t)2 * SEED ||
				memcmp(at, PREFIX, sizeof PREFIX - 1) != 0 ||
				tg_hex_decode(
					at + sizeof PREFIX - 1, (size_t)2 * SEED, seed, SEED) != 0)
				return TG_EKEY;
			found = true;
		}
		at = lf != NULL ? lf + 1 : end;
	}
	return found ? 0 : TG_EKEY;
}

static int load(struct signing_key *k)
{
	char *text = sodium_malloc(FILE_MAX);
	uint8_t *seed = sodium_malloc(SEED);
	ssize_t n = -1;
	int rc = TG_ENOMEM;

	if (text != NULL && seed != NULL && k->secret != NULL) {
		n = pread(k->fd, text, FILE_MAX, 0);
		rc = n < 0                     ? TG_EIO :
			n == (ssize_t)FILE_MAX ? TG_EKEY :
						 parse(text, (size_t)n, seed);
	}
	if (rc == 0) {
		uint8_t public[CHAIN_KEY];

		crypto_sign_seed_keypair(public, k->secret, seed);
		strcpy(k->public_text, CHAIN_PUBLIC);
		tg_hex_encode(public, sizeof public, k->public_text + sizeof CHAIN_PUBLIC - 1);
	}
	sodium_free(seed);
	sodium_free(text);
	return rc;
}

static bool public_path(const char *path, char out[PATH_MAX])
{
	return snprintf(out, PATH_MAX, "%s.pub", path) < PATH_MAX;
}

/*
 * Compares the key with the public half beside it, with which auditors check the evidence, and
 * writes that when it is missing. If they are not halves of one key, the key was lost: the operator
 * has to know that, so no other key is made.
 */
static int check_public(const struct signing_key *k, const char *path)
{
	char file[PATH_MAX], line[SIGNING_KEY_PUBLIC_TEXT + 2], found[sizeof line];
	int n = snprintf(line, sizeof line, "%s\n", k->public_text), fd;
	ssize_t got;

	if (!public_path(path, file))
		return 0;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		if (errno != ENOENT || write_new(file, line, (size_t)n, 0644) != 0)
			log_warn("audit-key", "cannot read or write %s: %s; the public key is %s",
				file, strerror(errno), k->public_text);
		return 0;
	}
	got = read(fd, found, sizeof found);
	close(fd);
	return got >= n - 1 && memcmp(found, line, (size_t)n - 1) == 0 ? 0 : TG_ESIGNATURE;
}

/* Returns whether there has been a key, as its public half is there. */
static bool is_lost(const char *path)
{
	char file[PATH_MAX];

	return public_path(path, file) && access(file, F_OK) == 0;
}

int signing_key_open(struct signing_key *k, const char *path)
{
	struct stat st;
	int rc = 0, saved;

	*k = (struct signing_key){.fd = open(path, O_RDONLY | O_CLOEXEC)};
	if (k->fd < 0 && errno == ENOENT && is_lost(path))
		return TG_ESIGNATURE;
	if (k->fd < 0 && errno == ENOENT && (rc = make_key(path)) == 0) {
		log_info("audit-key", "made %s", path);
		k->fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (k->fd < 0)
		return rc != 0 ? rc : TG_EIO;
	k->secret = sodium_malloc(CHAIN_SECRET);
	if (flock(k->fd, LOCK_EX | LOCK_NB) != 0)
		rc = errno == EWOULDBLOCK ? TG_ECLAIMED : TG_EIO;
	if (rc == 0)
		rc = load(k);
	if (rc == 0)
		rc = check_public(k, path);
	if (rc != 0) {
		saved = errno;
		signing_key_close(k);
		errno = saved;
		return rc;
	}
	if (fstat(k->fd, &st) == 0 && (st.st_mode & 077) != 0)
		log_warn("audit-key", "%s can be read by others; chmod 600 it", path);
	return 0;
}

void signing_key_close(struct signing_key *k)
{
	sodium_free(k->secret);
	if (k->fd >= 0)
		close(k->fd);
	*k = (struct signing_key){.fd = -1};
}
