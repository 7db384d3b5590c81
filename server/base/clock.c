/*
 * clock.c: readings of the system's clocks. It schedules nothing and corrects nothing. Runs in
 * every process.
 */
#include <time.h>

#include "base/clock.h"

uint64_t clock_mono_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

int64_t clock_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + (int64_t)(t.tv_nsec / 1000000);
}
