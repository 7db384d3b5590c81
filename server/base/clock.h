/* clock.h: the two clocks. Durations use clock_mono_us(); clock_wall_ms() is for people and logs
 * (the store's TIME rules deadlines). */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/** clock_mono_us(): CLOCK_BOOTTIME in microseconds (goes on through suspend). */
uint64_t clock_mono_us(void);
/** clock_wall_ms(): Unix time in milliseconds. */
int64_t clock_wall_ms(void);

#endif
