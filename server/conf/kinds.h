/* kinds.h: the section [retention]: how long blobs of a kind are kept at most. */
#ifndef CONF_KINDS_H
#define CONF_KINDS_H

#include <stddef.h>
#include <timeglas/retention.h>

/**
 * Sets one limit: "passport" = "1800", "passport.danish" = "600", or a kind that is not built in.
 * A built-in limit can only become shorter.
 *
 * @key    the kind, perhaps with a class of issuers behind a dot
 * @value  seconds
 *
 * Returns 0; or TG_EINVAL with "what is wrong; what to do" in why.
 */
int kinds_set(struct tg_policy *p, const char *key, const char *value, char *why, size_t cap);

#endif
