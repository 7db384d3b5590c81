/*
 * memscan.c: see memscan.h. Wherever a marker of 32 bytes stands, one of its first 8 bytes is at an
 * address divisible by 8 and begins an 8-byte word of the marker. So only every eighth address is
 * looked up, for all markers at once. A gigabyte takes about a second.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <timeglas/errors.h>
#include "bench.h"
#include "memscan.h"

#define BLOCK (1u << 20)
#define OVERLAP 64u /* bytes; more than a marker, so that each is complete in one block */
#define FILTER_BITS 16
/* larger ranges are a sanitizer's shadow memory, nearly all of it unmapped */
#define RANGE_MAX (UINT64_C(1) << 36)

struct search {
	const unsigned char (*marker)[MARKER_BYTES];
	unsigned n;
	bool *found;
	/* by hash: 1 if such a word stands in a marker */
	unsigned char filter[1u << FILTER_BITS];
	unsigned char block[BLOCK];
};

static unsigned hash(uint64_t word)
{
	return (unsigned)((word * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - FILTER_BITS));
}

static uint64_t word_at(const unsigned char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

/* Compares the markers with the bytes around block[at], a word that may be part of one. */
static void verify(struct search *x, size_t at, size_t len)
{
	uint64_t w = word_at(x->block + at);

	for (unsigned m = 0; m < x->n; m++)
		for (size_t off = 0; off < 8; off++)
			if (!x->found[m] && at >= off && at - off + MARKER_BYTES <= len &&
				word_at(x->marker[m] + off) == w)
				x->found[m] = memcmp(x->block + at - off, x->marker[m],
						      MARKER_BYTES) == 0;
}

static void search_range(struct search *x, int fd, uint64_t from, uint64_t to)
{
	while (from < to) {
		size_t want = to - from < BLOCK ? (size_t)(to - from) : BLOCK;
		ssize_t got = pread(fd, x->block, want, (off_t)from);

		if (got <= 0)
			return; /* unmapped meanwhile, or not readable for anybody */
		for (size_t at = 0; at + 8 <= (size_t)got; at += 8)
			if (x->filter[hash(word_at(x->block + at))] != 0)
				verify(x, at, (size_t)got);
		if ((size_t)got <= OVERLAP || from + (uint64_t)got >= to)
			return;
		from += (uint64_t)got - OVERLAP;
	}
}

/* Reads a line of /proc/PID/maps: "55d0c0a00000-55d0c0c21000 rw-p …". True if the range is to be
 * searched. */
static bool writable_range(const char *line, uint64_t *from, uint64_t *to)
{
	char *at;

	*from = strtoull(line, &at, 16);
	if (*at != '-')
		return false;
	*to = strtoull(at + 1, &at, 16);
	return strncmp(at, " rw", 3) == 0 && *to > *from && *to - *from < RANGE_MAX;
}

int memscan(pid_t pid, const unsigned char (*marker)[MARKER_BYTES], unsigned n, bool *found)
{
	struct search *x = bench_alloc(1, sizeof *x);
	char path[64], line[512];
	uint64_t from, to;
	FILE *maps;
	int fd;

	x->marker = marker;
	x->n = n;
	x->found = found;
	for (unsigned m = 0; m < n; m++)
		for (unsigned off = 0; off < 8; off++)
			x->filter[hash(word_at(marker[m] + off))] = 1;
	snprintf(path, sizeof path, "/proc/%ld/mem", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof path, "/proc/%ld/maps", (long)pid);
	maps = fd >= 0 ? fopen(path, "re") : NULL;
	while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
		if (writable_range(line, &from, &to))
			search_range(x, fd, from, to);
	free(x);
	if (fd >= 0)
		close(fd);
	if (maps == NULL)
		return TG_EIO;
	fclose(maps);
	return 0;
}
