/* reason.h: HTTP's reason phrases (RFC 9110, section 15). */
#ifndef HTTP_REASON_H
#define HTTP_REASON_H

/** reason_phrase(status): static text; "" for a status that is not used here. */
const char *reason_phrase(int status);

#endif
