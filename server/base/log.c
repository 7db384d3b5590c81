/*
 * log.c: log lines as JSON. It opens and rotates no file: master/logger.c does. Each write holds
 * whole lines and PIPE_BUF bytes at most; so the lines of several processes in one pipe do not mix,
 * and a pipe that does not block takes a write whole or not at all. Requests, of which there are
 * thousands a second, are written together at the end of a turn: a small request took five system
 * calls, of which its line was one. Runs in every process.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/time.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#define LINE_MAX_BYTES 4096 /* PIPE_BUF on Linux */
#define WAIT_MS 1000        /* at most, for a descriptor that may block */
/* kept free of a line for what ends it: the mark of a cut, a quote, a brace and a newline */
#define LINE_TAIL 16

struct line {
	char b[LINE_MAX_BYTES];
	size_t n;
};

static int log_fd = STDERR_FILENO;
static bool may_block = true;
static enum log_level log_max = LOG_L_INFO;
static char log_process[32] = "timeglasd";
static struct line held; /* lines of requests that wait to be written */

#define X_(id, name) [id] = (name),
static const char *const level_text[] = {LOG_LEVELS(X_)};
#undef X_

void log_init(int fd, enum log_level level, const char *process)
{
	log_flush();
	log_fd = fd;
	may_block = (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
	log_max = level;
	snprintf(log_process, sizeof log_process, "%s", process);
}

static bool line_put(struct line *l, const char *s, size_t n)
{
	if (l->n + n > sizeof l->b - LINE_TAIL)
		return false;
	memcpy(l->b + l->n, s, n);
	l->n += n;
	return true;
}

/* Returns the length of the well-formed UTF-8 sequence (RFC 3629) at s, 0 when there is none. n: at
 * least 1. */
static size_t utf8_len(const unsigned char *s, size_t n)
{
	size_t len, i;
	unsigned char lo = 0x80, hi = 0xbf;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (len > n)
		return 0;
	if (s[0] == 0xe0)
		lo = 0xa0;
	else if (s[0] == 0xed)
		hi = 0x9f;
	else if (s[0] == 0xf0)
		lo = 0x90;
	else if (s[0] == 0xf4)
		hi = 0x8f;
	if (s[1] < lo || s[1] > hi)
		return 0;
	for (i = 2; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/* Writes one character of a JSON string (RFC 8259, section 7); a byte that is not UTF-8 as U+FFFD.
 * Returns the bytes of s that it stands for, 0 when the line is full. */
static size_t line_put_char(struct line *l, const unsigned char *s, size_t n)
{
	char esc[8];
	size_t len;

	if (*s == '"' || *s == '\\') {
		esc[0] = '\\';
		esc[1] = (char)*s;
		return line_put(l, esc, 2) ? 1 : 0;
	}
	if (*s == '\n')
		return line_put(l, "\\n", 2) ? 1 : 0;
	if (*s < 0x20 || *s == 0x7f) {
		snprintf(esc, sizeof esc, "\\u%04x", *s);
		return line_put(l, esc, 6) ? 1 : 0;
	}
	len = utf8_len(s, n);
	if (len == 0)
		return line_put(l, "\\ufffd", 6) ? 1 : 0;
	return line_put(l, (const char *)s, len) ? len : 0;
}

static void line_str(struct line *l, const char *key, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;
	size_t left = strlen(value), used, at = l->n;

	if (!line_put(l, at > 1 ? "," : "", at > 1 ? 1 : 0) || !line_put(l, "\"", 1) ||
		!line_put(l, key, strlen(key)) || !line_put(l, "\":\"", 3)) {
		l->n = at;
		return;
	}
	for (; left > 0; s += used, left -= used) {
		used = line_put_char(l, s, left);
		if (used == 0) {
			/* LINE_TAIL has room for this, and for what ends the line. */
			memcpy(l->b + l->n, "...", 3);
			l->n += 3;
			break;
		}
	}
	l->b[l->n++] = '"';
}

static void line_num(struct line *l, const char *key, uint64_t value)
{
	char t[96];
	int n = snprintf(t, sizeof t, ",\"%s\":%llu", key, (unsigned long long)value);

	if (n > 0 && (size_t)n < sizeof t)
		line_put(l, t, (size_t)n);
}

static void line_start(struct line *l, enum log_level level, const char *event)
{
	char t[TG_TIME_LEN + 1];

	l->b[0] = '{';
	l->n = 1;
	line_str(l, "time", tg_time_format(clock_wall_ms(), t));
	line_str(l, "level", level_text[level]);
	line_str(l, "process", log_process);
	line_str(l, "event", event);
}

static void line_end(struct line *l)
{
	l->b[l->n++] = '}';
	l->b[l->n++] = '\n';
}

bool log_can_write(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, WAIT_MS) == 1;
}

static void lines_write(struct line *l)
{
	size_t i;

	if ((may_block && !log_can_write(log_fd)) || write(log_fd, l->b, l->n) != (ssize_t)l->n)
		for (i = 0; i < l->n; i++)
			if (l->b[i] == '\n')
				metrics_count(M_LOG_DROPPED, 1);
	l->n = 0;
}

void log_flush(void)
{
	if (held.n > 0)
		lines_write(&held);
}

void log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	struct line l;
	char detail[LINE_MAX_BYTES];
	va_list ap;

	if (level > log_max)
		return;
	line_start(&l, level, event);
	if (fmt != NULL) {
		va_start(ap, fmt);
		vsnprintf(detail, sizeof detail, fmt, ap);
		va_end(ap);
		line_str(&l, "detail", detail);
	}
	line_end(&l);
	log_flush();
	lines_write(&l);
}

bool log_request(const struct log_request *r)
{
	struct line l;

	if (log_max < LOG_L_INFO)
		return false;
	line_start(&l, LOG_L_INFO, "request");
	line_str(&l, "peer", r->peer);
	line_str(&l, "call", r->call);
	line_str(&l, "request", r->request);
	line_num(&l, "status", (uint64_t)r->status);
	if (r->problem != NULL)
		line_str(&l, "problem", r->problem);
	line_num(&l, "in_bytes", r->in_bytes);
	line_num(&l, "out_bytes", r->out_bytes);
	line_num(&l, "duration_us", r->duration_us);
	line_end(&l);
	if (l.n > sizeof held.b - held.n)
		log_flush();
	memcpy(held.b + held.n, l.b, l.n);
	held.n += l.n;
	return true;
}
