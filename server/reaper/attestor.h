/* attestor.h: once a second, is the store volatile, and does it never evict? The answer goes to the
 * scoreboard, each change of it to the log and the evidence. */
#ifndef REAPER_ATTESTOR_H
#define REAPER_ATTESTOR_H

#include <stdbool.h>
#include "conf/conf.h"
#include "store/store.h"

struct attestor;

/** attestor_new(conf, embedded): embedded: the store is ours. NULL without memory. */
struct attestor *attestor_new(const struct conf *conf, bool embedded);
void attestor_free(struct attestor *a);
/** attestor_down(a): the connection is lost, and the next may be to another Redis: nothing is known
 * of it. */
void attestor_down(struct attestor *a);
/** attestor_refused(a, why): the store said so when it was to be made usable: nothing is stored
 * until it lets itself be looked at. */
void attestor_refused(struct attestor *a, const char *why);
/** attestor_ask(a, s): look now; one look at a time. */
void attestor_ask(struct attestor *a, struct store *s);

#endif
