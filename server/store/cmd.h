/*
 * cmd.h: one Redis command under construction, and sending it. There is no way to send one without
 * a callback that hears of its refusal.
 */
#ifndef STORE_CMD_H
#define STORE_CMD_H

#include <stddef.h>
#include <stdint.h>
#include "redis/rconn.h"
#include "store/key.h"

#define CMD_ARGS_MAX 24

struct store;

/* Texts are borrowed until the command is sent; numbers stand in scratch. */
struct cmd {
	int argc;
	size_t used;
	const char *argv[CMD_ARGS_MAX];
	size_t len[CMD_ARGS_MAX];
	char key[KEY_BYTES]; /* of cmd_fcall() */
	char scratch[256];
};

/** cmd_begin(m, name): a native command, without arguments so far. */
void cmd_begin(struct cmd *m, const char *name);
/** cmd_fcall(m, fn, shard): FCALL fn with the shard's index key; its arguments follow. */
void cmd_fcall(struct cmd *m, const char *fn, unsigned shard);
/** cmd_text(m, text): the next argument. */
void cmd_text(struct cmd *m, const char *text);
/** cmd_num(m, number): the next argument, in decimal. */
void cmd_num(struct cmd *m, int64_t number);

/** cmd_send(s, m, cb, ctx): cb hears the answer, and the refusal; error_heard() where nothing else
 * is to be done. Returns 0, or TG_ESTORE and cb is never called. */
int cmd_send(struct store *s, const struct cmd *m, rconn_cb *cb, void *ctx)
	__attribute__((nonnull(3)));

#endif
