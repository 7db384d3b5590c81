/* unseal.h: what open, take and get share: identities and sender from the options, opening into a spool, telling about the head. */
#ifndef CLI_UNSEAL_H
#define CLI_UNSEAL_H

#include <jansson.h>
#include <stdbool.h>
#include <timeglas/timeglas.h>
#include "cli/material.h"
#include "cli/options.h"
#include "cli/spool.h"

struct unseal {
	struct material keys;
	bool raw, has_head;
	tg_head head;     /* good once unseal_run() returned 0 and has_head is set */
	char why[256];    /* a sentence when it did not */
};

/** unseal_prepare(o, u): load what opening needs. Returns 0 or an exit status, having said what is missing. */
int unseal_prepare(const struct options *o, struct unseal *u);
/** unseal_run(u, fd, out): open everything that fd gives into out, and check it. Returns 0 or a TG_E…; out is not good then. */
int unseal_run(struct unseal *u, int fd, struct spool *out);
void unseal_free(struct unseal *u);

/** head_json(h): the head as a JSON object. */
json_t *head_json(const tg_head *h);
/** head_note(u): a line for people about what was opened. */
void head_note(const struct unseal *u);

#endif
