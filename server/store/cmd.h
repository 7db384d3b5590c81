/*
 * cmd.h: one Redis command: its words are put together, then it is sent. There is no way to send
 * one without a callback that hears of its refusal.
 */
#ifndef STORE_CMD_H
#define STORE_CMD_H

#include <stddef.h>
#include <stdint.h>
#include "redis/rconn.h"
#include "store/key.h"

#define CMD_ARGS_MAX 24

struct store;

/* It stands on the stack of whoever sends it, and owns nothing: texts are borrowed until
 * cmd_send() returns, numbers and the key of cmd_fcall() stand in the struct itself. */
struct cmd {
	int argc;
	size_t used; /* of scratch */
	const char *argv[CMD_ARGS_MAX];
	size_t len[CMD_ARGS_MAX];
	char key[KEY_BYTES];
	char scratch[256];
};

/** Begins a command of Redis's own, without arguments so far. name: borrowed. */
void cmd_begin(struct cmd *m, const char *name);
/**
 * Begins a call of a function of the library. Its arguments follow by cmd_text() and cmd_num().
 *
 * @fn     as Redis knows it, "tg2_…"; borrowed
 * @shard  0..TOKEN_SHARDS - 1; the shard's deadline index becomes the call's key
 */
void cmd_fcall(struct cmd *m, const char *fn, unsigned shard);
/** Appends an argument. text: NUL-terminated, borrowed. Aborts behind CMD_ARGS_MAX words. */
void cmd_text(struct cmd *m, const char *text);
/** Appends an argument, in decimal. Aborts where scratch is full, which takes a dozen of them. */
void cmd_num(struct cmd *m, int64_t number);

/**
 * Sends it.
 *
 * @cb   told of the answer, whatever it is, as rconn_cmd() says; error_heard() where nothing
 *       depends on it
 * @ctx  of cb; rconn_forget() silences it
 *
 * Returns 0; or TG_ESTORE (not connected, or no memory), and then cb is never called.
 */
int cmd_send(struct store *s, const struct cmd *m, rconn_cb *cb, void *ctx)
	__attribute__((nonnull(3)));

#endif
