/*
 * target.h: where a witness is: its URL, taken apart. http for this machine and for what a proxy or
 * a tunnel protects, https otherwise.
 */
#ifndef COURIER_TARGET_H
#define COURIER_TARGET_H

#include <stdbool.h>
#include <sys/socket.h>
#include "core/policy.h"

struct target {
	bool tls;
	char host[POLICY_URL_MAX + 1]; /* without brackets */
	char port[6];
	char authority[POLICY_URL_MAX + 1]; /* for Host */
	char prefix[POLICY_URL_MAX + 1]; /* of the path; "" or "/…", without a slash at its end */
};

/** Reads http://HOST[:PORT][/PREFIX], or https. Returns 0 or TG_EINVAL. */
int target_parse(const char *url, struct target *out);

/** Looks its address up, which may take as long as a name server does. Returns 0 or TG_ENET. */
int target_resolve(const struct target *t, struct sockaddr_storage *addr, socklen_t *len);

#endif
