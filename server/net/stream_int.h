/* stream_int.h: what stream.c and stream_control.c know of a stream. Not for others. */
#ifndef NET_STREAM_INT_H
#define NET_STREAM_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <event2/buffer.h>
#include <event2/event_struct.h>
#include "net/loop.h"
#include "net/stream_io.h"
#include "net/stream_state.h"

struct stream_cb;

enum stream_output {
	OUT_OPEN,
	OUT_FINISHING, /* stream_finish(): behind what is unsent, our direction ends */
	OUT_FINISHED
};

struct stream {
	struct loop *loop;
	struct stream_io io;
	enum stream_state state;
	struct event ev, timer;
	struct loop_task task;
	struct evbuffer *in, *out;
	struct evbuffer_cb_entry *stalled; /* `in` is full: watched until somebody takes from it */
	const struct stream_cb *cb;
	void *ctx;
	size_t in_max, read_size, out_low;
	uint64_t in_bytes, out_bytes;
	unsigned depth;     /* > 0 while a callback may be running: freeing the rest waits */
	bool paused;        /* nothing more is read */
	bool eof;           /* the peer has ended its direction */
	bool read_again;    /* on_read is due for what stands in `in` already */
	bool was_high;      /* on_drain is due when little is unsent */
	bool flush_follows; /* in the task, before it flushes: need not be queued for that */
	bool release_after_read;
	enum stream_output output;
	ssize_t flush_failed; /* IO_… of stream_flush_now(), which the next task ends with; 0: none
			       */
};

#endif
