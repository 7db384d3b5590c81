/* book.c: see book.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sodium.h>
#include <timeglas/errors.h>
#include "core/b64.h"
#include "core/fd.h"
#include "core/hex.h"
#include "core/submission.h"
#include "witness/book.h"

#define PRIVATE "PRIVATE+KEY+" /* as Go's sumdb/note writes keys */
#define KEY_FILE "key"
#define NEW_FILE "new"
#define SEED crypto_sign_SEEDBYTES
#define FILE_MAX (CHECKPOINT_TEXT_MAX + NOTE_MAX)

struct book {
	int dir, lock;
	struct note_key key;
	uint8_t *secret; /* NOTE_SECRET bytes of guarded memory */
	struct sha256 *sha;
	size_t n;
	struct judge_log log[BOOK_LOGS_MAX];
	char *latest[BOOK_LOGS_MAX]; /* the signed note; NULL: none */
};

static int fail(int err, char why[BOOK_WHY], const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(int err, char why[BOOK_WHY], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, BOOK_WHY, fmt, ap);
	va_end(ap);
	return err;
}

/* Files -------------------------------------------------------------------- */

/* Puts n bytes under a name, so that the name has either all of them or what it had. */
static int keep(int dir, const char *name, const char *p, size_t n)
{
	int fd = openat(dir, NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), err;

	if (fd < 0)
		return TG_EIO;
	err = tg_write_all(fd, p, n) == 0 && fsync(fd) == 0 ? 0 : TG_EIO;
	if (close(fd) != 0)
		err = TG_EIO;
	if (err == 0 && (renameat(dir, NEW_FILE, dir, name) != 0 || fsync(dir) != 0))
		err = TG_EIO;
	return err;
}

/* Reads a file as a text, at most cap - 1 bytes. Returns its length, or TG_ENOENT or TG_EIO. */
static long read_text(int dir, const char *name, char *out, size_t cap)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? TG_ENOENT : TG_EIO;
	n = read(fd, out, cap - 1);
	close(fd);
	if (n < 0)
		return TG_EIO;
	out[n] = '\0';
	return (size_t)n == cap - 1 ? TG_EIO : n;
}

/* Keys --------------------------------------------------------------------- */

/* The key's file: PRIVATE+KEY+name+id+base64 */
static void private_text(const struct note_key *k, const uint8_t seed[SEED], char *out, size_t cap)
{
	uint8_t raw[1 + SEED];
	char base64[TG_B64_LEN(sizeof raw) + 1];

	raw[0] = NOTE_COSIGNATURE;
	memcpy(raw + 1, seed, SEED);
	tg_b64_encode(TG_B64_STD, raw, sizeof raw, base64);
	snprintf(out, cap, PRIVATE "%s+%08x+%s\n", k->name, (unsigned)k->id, base64);
	sodium_memzero(raw, sizeof raw);
	sodium_memzero(base64, sizeof base64);
}

static int private_scan(struct book *b, const char *text)
{
	const char *name = text + strlen(PRIVATE), *id, *base64;
	uint8_t raw[1 + SEED], public[NOTE_PUBLIC];
	char own[NOTE_NAME_MAX + 1], again[NOTE_KEY_TEXT_MAX + sizeof PRIVATE + 1];
	int err = TG_EINVAL;

	if (strncmp(text, PRIVATE, strlen(PRIVATE)) != 0 || (id = strchr(name, '+')) == NULL ||
		(base64 = strchr(id + 1, '+')) == NULL || (size_t)(id - name) >= sizeof own)
		return TG_EINVAL;
	memcpy(own, name, (size_t)(id - name));
	own[id - name] = '\0';
	if (tg_b64_decode(TG_B64_STD, base64 + 1, strcspn(base64 + 1, "\n"), raw, sizeof raw) ==
			(long)sizeof raw &&
		crypto_sign_seed_keypair(public, b->secret, raw + 1) == 0 &&
		note_key_make(b->sha, own, NOTE_COSIGNATURE, public, &b->key) == 0) {
		private_text(&b->key, raw + 1, again, sizeof again);
		err = strcmp(again, text) == 0 ? 0 : TG_EINVAL;
	}
	sodium_memzero(raw, sizeof raw);
	sodium_memzero(again, sizeof again);
	return err;
}

static int open_folder(const char *path, char why[BOOK_WHY])
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return fail(-1, why, "%s cannot be opened (%s); make it with keygen", path,
			strerror(errno));
	return dir;
}

/* Returns a descriptor, which ends the lock when it is closed; -1. */
static int take_lock(int dir, const char *path, char why[BOOK_WHY])
{
	int fd = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	if (fd >= 0 && errno == EWOULDBLOCK)
		fail(0, why, "another witness runs with %s; end that one first", path);
	else
		fail(0, why, "%s cannot be locked (%s); let this user write there", path,
			strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int book_make(const char *path, const char *name, char text[NOTE_KEY_TEXT_MAX], char why[BOOK_WHY])
{
	uint8_t seed[SEED], public[NOTE_PUBLIC], secret[NOTE_SECRET];
	char file[NOTE_KEY_TEXT_MAX + sizeof PRIVATE + 1];
	struct sha256 *sha = sha256_new();
	struct note_key k;
	int dir = -1, lock = -1, err = TG_EIO;

	randombytes_buf(seed, sizeof seed);
	crypto_sign_seed_keypair(public, secret, seed);
	if (sha == NULL || note_key_make(sha, name, NOTE_COSIGNATURE, public, &k) != 0)
		err = fail(TG_EINVAL, why,
			"'%s' cannot be a name; give one like witness.example/w1", name);
	else if (mkdir(path, 0700) != 0 && errno != EEXIST)
		fail(0, why, "%s cannot be made (%s)", path, strerror(errno));
	else if ((dir = open_folder(path, why)) >= 0 && (lock = take_lock(dir, path, why)) >= 0) {
		private_text(&k, seed, file, sizeof file);
		if (faccessat(dir, KEY_FILE, F_OK, 0) == 0)
			err = fail(TG_EINVAL, why, "%s holds a key already; name another folder",
				path);
		else if (keep(dir, KEY_FILE, file, strlen(file)) != 0)
			fail(0, why, "%s cannot be written (%s)", path, strerror(errno));
		else
			err = 0;
		note_key_text(&k, text);
	}
	sodium_memzero(seed, sizeof seed);
	sodium_memzero(secret, sizeof secret);
	sodium_memzero(file, sizeof file);
	if (lock >= 0)
		close(lock);
	if (dir >= 0)
		close(dir);
	sha256_free(sha);
	return err;
}

/* Opening ------------------------------------------------------------------ */

void book_close(struct book *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->n; i++)
		free(b->latest[i]);
	sodium_free(b->secret);
	sha256_free(b->sha);
	if (b->lock >= 0)
		close(b->lock);
	if (b->dir >= 0)
		close(b->dir);
	free(b);
}

struct book *book_open(const char *path, char why[BOOK_WHY])
{
	struct book *b = calloc(1, sizeof *b);
	char text[NOTE_KEY_TEXT_MAX + sizeof PRIVATE + 1];
	int err = TG_EIO;

	if (b == NULL)
		return NULL;
	b->lock = -1;
	b->secret = sodium_malloc(NOTE_SECRET);
	b->sha = sha256_new();
	b->dir = open_folder(path, why);
	if (b->dir < 0 || b->secret == NULL || b->sha == NULL)
		goto out;
	b->lock = take_lock(b->dir, path, why);
	if (b->lock < 0)
		goto out;
	if (read_text(b->dir, KEY_FILE, text, sizeof text) > 0)
		err = private_scan(b, text);
	if (err != 0)
		fail(0, why,
			"%s/" KEY_FILE " holds no key; restore it, or make another with keygen",
			path);
	sodium_memzero(text, sizeof text);
out:
	if (err == 0)
		return b;
	book_close(b);
	return NULL;
}

const struct note_key *book_key(const struct book *b)
{
	return &b->key;
}

/* The file of a log: its origin's hash, for an origin may have any length and slashes. */
static void file_of(struct book *b, const char *origin, char out[2 * SHA256_BYTES + 1])
{
	uint8_t hash[SHA256_BYTES];

	sha256_of(b->sha, origin, strlen(origin), NULL, 0, hash);
	tg_hex_encode(hash, sizeof hash, out);
}

/* What was cosigned last is believed when log and witness have signed it. */
static int load_latest(struct book *b, struct judge_log *g, char **latest)
{
	char name[2 * SHA256_BYTES + 1], *text = malloc(FILE_MAX);
	struct note note;
	long n;
	int err;

	if (text == NULL)
		return TG_ENOMEM;
	file_of(b, g->key.name, name);
	n = read_text(b->dir, name, text, FILE_MAX);
	err = n < 0 && n != TG_ENOENT ? (int)n : 0;
	if (n >= 0 &&
		(note_scan(text, (size_t)n, &note) != 0 || note_verify(&note, &g->key, NULL) != 0 ||
			note_verify(&note, &b->key, NULL) != 0 ||
			checkpoint_scan(note.text.p, note.text.n, &g->latest) != 0 ||
			strcmp(g->latest.origin, g->key.name) != 0))
		err = TG_EINVAL;
	if (err != 0 || n < 0) {
		free(text);
		text = NULL;
	}
	*latest = text;
	return err;
}

int book_add_log(struct book *b, const char *vkey, char why[BOOK_WHY])
{
	struct judge_log *const g = &b->log[b->n];

	if (b->n == BOOK_LOGS_MAX)
		return fail(TG_EINVAL, why, "too many logs; at most %u", BOOK_LOGS_MAX);
	*g = (struct judge_log){0};
	if (note_key_parse(b->sha, vkey, strlen(vkey), &g->key) != 0 || g->key.type != NOTE_ED25519)
		return fail(TG_EINVAL, why,
			"log = %s: that is no log's key; copy it anew, as name+id+base64: timeglas "
			"audit verify prints it",
			vkey);
	for (size_t i = 0; i < b->n; i++)
		if (strcmp(b->log[i].key.name, g->key.name) == 0)
			return fail(
				TG_EINVAL, why, "the log %s is named twice; keep one", g->key.name);
	if (load_latest(b, g, &b->latest[b->n]) != 0)
		return fail(TG_EIO, why,
			"what was cosigned of %s cannot be read, or was altered; restore the "
			"folder "
			"as it was last, or make another key: a witness must not forget what it "
			"said",
			g->key.name);
	b->n++;
	return 0;
}

/* Judging ------------------------------------------------------------------ */

/* Writes the cosigned checkpoint down: the log's text and its signature, and ours. Further
 * signatures are dropped. */
static int write_down(
	struct book *b, const struct verdict *v, const char *line, const char *theirs, size_t n)
{
	const size_t at = (size_t)(v->log - b->log);
	char name[2 * SHA256_BYTES + 1], *text;
	int len = asprintf(
		&text, "%.*s\n%.*s%s", (int)v->note.text.n, v->note.text.p, (int)n, theirs, line);

	if (len < 0)
		return TG_ENOMEM;
	file_of(b, v->c.origin, name);
	/* The same checkpoint again: that it was cosigned is on the disk already. */
	if ((v->c.size > v->log->latest.size || b->latest[at] == NULL) &&
		keep(b->dir, name, text, (size_t)len) != 0) {
		free(text);
		return TG_EIO;
	}
	free(b->latest[at]);
	b->latest[at] = text;
	v->log->latest = v->c;
	return 0;
}

void book_judge(struct book *b, const char *p, size_t n, uint64_t now_s, struct verdict *out,
	char line[NOTE_LINE_MAX])
{
	char theirs[NOTE_LINE_MAX];
	size_t theirs_n;

	judge(b->sha, b->log, b->n, p, n, out);
	if (out->status != 200)
		return;
	if (note_sign(&b->key, b->secret, out->note.text.p, out->note.text.n, now_s, line) !=
			NULL &&
		note_line_of(&out->note, &out->log->key, theirs, &theirs_n) &&
		write_down(b, out, line, theirs, theirs_n) == 0)
		return;
	out->status = 500;
	out->why = "the checkpoint cannot be written down here, so it is not cosigned";
}

const char *book_latest(const struct book *b, const char *origin, size_t n)
{
	for (size_t i = 0; i < b->n; i++)
		if (strlen(b->log[i].key.name) == n && memcmp(b->log[i].key.name, origin, n) == 0)
			return b->latest[i];
	return NULL;
}
