/* removal.h: when the bytes of blobs left Redis, by Redis's own key events. */
#ifndef BENCH_REMOVAL_H
#define BENCH_REMOVAL_H

#include <stdint.h>
#include "seed.h"

struct removal;

/** Subscribes to the events of the keys of n blobs. The server must send them
 * (notify-keyspace-events Kgx). b is borrowed until removal_close(). */
struct removal *removal_subscribe(const struct server *s, const struct seeded *b, unsigned n);

/** Waits until all keys are removed, or bench_wall_us() is until_us. Sets removed_us[i], of n
 * entries, to the time by bench_wall_us() at which the event of b[i] came; an entry that is not 0
 * is kept. The process ends with a message when Redis goes away. */
void removal_wait(struct removal *w, int64_t until_us, int64_t *removed_us);

/** Ends the subscription and frees w. */
void removal_close(struct removal *w);

#endif
