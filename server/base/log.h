/* log.h: one JSON line an event, on one descriptor, whole lines in one write. No blob id, no
 * personal data, no key ever goes here. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* X(id, name), from the gravest on */
#define LOG_LEVELS(X) \
	X(LOG_L_ERROR, "error") \
	X(LOG_L_WARN, "warn") \
	X(LOG_L_INFO, "info") \
	X(LOG_L_DEBUG, "debug")

enum log_level {
#define X_(id, name) id,
	LOG_LEVELS(X_)
#undef X_
};

/**
 * log_init(fd, level, process): process ("worker-0", "reaper") stands in every line. Call again
 * after fork. A line that fd does not take at once is dropped and counted (M_LOG_DROPPED). A
 * descriptor that may block, as before the logger is there, is waited for, for a second at most.
 */
void log_init(int fd, enum log_level level, const char *process);
/** log_event(level, event, fmt, …): {"time":…,"level":…,"process":…,"event":…,"detail":"…"}; fmt
 * may be NULL. */
void log_event(enum log_level level, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

struct log_request {         /* one line a request: which call, never which blob */
	const char *peer;    /* name or "-" */
	const char *call;    /* e.g. "POST /v1/blobs/{id}/take" */
	const char *request; /* its id, which the answer bears, too */
	int status;
	const char *problem; /* slug or NULL */
	uint64_t in_bytes, out_bytes;
	uint64_t duration_us;
};
/** log_request(r): the line waits for log_flush(), for company of 4096 bytes, or for the next
 * event's line, which it precedes. Returns whether it waits. */
bool log_request(const struct log_request *r);
/** log_can_write(fd): does a write of up to 4096 bytes go through without blocking (if nobody else
 * writes)? Waits a second for that, at most. */
bool log_can_write(int fd);
/** log_flush(): write what waits: at the end of a turn that had requests. */
void log_flush(void);

#define log_error(event, ...) log_event(LOG_L_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...) log_event(LOG_L_WARN, event, __VA_ARGS__)
#define log_info(event, ...) log_event(LOG_L_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) log_event(LOG_L_DEBUG, event, __VA_ARGS__)

#endif
