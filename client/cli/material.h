/* material.h: the keys that options name: recipients, identities, signing key, sender. Loaded once
 * a command, wiped when it ends. */
#ifndef CLI_MATERIAL_H
#define CLI_MATERIAL_H

#include <timeglas/timeglas.h>
#include "cli/cmdline.h"

#define IDENTITIES_MAX 64

struct material {
	tg_recipient *recipient[TG_RECIPIENTS_MAX];
	size_t n_recipients;
	tg_identity *identity[IDENTITIES_MAX];
	size_t n_identities;
	tg_signer *signer;   /* NULL: none */
	tg_senders *senders; /* NULL: none */
};

/* Each returns 0, or the exit status after having said what is wrong. What is not given at all is
 * no error: n stays 0. */
int material_recipients(const struct cmdline *o, struct material *m);
int material_identities(const struct cmdline *o, struct material *m);
int material_signer(const struct cmdline *o, struct material *m);
int material_senders(const struct cmdline *o, struct material *m);
void material_free(struct material *m);

/** material_to(m): the recipients as the library wants them. */
const tg_recipient *const *material_to(const struct material *m);

#endif
