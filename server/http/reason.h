/* reason.h: HTTP's reason phrases (RFC 9110, section 15). */
#ifndef HTTP_REASON_H
#define HTTP_REASON_H

/** Returns the phrase, which is static; "" for a status that the server does not use. */
const char *reason_phrase(int status);

#endif
