/* subject.h: what is held of a person, as far as an uploader names a subject: shown, erased, frozen
 * and released. For the uploader, of its own subjects, and for operators, who name the uploader:
 * ?uploader=NAME. Each function is a call_kind's start (call.h). */
#ifndef API_SUBJECT_H
#define API_SUBJECT_H

#include "api/call.h"

/** GET /v1/subjects/{subject}: tells what is there, and how the rest ended and who read it. */
void subject_show(struct call *c);
/** DELETE /v1/subjects/{subject}: erases all of it; answers with a receipt for each blob. */
void subject_erase(struct call *c);
/** POST /v1/subjects/{subject}/freeze: lets nobody read of it for a day. */
void subject_freeze(struct call *c);
/** POST /v1/subjects/{subject}/release: ends that. */
void subject_release(struct call *c);

#endif
