/* material.h: the keys that options name: recipients, identities, signing key, senders. They are
 * loaded once, and wiped when the command ends. */
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

/* Each loads the keys of one option. Without the option there are none, which is no error. Each
 * returns 0, or the exit status after having said what is wrong. */
int material_recipients(const struct cmdline *o, struct material *m);
int material_identities(const struct cmdline *o, struct material *m);
int material_signer(const struct cmdline *o, struct material *m);
int material_senders(const struct cmdline *o, struct material *m);

/** Frees and wipes all keys, but not m. */
void material_free(struct material *m);

/** Returns the recipients as the library takes them; they stay m's. */
const tg_recipient *const *material_to(const struct material *m);

#endif
