/*
 * log.h: writes a JSON line for each event to one descriptor. A write holds whole lines, 4096 bytes
 * at most. No id of a blob or session, no personal data and no key may be logged.
 */
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
 * Sets where lines go, in this process and those that it forks. Without it: standard error, level
 * info. Lines that wait are written to the old place first.
 *
 * @fd       not owned. What one that does not block does not take at once is dropped, and counted
 * in M_LOG_DROPPED. One that may block, as before the logger runs, is waited for for a second at
 * most.
 * @level    lines of a lower one are not written
 * @process  stands in every line ("worker-0", "reaper"); copied
 */
void log_init(int fd, enum log_level level, const char *process);
/**
 * Writes {"time":…,"level":…,"process":…,"event":…,"detail":…} at once. A detail that does not fit
 * into 4096 bytes is cut and ends in "...".
 *
 * @event  a word for programs; each one that warns has a row in docs/operations.md
 * @fmt    the detail, for people: what happened; what to do. NULL: none
 */
void log_event(enum log_level level, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

struct log_request {         /* the call, never the blob */
	const char *peer;    /* its name, "-" for none */
	const char *call;    /* "POST /v1/blobs/{id}/take": the pattern, not the path */
	const char *request; /* the request's id, which its answer has, too */
	int status;
	const char *problem; /* of the answer, or NULL */
	uint64_t in_bytes, out_bytes;
	uint64_t duration_us;
};
/** Adds a line for a request. It is written at the next log_flush(), before the next event, or when
 * 4096 bytes wait. Returns whether it waits: then the caller has to see to a log_flush(). */
bool log_request(const struct log_request *r);
/** Returns whether fd takes a write of 4096 bytes without blocking, if nobody else writes. Waits a
 * second for that at most. */
bool log_can_write(int fd);
/** Writes the lines that wait. To be called at the end of a turn of the loop. */
void log_flush(void);

#define log_error(event, ...) log_event(LOG_L_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...) log_event(LOG_L_WARN, event, __VA_ARGS__)
#define log_info(event, ...) log_event(LOG_L_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) log_event(LOG_L_DEBUG, event, __VA_ARGS__)

#endif
