/* session.h: sessions. Each function is a call_kind's start (call.h). */
#ifndef API_SESSION_H
#define API_SESSION_H

#include "api/call.h"

/** POST /v1/sessions: opens a session for the uploader that calls. */
void session_open(struct call *c);
/** GET /v1/sessions/{sid}: tells of a session and of its blobs: of all for its uploader and for
 * operators, for a verifier of those that are addressed to it. */
void session_show(struct call *c);
/** POST /v1/sessions/{sid}/touch: shows that the session is in use. */
void session_touch(struct call *c);
/** DELETE /v1/sessions/{sid}: closes a session, which erases its bound blobs, with ?erase=all every
 * blob; answers with their receipts. */
void session_close(struct call *c);

#endif
