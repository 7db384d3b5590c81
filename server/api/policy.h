/* policy.h: the retention table in force. */
#ifndef API_POLICY_H
#define API_POLICY_H

#include "api/call.h"

/** GET /v1/policy: a route's start. */
void policy_show(struct call *c);

#endif
