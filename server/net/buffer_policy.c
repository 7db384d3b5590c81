/* buffer_policy.c: see buffer_policy.h. It keeps no state. Runs in workers. */
#include <timeglas/errors.h>

#include "net/buffer_policy.h"

/* From here on bytes are moved with their chains, which then hold less than twice their number. */
#define MOVE_FROM_BYTES 16384u

size_t buffer_policy_read_size(size_t want, size_t have)
{
	const size_t n = want > have ? want - have : BUFFER_READ_BYTES;

	return n > BUFFER_DELIVER_BYTES ? n : BUFFER_DELIVER_BYTES;
}

bool buffer_policy_release_after_read(bool chunked, uint64_t left)
{
	return chunked || left > BUFFER_SLOW_FROM_BYTES;
}

bool buffer_policy_deliver(size_t n, uint64_t before)
{
	return n >= BUFFER_DELIVER_BYTES || n >= before;
}

bool buffer_policy_small_chunks(unsigned n_uploads)
{
	return n_uploads >= BUFFER_CROWD;
}

bool buffer_policy_large_chunks(unsigned n_large, uint64_t age_us)
{
	return n_large < BUFFER_LARGE_UPLOADS && age_us <= BUFFER_LARGE_WITHIN_US;
}

int buffer_policy_move(struct evbuffer *from, struct evbuffer *to, size_t n, bool all)
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
