/*
 * logger.c: copies log lines from the pipe to the log. It may block there for as long as it takes:
 * nobody waits for this process. The master keeps both ends of the pipe, so when a logger dies only
 * the lines are lost that it had read and not yet written. Runs in the logger process, but for the
 * calls that logger.h gives to others.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "master/logger.h"

#define PIPE_BYTES (1 << 20) /* holds a second of a busy server; the kernel may grant less */
#define READ_BYTES 65536
#define WAIT_MS 1000 /* a SIGHUP between the check and poll() is noticed that late */
#define GATHER_MS 5  /* so that lines of a busy server are written together */
#define FINISH_MS 1000

struct logger {
	const struct child_env *env;
	char buf[READ_BYTES];
	size_t n;          /* bytes in buf: the start of a line whose end was not read yet */
	bool torn;         /* the log ends in the middle of a line */
	uint64_t reported; /* dropped lines that a line of the log has counted */
};

static int pipe_in = -1, pipe_out = -1; /* the logger reads pipe_in; all others write pipe_out */
static int target_fd = -1;
static volatile sig_atomic_t reopen_asked;

static void sleep_ms(long ms)
{
	const struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&t, NULL);
}

int logger_open_file(const char *path)
{
	int fd =
		open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);

	if (fd >= 0)
		fcntl(fd, F_SETFL, O_APPEND); /* blocking again: the logger may wait */
	return fd;
}

int logger_open(int target)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
		return -1;
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
	pipe_in = fds[0];
	pipe_out = fds[1];
	target_fd = target;
	return pipe_out;
}

static void close_fd(int *fd)
{
	if (*fd > STDERR_FILENO)
		close(*fd);
	*fd = -1;
}

void logger_in_child(bool is_logger)
{
	if (is_logger) {
		close_fd(&pipe_out); /* otherwise the pipe would never end */
	} else {
		close_fd(&pipe_in);
		close_fd(&target_fd);
	}
}

static void on_hup(int sig)
{
	(void)sig;
	reopen_asked = 1;
}

/* Opens the file again if SIGHUP has asked for it. Returns whether another file is written from now
 * on. */
static bool reopen(const struct logger *g)
{
	const char *path = g->env->conf->log_file;
	int fd;

	if (!reopen_asked)
		return false;
	reopen_asked = 0;
	if (path == NULL)
		return false;
	fd = logger_open_file(path);
	if (fd < 0) {
		log_error("log",
			"%s cannot be opened (%s), so lines still go to the old file; let the user "
			"of timeglasd create files there",
			path, strerror(errno));
		return false;
	}
	log_init(fd, (enum log_level)g->env->conf->log_level, g->env->name);
	close_fd(&target_fd);
	target_fd = fd;
	log_info("log", "the log file was opened anew");
	return true;
}

static uint64_t lines_in(const char *b, size_t n)
{
	uint64_t lines = 0;

	for (const char *end; n > 0 && (end = memchr(b, '\n', n)) != NULL;
		n -= (size_t)(end + 1 - b), b = end + 1)
		lines++;
	return lines;
}

/* Skips the rest of a line whose beginning stands in the old file. */
static void skip_line(const char **b, size_t *n)
{
	const char *end = memchr(*b, '\n', *n);

	metrics_count(M_LOG_DROPPED, 1);
	*n -= (size_t)(end + 1 - *b);
	*b = end + 1;
}

/* Writes whole lines. Returns false when some could not be written: they are counted. */
static bool put(struct logger *g, const char *b, size_t n)
{
	if (g->torn && write(target_fd, "\n", 1) == 1)
		g->torn = false;
	while (n > 0) {
		ssize_t w = write(target_fd, b, n);

		if (w > 0) {
			g->torn = b[w - 1] != '\n';
			b += w;
			n -= (size_t)w;
		} else if (w < 0 && errno == EAGAIN) {
			/* Another program that has this terminal or pipe open, too, has made it
			 * non-blocking. */
			struct pollfd p = {.fd = target_fd, .events = POLLOUT};

			(void)poll(&p, 1, WAIT_MS);
		} else if (w == 0 || errno != EINTR) {
			metrics_count(M_LOG_DROPPED, lines_in(b, n));
			return false;
		}
		if (reopen(g) && g->torn) {
			g->torn = false;
			if (n > 0)
				skip_line(&b, &n);
		}
	}
	return true;
}

static void report_dropped(struct logger *g)
{
	uint64_t dropped = metrics_counter(g->env->metrics, M_LOG_DROPPED);

	if (dropped == g->reported)
		return;
	log_warn("log-dropped",
		"%llu lines were dropped: the log could not be written, or was not read, as fast "
		"as they came",
		(unsigned long long)(dropped - g->reported));
	g->reported = dropped;
}

/* Reads what is there and writes its whole lines. Returns false when no process is left that could
 * write to the pipe. */
static bool take_in(struct logger *g)
{
	ssize_t got = read(pipe_in, g->buf + g->n, sizeof g->buf - g->n);
	const char *end;
	size_t whole;

	if (got < 0)
		return errno == EINTR || errno == EAGAIN;
	if (got == 0)
		return false;
	g->n += (size_t)got;
	end = memrchr(g->buf, '\n', g->n);
	if (end == NULL)
		return true; /* a line has 4096 bytes at most: its end has room in buf */
	whole = (size_t)(end + 1 - g->buf);
	if (put(g, g->buf, whole))
		report_dropped(g);
	g->n -= whole;
	memmove(g->buf, g->buf + whole, g->n);
	return true;
}

/* Returns whether the path names another file than the one that is open. A logger that replaces
 * another inherits the file of the start, which may have been rotated since. */
static bool is_elsewhere(const char *path)
{
	struct stat named, open_now;

	return path != NULL &&
		(stat(path, &named) != 0 || fstat(target_fd, &open_now) != 0 ||
			named.st_dev != open_now.st_dev || named.st_ino != open_now.st_ino);
}

int logger_main(const struct child_env *env)
{
	static struct logger g; /* its buffer is too large for a stack */
	/* without SA_RESTART: SIGHUP ends a write that waits, and the new file is opened */
	const struct sigaction hup = {.sa_handler = on_hup};
	sigset_t none;

	g.env = env;
	g.reported = metrics_counter(env->metrics, M_LOG_DROPPED);
	reopen_asked = is_elsewhere(env->conf->log_file);
	signal(SIGTERM, SIG_IGN); /* it ends behind the last of the others */
	signal(SIGXFSZ, SIG_IGN);
	sigaction(SIGHUP, &hup, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (;;) {
		struct pollfd p = {.fd = pipe_in, .events = POLLIN};

		(void)reopen(&g);
		if (poll(&p, 1, WAIT_MS) <= 0)
			continue;
		if (!take_in(&g))
			return EXIT_SUCCESS;
		if ((p.revents & POLLHUP) == 0)
			sleep_ms(GATHER_MS);
	}
}

void logger_finish(pid_t pid)
{
	unsigned waited;

	close_fd(&pipe_out);
	for (waited = 0; pid > 0 && waited < FINISH_MS && waitpid(pid, NULL, WNOHANG) == 0;
		waited++)
		sleep_ms(1);
	if (waited == FINISH_MS) {
		kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	close_fd(&pipe_in);
}
