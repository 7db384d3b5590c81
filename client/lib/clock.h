/* clock.h: the two clocks that the client reads. Not installed. */
#ifndef TG_LIB_CLOCK_H
#define TG_LIB_CLOCK_H

#include <stdint.h>

/** Returns milliseconds of Unix time, as signed heads and deadlines count it. Somebody may set it
 * back. */
int64_t clock_unix_ms(void);

/** Returns milliseconds of a clock that never goes back; only differences mean anything. */
int64_t clock_mono_ms(void);

#endif
