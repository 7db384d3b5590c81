/*
 * error.c: what a function's code, or a refusal of Redis's own, means. Runs in every process that
 * has a store.
 */
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include "base/log.h"
#include "store/attestation.h"
#include "store/error.h"
#include "store/library.h"
#include "store/reply.h"

/* What Redis says in place of NOPERM when a command within a function is denied. */
#define DENIED_WITHIN "The user executing the script can't "
#define EXECABORT_WHY " because of: "

static int redis_err(struct store *s, const char *text)
{
	static const char *const away[] = {"LOADING", "READONLY", "MASTERDOWN", "BUSY",
		"NOREPLICAS", "CLUSTERDOWN", "MISCONF", "NOAUTH", "NOPERM", "TRYAGAIN", "MOVED",
		"ASK", "ERR The user executing the script"};

	if (error_discarded(text)) {
		/* EXEC repeats the reason, or the refused command's own answer has told it */
		text = strstr(text, EXECABORT_WHY);
		if (text == NULL)
			return TG_ESTORE;
		text += sizeof EXECABORT_WHY - 1;
	}
	if (strncmp(text, "OOM", 3) == 0) {
		attestation_saw_full();
		return TG_EFULL;
	}
	if (strncmp(text, "ERR Function not found", 22) == 0) {
		log_warn("store-library", "the function library is gone: loading it again");
		library_check(s);
		return TG_ESTORE;
	}
	for (size_t i = 0; i < sizeof away / sizeof away[0]; i++)
		if (strncmp(text, away[i], strlen(away[i])) == 0 ||
			strstr(text, DENIED_WITHIN) != NULL) {
			log_warn("store-refused", "Redis refused a command: %.80s", text);
			return TG_ESTORE;
		}
	log_error("store-error", "Redis answered with an error: %.120s", text);
	return TG_EINTERNAL;
}

void error_heard(void *ctx, const redisReply *r)
{
	if (r != NULL)
		(void)error_of(ctx, r);
}

int error_of(struct store *s, const redisReply *r)
{
	if (r == NULL)
		return TG_ESTORE;
	if (r->type == REDIS_REPLY_ERROR)
		return redis_err(s, r->str);
	if (r->type == REDIS_REPLY_STRING && r->str[0] >= '0' && r->str[0] <= '9')
		return -(int)strtol(r->str, NULL, 10);
	r = reply_at(r, 0);
	/* tg2_outbox answers with an array, whose first element is its code */
	if (r != NULL && r->type == REDIS_REPLY_INTEGER)
		return -(int)r->integer;
	return 0; /* the answer of a command of Redis's own has no code */
}

bool error_discarded(const char *error)
{
	return strncmp(error, "EXECABORT", 9) == 0;
}
