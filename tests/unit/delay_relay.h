/*
 * delay_relay.h: a process between a client and a server on unix sockets that passes every byte on
 * so much later, each way, in order: a store that is far away. Ended by its pid, and with the test.
 */
#ifndef TEST_DELAY_RELAY_H
#define TEST_DELAY_RELAY_H

#include "check.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RELAY_PAIRS 16
#define RELAY_BYTES 65536

struct relay_piece {
	struct relay_piece *next;
	uint64_t due_us;
	size_t n, done;
	char bytes[];
};

struct relay_way { /* from one end to the other */
	int from, to;
	struct relay_piece *first, **last;
};

static inline uint64_t relay_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static inline int relay_socket(const char *path, int listens)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%.100s", path);
	if (fd < 0 ||
		(listens ? bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 16) != 0 :
			   connect(fd, (struct sockaddr *)&a, sizeof a) != 0))
		_exit(3);
	return fd;
}

static inline int relay_read(struct relay_way *w, uint64_t delay_us)
{
	static char bytes[RELAY_BYTES];
	ssize_t n = recv(w->from, bytes, sizeof bytes, MSG_DONTWAIT);
	struct relay_piece *p;

	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return -1;
	p = malloc(sizeof *p + (size_t)n);
	if (p == NULL)
		_exit(4);
	*p = (struct relay_piece){.due_us = relay_now_us() + delay_us, .n = (size_t)n};
	memcpy(p->bytes, bytes, (size_t)n);
	*w->last = p;
	w->last = &p->next;
	return 0;
}

static inline int relay_write(struct relay_way *w)
{
	while (w->first != NULL && w->first->due_us <= relay_now_us()) {
		struct relay_piece *p = w->first;
		ssize_t n = send(
			w->to, p->bytes + p->done, p->n - p->done, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		p->done += (size_t)n;
		if (p->done < p->n)
			return 0;
		w->first = p->next;
		if (w->first == NULL)
			w->last = &w->first;
		free(p);
	}
	return 0;
}

static inline void relay_run(const char *path, const char *server, uint64_t delay_us)
{
	struct relay_way way[2 * RELAY_PAIRS];
	struct pollfd fd[1 + 2 * RELAY_PAIRS];
	int n = 0;

	fd[0] = (struct pollfd){.fd = relay_socket(path, 1), .events = POLLIN};
	for (;;) {
		poll(fd, (nfds_t)(1 + n), 1);
		if ((fd[0].revents & POLLIN) != 0 && n + 2 <= 2 * RELAY_PAIRS) {
			int a = accept(fd[0].fd, NULL, NULL), b = relay_socket(server, 0);
			for (int k = 0; k < 2; k++, n++) {
				way[n] = (struct relay_way){
					.from = k == 0 ? a : b, .to = k == 0 ? b : a};
				way[n].last = &way[n].first;
				fd[1 + n] = (struct pollfd){.fd = way[n].from, .events = POLLIN};
			}
		}
		for (int i = 0; i < n; i++) {
			if (fd[1 + i].fd < 0 ||
				(relay_read(&way[i], delay_us) == 0 && relay_write(&way[i]) == 0))
				continue;
			for (int k = i & ~1; k <= (i | 1); k++) { /* both ends */
				shutdown(way[k].from, SHUT_RDWR);
				fd[1 + k].fd = -1;
			}
		}
	}
}

/** relay_start(path, server, delay_us): listens at path when this returns. Returns its pid. */
static inline pid_t relay_start(const char *path, const char *server, uint64_t delay_us)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		relay_run(path, server, delay_us);
	}
	while (access(path, F_OK) != 0)
		usleep(1000);
	return pid;
}

static inline void relay_stop(pid_t pid, const char *path)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(path);
}

#endif
