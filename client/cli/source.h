/* source.h: what an upload reads: a file sealed while it is sent, or one that is sealed already. */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <timeglas/timeglas.h>

struct source;

/** source_open(path, out): "-" is stdin. Returns 0 or an exit status, having said why. */
int source_open(const char *path, struct source **out);
/** source_fd(s): for reading it in another way than by source_read(). */
int source_fd(const struct source *s);
/**
 * source_seal(s, o): seal while reading; what o points to outlives s. Without write and ctx the sealed bytes come by source_read(), with them by
 * source_push(). Returns 0 or an exit status, having said why.
 */
int source_seal(struct source *s, const tg_seal_opts *o);
/** source_digest(s, sha256): of all of it, before it is read again for sending. stdin is first kept in a nameless file. */
int source_digest(struct source *s, uint8_t sha256[32]);
/** source_size(s): bytes that source_read() will give; UINT64_MAX when nobody can know (a pipe). */
uint64_t source_size(const struct source *s);
/** source_read(s, p, cap): for tg_put_opts.read. TG_EIO also when the file changes while it is being read. */
long source_read(void *s, void *p, size_t cap);
/** source_push(s): all of it, sealed, to the write of source_seal(). Returns 0, what write returned, or what source_read() would. */
int source_push(struct source *s);
/** source_rewind(s): for tg_put_opts.rewind: what follows is as if nothing had been read; sealed anew. 0 or TG_E… */
int source_rewind(void *s);
/** source_can_rewind(s): not a pipe. */
bool source_can_rewind(const struct source *s);
/** source_why(s): a sentence for the last failure of source_read(), NULL when there was none. */
const char *source_why(const struct source *s);
void source_free(struct source *s);

#endif
