/* compact.c: see compact.h. It does no I/O. Runs in workers. */
#include <timeglas/errors.h>

#include "net/compact.h"

#define MOVE_FROM_BYTES 16384u

int compact_move(struct evbuffer *from, struct evbuffer *to, size_t n, bool all)
{
	if (all || n >= MOVE_FROM_BYTES)
		return evbuffer_remove_buffer(from, to, n) == (int)n ? 0 : TG_ENOMEM;
	while (n > 0) {
		struct evbuffer_iovec v;

		if (evbuffer_peek(from, 1, NULL, &v, 1) < 1)
			return TG_ENOMEM;
		size_t k = v.iov_len < n ? v.iov_len : n;
		if (evbuffer_add(to, v.iov_base, k) != 0)
			return TG_ENOMEM;
		evbuffer_drain(from, k);
		n -= k;
	}
	return 0;
}
