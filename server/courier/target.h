/*
 * target.h: where a witness is: its URL, taken apart. http for this machine and for what a proxy or
 * a tunnel protects, https otherwise.
 */
#ifndef COURIER_TARGET_H
#define COURIER_TARGET_H

#include <stdbool.h>
#include <sys/socket.h>
#include "core/policy.h"

#define TARGET_ADDRESSES_MAX 4u

struct target_addresses {
	unsigned n;
	struct {
		struct sockaddr_storage sa;
		socklen_t len;
	} at[TARGET_ADDRESSES_MAX];
};

struct target {
	bool tls;
	char host[POLICY_URL_MAX + 1]; /* without brackets */
	char port[6];
	char authority[POLICY_URL_MAX + 1]; /* for Host */
	char prefix[POLICY_URL_MAX + 1]; /* of the path; "" or "/…", without a slash at its end */
};

/** Reads http://HOST[:PORT][/PREFIX], or https. Returns 0 or TG_EINVAL. */
int target_parse(const char *url, struct target *out);

/** Adds an address, unless there are enough, or it is longer than any. */
void target_add(struct target_addresses *x, const struct sockaddr *addr, socklen_t len);
/** Takes the host for an address of digits. Returns whether it is one; nothing is looked up. */
bool target_is_numeric(const struct target *t, struct target_addresses *out);

#endif
