/*
 * memory_search.c: looks for byte strings of 16 bytes in the memory of processes, as whoever owns
 * the machine could. For the wipe tests, which compile it. It changes nothing. Every mapping that
 * can be read is searched.
 *
 * usage: memory_search PID... <MARKERS      MARKERS: 16 bytes each, one behind the other
 * Prints "PID INDEX COUNT MAPPING+OFFSET" for each marker that was found (the place is the first
 * one's), then "PID read BYTES". A process that cannot be read is an error (exit status 2), never
 * "not found".
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARKER 16
#define MARKERS_MAX 65536
#define SLOTS (1u << 18)
#define BLOCK ((size_t)4 << 20)

struct marker {
	unsigned char text[MARKER];
	uint32_t next; /* in its slot's list; index + 1 */
	uint64_t count;
	char place[192];
};

static struct marker *markers;
static uint32_t n_markers;
static uint32_t slot[SLOTS];
static unsigned char *block;

static uint32_t slot_of(const unsigned char *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof x);
	return (uint32_t)((x * UINT64_C(0x9e3779b97f4a7c15)) >> 46);
}

static void read_markers(void)
{
	markers = calloc(MARKERS_MAX, sizeof *markers);
	block = malloc(BLOCK);
	if (markers == NULL || block == NULL)
		exit(2);
	while (n_markers < MARKERS_MAX && fread(markers[n_markers].text, MARKER, 1, stdin) == 1) {
		uint32_t *head = &slot[slot_of(markers[n_markers].text)];

		markers[n_markers].next = *head;
		*head = ++n_markers;
	}
}

static void look(const unsigned char *p, size_t n, uint64_t offset, const char *mapping)
{
	for (size_t i = 0; i + MARKER <= n; i++)
		for (uint32_t m = slot[slot_of(p + i)]; m != 0; m = markers[m - 1].next) {
			struct marker *k = &markers[m - 1];

			if (memcmp(k->text, p + i, MARKER) == 0 && k->count++ == 0)
				snprintf(k->place, sizeof k->place, "%s+%#" PRIx64, mapping,
					offset + i);
		}
}

/* Bytes read. A mapping may end while we look, and a file's may be longer than the file. */
static uint64_t search_mapping(int mem, uint64_t start, uint64_t end, const char *name)
{
	uint64_t at = start;
	size_t kept = 0; /* the last 15 bytes once more, in front of what follows */

	while (at < end) {
		size_t want = end - at < BLOCK - kept ? (size_t)(end - at) : BLOCK - kept, have;
		ssize_t got = pread(mem, block + kept, want, (off_t)at);

		if (got <= 0)
			break;
		have = kept + (size_t)got;
		look(block, have, at - kept - start, name);
		at += (uint64_t)got;
		kept = have < MARKER - 1 ? have : MARKER - 1;
		memmove(block, block + have - kept, kept);
	}
	return at - start;
}

static void fail(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	exit(2);
}

static void search(const char *pid)
{
	char path[64], line[512], name[128];
	uint64_t total = 0, start, end;
	FILE *maps;
	int mem;

	snprintf(path, sizeof path, "/proc/%s/maps", pid);
	if ((maps = fopen(path, "r")) == NULL)
		fail(path);
	snprintf(path, sizeof path, "/proc/%s/mem", pid);
	if ((mem = open(path, O_RDONLY)) < 0)
		fail(path);
	for (uint32_t i = 0; i < n_markers; i++)
		markers[i].count = 0;
	while (fgets(line, sizeof line, maps) != NULL) {
		char access[5];

		strcpy(name, "anonymous");
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s %127s", &start, &end,
			    access, name) < 3)
			fail("maps");
		/* the kernel's own pages, which are the same for everybody */
		if (access[0] == 'r' && strncmp(name, "[v", 2) != 0)
			total += search_mapping(mem, start, end, name);
	}
	for (uint32_t i = 0; i < n_markers; i++)
		if (markers[i].count > 0)
			printf("%s %u %" PRIu64 " %s\n", pid, i, markers[i].count,
				markers[i].place);
	printf("%s read %" PRIu64 "\n", pid, total);
	fclose(maps);
	close(mem);
}

int main(int argc, char *argv[])
{
	read_markers();
	for (int i = 1; i < argc; i++)
		search(argv[i]);
	return n_markers > 0 && argc > 1 ? 0 : 2;
}
