/* session.h: sessions. Each function is a route's start. */
#ifndef API_SESSION_H
#define API_SESSION_H

#include "api/call.h"

/** POST /v1/sessions */
void session_open(struct call *c);
/** GET /v1/sessions/{sid} */
void session_show(struct call *c);
/** POST /v1/sessions/{sid}/touch */
void session_touch(struct call *c);
/** DELETE /v1/sessions/{sid}, with ?erase=all or without */
void session_close(struct call *c);

#endif
