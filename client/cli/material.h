/* material.h: the keys that options name: recipients, identities, signing key, sender. Loaded once
 * a command, wiped when it ends. */
#ifndef CLI_MATERIAL_H
#define CLI_MATERIAL_H

#include <timeglas/timeglas.h>
#include "cli/options.h"

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
int material_recipients(const struct options *o, struct material *m);
int material_identities(const struct options *o, struct material *m);
int material_signer(const struct options *o, struct material *m);
int material_senders(const struct options *o, struct material *m);
void material_free(struct material *m);

/** material_to(m): the recipients as the library wants them. */
const tg_recipient *const *material_to(const struct material *m);

/* What a sender's key begins with; another text names a file of them. */
#define SENDER_PREFIX "timeglas-sender1"

struct labels { /* as the options say it; NULL: not given */
	const char *kind, *issuer, *session, *subject, *content_type;
	char canonical[4]; /* the issuer, without fillers */
};

/**
 * label_options(o, need_kind, out): kind, issuer, session, subject and content type, checked as far
 * as this machine can. need_kind: it is an error if --kind is missing. Returns 0 or an exit status,
 * having said what is wrong.
 */
int label_options(const struct options *o, int need_kind, struct labels *out);
/**
 * option_duration(o, id, max_s, out): seconds of an option that takes a duration (`90`, `15m`,
 * `1h`, `1d`), at least 1; 0 when it is not given. Returns 0 or an exit status.
 */
int option_duration(const struct options *o, enum opt_id id, uint64_t max_s, uint64_t *out);
/** option_size(o, id, out): bytes of an option that takes `1000`, `64k`, `20MiB`, `1g`, at least 1;
 * 0 when it is not given. Returns 0 or an exit status. */
int option_size(const struct options *o, enum opt_id id, uint64_t *out);

#endif
