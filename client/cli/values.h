/* values.h: the values of options that are neither files nor keys. Each function returns 0, or an
 * exit status after having said what is wrong. */
#ifndef CLI_VALUES_H
#define CLI_VALUES_H

#include "cli/cmdline.h"

struct labels { /* as the options say it; NULL: not given */
	const char *kind, *issuer, *session, *subject, *content_type;
	char canonical[4]; /* the issuer without fillers; issuer points here */
};

/**
 * Reads kind, issuer, session, subject and content type, and checks them as far as this machine
 * can.
 *
 * @need_kind  whether it is an error that --kind is missing
 */
int values_labels(const struct cmdline *o, int need_kind, struct labels *out);

/** Checks a pseudonym, which has 64 lower-case hexadecimal digits; NULL is fine. */
int values_subject(const char *hex);

/**
 * Reads a duration (`90`, `15m`, `1h`, `1d`).
 *
 * @max_s  the longest
 * @out_s  seconds, at least 1; 0 when the option is not given
 */
int values_duration(const struct cmdline *o, enum opt_id id, uint64_t max_s, uint64_t *out_s);

/** Reads a size (`1000`, `64k`, `20MiB`, `1g`). *out_bytes: at least 1; 0 when it is not given. */
int values_size(const struct cmdline *o, enum opt_id id, uint64_t *out_bytes);

#endif
