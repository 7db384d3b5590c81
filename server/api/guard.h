/* guard.h: looks at an upload's bytes as they pass: the age envelope's form, and, when a digest was
 * declared, SHA-256. Copies nothing. */
#ifndef API_GUARD_H
#define API_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <event2/buffer.h>

struct guard;

/** guard_new(digest): digest: the declared SHA-256, or NULL: none is computed. NULL without memory.
 */
struct guard *guard_new(const uint8_t digest[32]);
/** guard_feed(g, data, n): the first n bytes of data, which stay there. Returns 0 or TG_EENVELOPE.
 */
int guard_feed(struct guard *g, struct evbuffer *data, size_t n);
/** guard_finish(g): the content has ended. Returns 0, TG_EENVELOPE or TG_EDIGEST. */
int guard_finish(struct guard *g);
/** guard_why(g): a sentence for the last refusal. Static. */
const char *guard_why(const struct guard *g);
void guard_free(struct guard *g);

#endif
