/*
 * cmd.c: makes a command's words, and sends it. Runs in every process that has a store.
 */
#include <string.h>
#include "base/text.h"
#include "core/bug.h"
#include "store/cmd.h"
#include "store/state.h"

void cmd_text(struct cmd *m, const char *text)
{
	if (m->argc >= CMD_ARGS_MAX)
		tg_bug("cmd", "a command has more than CMD_ARGS_MAX arguments");
	m->argv[m->argc] = text;
	m->len[m->argc++] = strlen(text);
}

/* A text that was made in what is free of scratch becomes the next argument. */
static void cmd_scratch(struct cmd *m, const struct text *t)
{
	if (t->at == t->end)
		tg_bug("cmd", "a command's numbers are longer than its scratch");
	cmd_text(m, t->begin);
	m->used += text_len(t) + 1;
}

void cmd_num(struct cmd *m, int64_t number)
{
	struct text t = text_in(m->scratch + m->used, sizeof m->scratch - m->used);

	text_num(&t, number);
	cmd_scratch(m, &t);
}

void cmd_begin(struct cmd *m, const char *name)
{
	m->argc = 0;
	m->used = 0;
	cmd_text(m, name);
}

void cmd_fcall(struct cmd *m, const char *fn, unsigned shard)
{
	cmd_begin(m, "FCALL");
	cmd_text(m, fn);
	cmd_text(m, "1");
	key_of(m->key, shard, "dl", "");
	cmd_text(m, m->key);
}

int cmd_send(struct store *s, const struct cmd *m, rconn_cb *cb, void *ctx)
{
	return rconn_cmd(s->conn, cb, ctx, m->argc, m->argv, m->len);
}
