/* store_run.h: which Redis process answers. For the recorder. */
#ifndef STORE_STORE_RUN_H
#define STORE_STORE_RUN_H

struct store;

#define STORE_RUN_MAX 40 /* characters of a run id */

/** run: of the process, borrowed until return; "" when it may not be asked, or did not say. */
typedef void store_run_cb(void *ctx, const char *run);
/** Asks INFO for the id that a Redis process draws when it starts. Answers to what is sent later
 * come later. Returns as types.h says. */
int store_run_ask(struct store *s, store_run_cb *cb, void *ctx);

#endif
