/* audit_files.c: looks at the first and the last line of each file, and sorts the files into
 * chains. Runs in the timeglas command. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "cli/audit_files.h"
#include "cli/output.h"
#include "core/num.h"

#define OPENING "{\"n\":"
#define LOOK_BYTES (CHAIN_LINE_MAX + 2) /* a line, its LF, and the LF of the line before */
#define WAIT_TRIES 6
#define WAIT_MS 50

/* Takes the number from a first line that is not a valid one, to know where it claims to stand. */
static void look_at_other(const char *line, size_t n, struct audit_file *f)
{
	const size_t skip = sizeof OPENING - 1;
	size_t digits = 0;

	if (n <= skip || memcmp(line, OPENING, skip) != 0)
		return;
	while (skip + digits < n && line[skip + digits] >= '0' && line[skip + digits] <= '9')
		digits++;
	(void)tg_num_u64(line + skip, digits, UINT64_MAX, &f->first_n);
}

static void look_at_first(const char *p, size_t n, struct audit_file *f)
{
	const char *lf = memchr(p, '\n', n);
	struct chain_line l;

	if (lf == NULL || chain_scan(p, (size_t)(lf - p), &l) != 0 || !l.is_check) {
		look_at_other(p, n, f);
		return;
	}
	f->begins = true;
	f->first_n = l.check.n;
	f->first_ms = l.check.time_ms;
	memcpy(f->key, l.check.key, sizeof f->key);
	memcpy(f->prev, l.check.prev, sizeof f->prev);
	chain_hash(p, (size_t)(lf - p), f->first);
}

/* Looks at the last complete line in the file's last bytes. */
static void look_at_last(const char *p, size_t n, struct audit_file *f)
{
	const char *end = memrchr(p, '\n', n),
		   *lf = end != NULL && end > p ? memrchr(p, '\n', (size_t)(end - p)) : NULL;
	const char *from = lf != NULL ? lf + 1 : p;
	struct chain_line l;

	if (end == NULL || chain_scan(from, (size_t)(end - from), &l) != 0)
		return;
	f->last_n = l.is_check ? l.check.n : l.record.n;
	chain_hash(from, (size_t)(end - from), f->last);
}

/* A file that has been tampered with still has, near its beginning or end, a line that begins as
 * the recorder's do. */
static bool any_line(const char *p, size_t n)
{
	const size_t opening = sizeof OPENING - 1;

	return (n >= opening && memcmp(p, OPENING, opening) == 0) ||
		memmem(p, n, "\n" OPENING, opening + 1) != NULL;
}

/* gzip, zstd, xz, bzip2 */
static bool is_packed(const char *head, size_t n)
{
	static const char *const magic[] = {"\x1f\x8b", "\x28\xb5\x2f\xfd", "\xfd\x37zXZ", "BZh"};

	for (size_t i = 0; i < sizeof magic / sizeof magic[0]; i++)
		if (n >= strlen(magic[i]) && memcmp(head, magic[i], strlen(magic[i])) == 0)
			return true;
	return false;
}

/* A file that its recorder has just made is empty for a moment, so this waits for its first line.
 */
static ssize_t read_beginning(int fd, char *buf, size_t cap)
{
	const struct timespec moment = {0, WAIT_MS * 1000000L};
	ssize_t n = pread(fd, buf, cap, 0);

	for (int tries = 0; n == 0 && tries < WAIT_TRIES; tries++) {
		nanosleep(&moment, NULL);
		n = pread(fd, buf, cap, 0);
	}
	return n;
}

static int look(struct audit_file *f)
{
	static char buf[2 * LOOK_BYTES];
	int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st = {0};
	ssize_t n = fd >= 0 ? read_beginning(fd, buf, LOOK_BYTES) : -1;
	bool good = n >= 0 && fstat(fd, &st) == 0, packed = good && is_packed(buf, (size_t)n);
	/* an empty file may have been evidence, which is a finding */
	bool evidence = good && (n == 0 || any_line(buf, (size_t)n));

	if (good && !packed) {
		f->size = (uint64_t)st.st_size;
		f->dev = st.st_dev;
		f->ino = st.st_ino;
		look_at_first(buf, (size_t)n, f);
		/* Half a line may stand behind the last complete one. */
		n = pread(fd, buf, sizeof buf,
			st.st_size > (off_t)sizeof buf ? st.st_size - (off_t)sizeof buf : 0);
		good = n >= 0;
		evidence = evidence || (good && any_line(buf, (size_t)n));
	}
	if (!good)
		output_fail(TG_EIO, "cannot read %s: %s", f->path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (packed)
		return output_usage("%s is compressed: unpack it first", f->path);
	if (good && !evidence)
		return output_usage(
			"%s is no evidence file: no line of it begins as a recorder's do; "
			"give the file that audit_log names, and those rotated from it",
			f->path);
	if (good)
		look_at_last(buf, (size_t)n, f);
	return good ? 0 : EXIT_USAGE;
}

bool audit_files_first(const char *path, uint8_t out[CHAIN_HASH])
{
	static char buf[LOOK_BYTES];
	struct audit_file f = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd >= 0 ? pread(fd, buf, sizeof buf, 0) : -1;

	if (fd >= 0)
		close(fd);
	if (n > 0)
		look_at_first(buf, (size_t)n, &f);
	memcpy(out, f.first, CHAIN_HASH);
	return f.begins;
}

/* Sorting ------------------------------------------------------------------ */

static int by_number(const void *a, const void *b)
{
	const struct audit_file *x = a, *y = b;

	if (x->first_n != y->first_n)
		return x->first_n < y->first_n ? -1 : 1;
	return strcmp(x->path, y->path);
}

static int by_chain(const void *a, const void *b)
{
	const struct audit_file *x = a, *y = b;

	return x->chain != y->chain ? (x->chain < y->chain ? -1 : 1) : by_number(a, b);
}

/* Tells how well f continues the file e, the last one so far of its chain. 2: f's first line says
 * so. 1: nothing contradicts it. 0: it does not. */
static int follows(const struct audit_file *f, const struct audit_file *e)
{
	if (e->last_n != 0 && f->begins && f->first_n == e->last_n + 1 &&
		memcmp(f->prev, e->last, CHAIN_HASH) == 0)
		return 2;
	if (!f->begins)
		return 1;
	return f->first_n > 1 && f->first_n > e->first_n &&
		(!e->begins || memcmp(f->key, e->key, CHAIN_KEY) == 0);
}

/* Puts each file, in the order of first lines, into the chain whose end it continues best. Of
 * several equal ones it takes the longest. A file that continues none begins a chain. */
static size_t assign(struct audit_file *f, size_t n)
{
	size_t chains = 0;

	for (size_t i = 0; i < n; i++) {
		int best = 0;

		if (f[i].size == 0) /* an empty file does not tell to which chain it belongs */
			continue;
		f[i].chain = chains;
		for (size_t c = 0; c < chains; c++) {
			size_t e = i;
			int fit;

			while (e > 0 && f[e - 1].chain != c)
				e--;
			fit = follows(&f[i], &f[e - 1]);
			if (fit > best ||
				(fit > 0 && fit == best && f[e - 1].last_n < f[i].first_n)) {
				best = fit;
				f[i].chain = c;
			}
		}
		chains += f[i].chain == chains;
	}
	return chains > 0 || n == 0 ? chains : 1;
}

/* A log's folder of tiles lies beside it, and is among the names when a shell has put in all that
 * begin with the log's. */
static bool is_tiles(const char *path)
{
	static const char ending[] = ".tiles";
	size_t n = strlen(path), skip = sizeof ending - 1;
	struct stat st;

	return n > skip && strcmp(path + n - skip, ending) == 0 && stat(path, &st) == 0 &&
		S_ISDIR(st.st_mode);
}

int audit_files_sort(const char *const *paths, size_t n_paths, struct audit_file *out,
	size_t *n_out, size_t *chains)
{
	size_t n = 0;

	for (size_t p = 0, i; p < n_paths; p++) {
		int rc;

		if (is_tiles(paths[p]))
			continue;
		i = n++;
		out[i] = (struct audit_file){.path = paths[p]};
		rc = look(&out[i]);
		for (size_t k = 0; k < i && rc == 0; k++)
			if (out[k].dev == out[i].dev && out[k].ino == out[i].ino)
				rc = output_usage("%s and %s are the same file: give it once",
					out[k].path, out[i].path);
		if (rc != 0)
			return rc;
	}
	if (n == 0)
		return output_usage("these are folders of tiles alone: give the log's files, too");
	*n_out = n;
	qsort(out, n, sizeof *out, by_number);
	*chains = assign(out, n);
	qsort(out, n, sizeof *out, by_chain);
	return 0;
}
