/* clock.h: the two clocks of this machine. Durations and timeouts use clock_mono_us();
 * clock_wall_ms() is for people and logs. Deadlines of blobs follow the store's clock, not these.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/** Returns CLOCK_BOOTTIME in microseconds: never set back, and it goes on while the machine is
 * suspended. */
uint64_t clock_mono_us(void);
/** Returns Unix time in milliseconds. */
int64_t clock_wall_ms(void);

#endif
