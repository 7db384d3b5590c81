/* bench.c: see bench.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"

void bench_die(const char *fmt, ...)
{
	va_list ap;

	fputs("timeglas-bench: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	_exit(1);
}

void bench_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void bench_show(const char *path)
{
	char text[4096] = "";
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		return;
	n = fread(text, 1, sizeof text, f);
	fwrite(text, 1, n, stderr);
	fclose(f);
}

int64_t bench_wall_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t bench_mono_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

void bench_sleep_until_us(int64_t t)
{
	int64_t left;

	while ((left = t - bench_wall_us()) > 0)
		usleep(left > 500000 ? 500000 : (useconds_t)left);
}

void *bench_alloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		bench_die("out of memory");
	return p;
}

void *bench_share(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		bench_die("out of memory");
	return p;
}

unsigned bench_children(pid_t pid, pid_t *out, unsigned cap)
{
	char path[64], text[4096], *at = text, *end;
	unsigned n = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)pid, (long)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	while (n < cap) {
		long child = strtol(at, &end, 10);

		if (end == at)
			break;
		out[n++] = (pid_t)child;
		at = end;
	}
	return n;
}
