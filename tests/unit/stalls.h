/*
 * stalls.h: how long the machine kept a process waiting while a test ran, so that a test of how
 * late something is does not fail because the machine was busy: what it allows, it allows beside
 * the worst stall.
 */
#ifndef TESTS_STALLS_H
#define TESTS_STALLS_H

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STALLS_STEP_US 2000

struct stalls {
	pid_t pid;
	_Atomic long *worst_us; /* shared with the process that looks */
};

static inline long stalls_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

/* Starts a process that sleeps in small steps and notes by how much the longest was too long. */
static inline struct stalls stalls_start(void)
{
	struct stalls s;

	s.worst_us = mmap(NULL, sizeof *s.worst_us, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(s.worst_us, MAP_FAILED);
	s.pid = fork();
	assert_int_not_equal(s.pid, -1);
	if (s.pid != 0)
		return s;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (long before = stalls_now_us();;) {
		long over;

		usleep(STALLS_STEP_US);
		over = stalls_now_us() - before - STALLS_STEP_US;
		if (over > *s.worst_us)
			*s.worst_us = over;
		before += STALLS_STEP_US + over;
	}
}

/* Ends the process; returns the longest stall in microseconds. */
static inline long stalls_stop(struct stalls *s)
{
	const long worst_us = *s->worst_us;

	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	munmap((void *)s->worst_us, sizeof *s->worst_us);
	return worst_us;
}

#endif
