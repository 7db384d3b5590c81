/*
 * reply.h: the answers that all calls share: a JSON document, or a problem with its sentence. Each
 * function gives the whole answer, and is harmless when one has begun.
 */
#ifndef API_REPLY_H
#define API_REPLY_H

#include <stdint.h>

#include "base/jsonw.h"
#include "http/httpd.h"
#include "store/types.h"

/**
 * Answers with a JSON document, or with 500 when memory ran out while it was written.
 *
 * @fields  further header lines, "Name: value\r\n"; borrowed until return; NULL: none
 * @w       the document, complete; this frees its memory
 */
void reply_json(struct httpd_req *r, int status, const char *fields, struct jsonw *w);
/**
 * Answers with the problem document for an error of the store or of the rules.
 *
 * @err   a TG_E…; one that the error table does not show to clients becomes TG_EINTERNAL
 * @blob  TG_EGONE: cause and time of its end are told. TG_ECLAIMED: the end of the caller's own
 *        lease is told. NULL: nothing is known of it. Borrowed until return
 */
void reply_error(struct httpd_req *r, int err, const struct store_blob *blob);
/** Answers 410 about something that has ended.
 *
 * @what   "blob" or "session"
 * @cause  of its end, as docs/openapi.yaml lists them
 * @at_ms  when it ended, Unix */
void reply_gone(struct httpd_req *r, const char *what, const char *cause, int64_t at_ms);

#endif
