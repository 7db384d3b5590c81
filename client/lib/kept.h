/*
 * kept.h: sealed copies that a failed fetch leaves behind, and until when. They are evidence, too:
 * none may outlast what the buffer was allowed to hold, so a list of them stands in the folder of
 * state.h, and whoever comes by after their time removes them.
 */
#ifndef TG_LIB_KEPT_H
#define TG_LIB_KEPT_H

#include <stdint.h>

/** Lists a file that was just written. Returns 0, TG_EIO (errno) or TG_ENOMEM: then nobody but the
 * user will remove it. */
int tg_kept_add(const char *path, int64_t until_ms);
/** tg_kept_sweep() of timeglas.h, at a given time. */
int tg_kept_sweep_at(int64_t now_ms);

#endif
