/* httpd_problem.h: answers that say what went wrong: RFC 9457 problem documents, from the table of
 * errors (include/timeglas/errors.h). */
#ifndef HTTP_HTTPD_PROBLEM_H
#define HTTP_HTTPD_PROBLEM_H

#include "http/httpd_reply.h"

/**
 * Gives a problem document as the whole answer. Does nothing when an answer has begun. An error
 * that may be over soon carries Retry-After.
 *
 * @code     a TG_E…, of which status, type and title follow
 * @detail   a sentence that says what to do
 * @fields   as httpd_reply()'s
 * @members  further JSON members (",\"cause\":\"expired\"") or NULL
 */
void httpd_problem(struct httpd_reply *rep, int code, const char *detail, const char *fields,
	const char *members);

#endif
