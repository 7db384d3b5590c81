/*
 * preload.c: wipes what Redis leaves in its query buffers, keeps huge pages from its large tables,
 * and writes the mark by which others see that memory is wiped. With realloc.c it makes
 * libtimeglas-wipe.so, which is preloaded into redis-server; no process of timeglasd runs it.
 *
 * A client's query buffer lives as long as its connection. Redis parses a command where it stands,
 * so a value stays in the buffer until something longer is read over it. And a buffer that Redis
 * keeps as a stored value of 32 KiB or more also keeps what stands behind that value. So after each
 * read() the rest of the buffer is wiped, as far as an earlier read() had filled it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "wipe/realloc.h"
#include "wipe/wipe.h"

#define DESCRIPTORS 4096
#define TABLE_BYTES ((size_t)2 * 1024 * 1024)
#define ZEROED 0x40 /* jemalloc's MALLOCX_ZERO */

typedef void write_cb(void *arg, const char *text);
typedef void stats_print(write_cb *write, void *arg, const char *opts);

extern int mallctl(const char *name, void *old, size_t *old_len, void *new, size_t new_len)
	__attribute__((weak));
extern void *mallocx(size_t size, int flags) __attribute__((weak));
extern const char *malloc_conf;
void malloc_stats_print(write_cb *write, void *arg, const char *opts);
const char *malloc_conf = "junk:free";

/* For each descriptor: the end of the buffer of its last read(), and the end of the part in it that
 * earlier reads have filled, which is still to be wiped. */
static struct space {
	char *end, *used;
} space[DESCRIPTORS];

static void wipe_rest(int fd, char *from, char *end)
{
	struct space all = {NULL, NULL}, *s = fd >= 0 && fd < DESCRIPTORS ? &space[fd] : &all;
	char *until = s->end == end ? s->used : end;

	if (until > from)
		explicit_bzero(from, (size_t)(until - from));
	s->end = end;
	s->used = from;
}

ssize_t read(int fd, void *buf, size_t n)
{
	ssize_t got = syscall(SYS_read, fd, buf, n);

	if (got > 0)
		wipe_rest(fd, (char *)buf + got, (char *)buf + n);
	return got;
}

static void small_pages(void *p, size_t bytes)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE),
			from = ((uintptr_t)p + page - 1) / page * page;

	(void)madvise((void *)from, ((uintptr_t)p + bytes - from) / page * page, MADV_NOHUGEPAGE);
}

/*
 * The table of a large dictionary is zeroed memory of many megabytes, of which a few commands touch
 * every part. With huge pages the kernel would clear all of it at that moment: 90 ms without an
 * answer when a dictionary of two million keys grew. So memory of TABLE_BYTES or more has small
 * pages.
 */
void *calloc(size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	p = mallocx != NULL ? mallocx(bytes > 0 ? bytes : 1, ZEROED) : malloc(bytes);
	if (p == NULL)
		errno = ENOMEM;
	else if (mallocx == NULL)
		/* a compiler turns malloc() and memset() into calloc(), which is this function */
		explicit_bzero(p, bytes);
	else if (bytes >= TABLE_BYTES)
		small_pages(p, bytes);
	return p;
}

static bool in_force(void)
{
	const char *junk = NULL;
	size_t n = sizeof junk;

	return realloc_wipes() && mallctl != NULL &&
		mallctl("opt.junk", (void *)&junk, &n, NULL, 0) == 0 &&
		(strcmp(junk, "free") == 0 || strcmp(junk, "true") == 0);
}

/* Writes jemalloc's report, which Redis returns for MEMORY MALLOC-STATS, with WIPE_MARK in front
 * when all is in force. */
void malloc_stats_print(write_cb *write, void *arg, const char *opts)
{
	stats_print *next = (stats_print *)dlsym(RTLD_NEXT, "malloc_stats_print");

	if (write != NULL && in_force())
		write(arg, WIPE_MARK);
	if (next != NULL)
		next(write, arg, opts);
}
