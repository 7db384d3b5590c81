/* audit_segment.c: the form of a segment, and reading it. What may be wrong with one is damage by a
 * disk or a crash: the folder is the user's own. Runs in the timeglas command. */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/audit_segment.h"
#include "core/hex.h"

#define BITS_MAX 24u
#define NAME_BYTES 16u /* of the first line's hash */

bool audit_segment_path(
	const uint8_t first[CHAIN_HASH], uint64_t from_bytes, char out[AUDIT_SEGMENT_PATH])
{
	char dir[TG_STATE_PATH], hash[2 * NAME_BYTES + 1];

	if (tg_state_path(dir) != 0)
		return false;
	tg_hex_encode(first, NAME_BYTES, hash);
	snprintf(out, AUDIT_SEGMENT_PATH, "%s/" AUDIT_SEGMENT_PREFIX "%s-%llu", dir, hash,
		(unsigned long long)from_bytes);
	return true;
}

uint32_t audit_segment_hash(
	const uint8_t seed[16], enum audit_segment_word word, struct chain_text text)
{
	uint8_t key[crypto_shorthash_KEYBYTES], hash[crypto_shorthash_BYTES];
	uint32_t out;

	memcpy(key, seed, sizeof key);
	key[0] ^= (uint8_t)word;
	crypto_shorthash(hash, (const unsigned char *)text.p, text.n, key);
	memcpy(&out, hash, sizeof out);
	return out;
}

uint64_t audit_segment_bucket_sum(const uint8_t seed[16], const uint64_t *entry, size_t n)
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint64_t out;

	crypto_shorthash(hash, (const unsigned char *)entry, n * sizeof *entry, seed);
	memcpy(&out, hash, sizeof out);
	return out;
}

/* How many entries of the table of buckets there are. */
static size_t buckets(const struct audit_segment_head *h)
{
	return ((size_t)1 << h->bucket_bits) + 1;
}

void audit_segment_sum(const struct audit_segment *s, uint8_t out[32])
{
	const struct audit_segment_head *h = &s->head;
	crypto_generichash_state st;

	crypto_generichash_init(&st, NULL, 0, 32);
	crypto_generichash_update(
		&st, (const unsigned char *)h + sizeof h->sum, sizeof *h - sizeof h->sum);
	crypto_generichash_update(
		&st, (const unsigned char *)s->run, (size_t)h->runs * sizeof *s->run);
	crypto_generichash_update(
		&st, (const unsigned char *)s->bucket, buckets(h) * sizeof *s->bucket);
	crypto_generichash_update(&st, (const unsigned char *)s->names, (size_t)h->names_bytes);
	crypto_generichash_final(&st, out, 32);
}

/* Reading ------------------------------------------------------------------ */

static bool read_at(int fd, void *out, size_t n, off_t at)
{
	uint8_t *p = out;

	while (n > 0) {
		ssize_t got = pread(fd, p, n, at);

		if (got <= 0)
			return false;
		p += got;
		at += got;
		n -= (size_t)got;
	}
	return true;
}

static off_t entries_at(const struct audit_segment_head *h)
{
	return (off_t)(sizeof *h + h->runs * sizeof(struct audit_segment_run) +
		buckets(h) * sizeof(struct audit_segment_bucket) + h->names_bytes);
}

/* Are its parts as long as it says, and is that as long as the file? */
static bool fits(const struct audit_segment_head *h, uint64_t size)
{
	const uint64_t most = size / sizeof(uint64_t);

	return h->form == AUDIT_SEGMENT_FORM && h->bucket_bits <= BITS_MAX && h->runs > 0 &&
		h->runs <= most && h->entries <= most && h->names_bytes <= size &&
		h->n_keys <= AUDIT_KEYS_MAX &&
		(uint64_t)entries_at(h) + h->entries * sizeof(uint64_t) == size;
}

static bool read_tables(struct audit_segment *s)
{
	const struct audit_segment_head *h = &s->head;
	size_t runs = (size_t)h->runs * sizeof *s->run, table = buckets(h) * sizeof *s->bucket;
	uint8_t sum[32];

	s->run = malloc(runs);
	s->bucket = malloc(table);
	s->names = malloc((size_t)h->names_bytes + 1);
	if (s->run == NULL || s->bucket == NULL || s->names == NULL ||
		!read_at(s->fd, s->run, runs, sizeof *h) ||
		!read_at(s->fd, s->bucket, table, (off_t)(sizeof *h + runs)) ||
		!read_at(
			s->fd, s->names, (size_t)h->names_bytes, (off_t)(sizeof *h + runs + table)))
		return false;
	s->names[h->names_bytes] = '\0';
	audit_segment_sum(s, sum);
	return memcmp(sum, h->sum, sizeof sum) == 0;
}

bool audit_segment_open(struct audit_segment *s, const char *path)
{
	struct stat st;

	*s = (struct audit_segment){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
	if (s->fd >= 0 && fstat(s->fd, &st) == 0 && read_at(s->fd, &s->head, sizeof s->head, 0) &&
		fits(&s->head, (uint64_t)st.st_size) && read_tables(s))
		return true;
	audit_segment_free(s);
	return false;
}

bool audit_segment_peek(int dir, const char *name, struct audit_segment_head *out)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool good = fd >= 0 && read_at(fd, out, sizeof *out, 0) && out->form == AUDIT_SEGMENT_FORM;

	if (fd >= 0)
		close(fd);
	if (good)
		out->log[sizeof out->log - 1] = '\0';
	return good;
}

void audit_segment_free(struct audit_segment *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->run);
	free(s->bucket);
	free(s->names);
	*s = (struct audit_segment){.fd = -1};
}

/* The runs of those entries that have this hash. */
static size_t choose(const uint64_t *entry, size_t n, uint32_t hash, uint32_t *out)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		if (entry[i] >> 32 == hash)
			out[found++] = (uint32_t)entry[i];
	return found;
}

bool audit_segment_find(struct audit_segment *s, enum audit_segment_word word,
	struct chain_text text, uint32_t **out, size_t *n)
{
	const uint32_t hash = audit_segment_hash(s->head.seed, word, text);
	const struct audit_segment_bucket *b =
		&s->bucket[audit_segment_bucket_of(s->head.bucket_bits, hash)];
	const size_t have = (size_t)(b[1].from - b[0].from);
	uint64_t *entry;
	bool good;

	*out = NULL;
	*n = 0;
	if (have == 0)
		return true;
	if (b[1].from < b[0].from || b[1].from > s->head.entries)
		return false;
	entry = malloc(have * sizeof *entry);
	*out = malloc(have * sizeof **out);
	good = entry != NULL && *out != NULL &&
		read_at(s->fd, entry, have * sizeof *entry,
			entries_at(&s->head) + (off_t)(b->from * sizeof *entry)) &&
		audit_segment_bucket_sum(s->head.seed, entry, have) == b->sum;
	if (good)
		*n = choose(entry, have, hash, *out);
	for (size_t i = 0; i < *n; i++)
		good = good && (*out)[i] < s->head.runs;
	free(entry);
	return good;
}
