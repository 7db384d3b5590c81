/* policy.h: the retention table in force. */
#ifndef API_POLICY_H
#define API_POLICY_H

#include "api/call.h"

/** GET /v1/policy: answers with the rules and limits of the configuration. A call_kind's start
 * (call.h). */
void policy_show(struct call *c);

#endif
