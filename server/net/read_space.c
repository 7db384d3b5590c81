/* read_space.c: see read_space.h. Runs in every process that has streams. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/buffer_policy.h"
#include "net/read_space.h"

static struct evbuffer *space;

bool read_space_get(struct evbuffer_iovec *v)
{
	if (!space)
		space = evbuffer_new();
	return space && evbuffer_reserve_space(space, BUFFER_SPACE_BYTES, v, 1) >= 1;
}

static void free_copy(const void *p, size_t n, void *arg)
{
	(void)n, (void)arg;
	free((void *)(uintptr_t)p);
}

/* libevent's own chains are powers of two: more than a few bytes stand in memory of just their
 * size. */
static bool add_copy(struct evbuffer *in, const void *p, size_t n)
{
	void *copy;

	if (n < BUFFER_EXACT_FROM_BYTES)
		return evbuffer_add(in, p, n) == 0;
	copy = malloc(n);
	if (!copy)
		return false;
	memcpy(copy, p, n);
	if (evbuffer_add_reference(in, copy, n, free_copy, NULL) == 0)
		return true;
	free(copy);
	return false;
}

bool read_space_keep(struct evbuffer *in, struct evbuffer_iovec *v, size_t n)
{
	bool ok;

	if (n >= BUFFER_KEEP_SPACE_BYTES) {
		v->iov_len = n;
		return evbuffer_commit_space(space, v, 1) == 0 &&
			evbuffer_add_buffer(in, space) == 0;
	}
	ok = add_copy(in, v->iov_base, n);
	explicit_bzero(v->iov_base, n);
	return ok;
}
