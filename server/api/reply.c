/* reply.c: see reply.h. It has the sentences of errors that more than one call meets; which error a
 * call meets is decided elsewhere. Runs in workers. */
#include <stdio.h>

#include <timeglas/errors.h>

#include "api/reply.h"
#include "core/time.h"
#include "store/types.h"

void reply_json(struct httpd_req *r, int status, const char *fields, struct jsonw *w)
{
	size_t n = 0;
	const char *text = jsonw_text(w, &n);

	if (text == NULL)
		reply_error(r, TG_ENOMEM, NULL);
	else
		httpd_reply(httpd_req_reply(r), status, fields, "application/json", text, n);
	jsonw_free(w);
}

static const char *sentence(int err)
{
	switch (err) {
	case TG_ENOENT:
		return "there is no such blob or session, or this peer may not know of it";
	case TG_ECLAIMED:
		return "claimed by another verifier; it will be erased, not released";
	case TG_ETAKEN:
		return "this Timeglas-Name is in use, or was within the last day; repeat an upload "
		       "with the same fields and content, and seal new content anew";
	case TG_ESESSION:
		return "the session named in Timeglas-Session is not open: it has ended, or never "
		       "was; open a new one";
	case TG_ESUBJECT:
		return "Timeglas-Subject is not the subject of this session; leave it out, or "
		       "open a session with that subject";
	case TG_EQUOTA:
		return "the session holds as much session-bound evidence as it may, or the subject "
		       "as many blobs; have them fetched, or close the session";
	case TG_EFROZEN:
		return "the person whom this blob is about has asked that nobody reads it now; ask "
		       "again when the subject has been released, a day later at the latest";
	case TG_EPROCESSOR:
		return "a processor may claim passports only, and none that was issued in Denmark, "
		       "the Faroe Islands or Greenland";
	case TG_EREUSED:
		return "this Idempotency-Key was used for something else within the last days; "
		       "draw a new one for each request";
	case TG_EINFLIGHT:
		return "the first request with this Idempotency-Key is still under way, or broke "
		       "off a moment ago; try again shortly";
	case TG_ETTL:
		return "the blob's lifetime was over before its upload was complete; send it "
		       "faster or allow it a longer one";
	case TG_EFULL:
		return "the store is full; try again when blobs have been fetched or have expired";
	case TG_ESTORE:
		return "the store cannot be reached; an upload was not stored, and whether another "
		       "call took effect is not known; try again shortly";
	case TG_ECOMPARE:
		return "the store is being compared with the evidence, so that nothing that has "
		       "ended is handed out again; try again shortly";
	case TG_EDRAIN:
		return "this server is shutting down and takes no uploads; use another, or try "
		       "again shortly";
	case TG_EEVIDENCE:
		return "what is stored here must be recorded, and the evidence file cannot be "
		       "written now; try again shortly";
	default:
		return tg_strerror(err);
	}
}

void reply_gone(struct httpd_req *r, const char *what, const char *cause, int64_t at_ms)
{
	char members[96], at[TG_TIME_LEN + 1], detail[128];

	snprintf(members, sizeof members, ",\"cause\":\"%s\",\"gone_at\":\"%s\"", cause,
		tg_time_format(at_ms, at));
	snprintf(detail, sizeof detail, "the %s ended (%s) at %s and cannot be had again", what,
		cause, at);
	httpd_problem(httpd_req_reply(r), TG_EGONE, detail, NULL, members);
}

/* The caller itself has claimed the blob: it may have lost the answer that named the claim. */
static void reply_own_claim(struct httpd_req *r, int64_t until_ms)
{
	char members[64], at[TG_TIME_LEN + 1], detail[256];

	tg_time_format(until_ms, at);
	snprintf(members, sizeof members, ",\"lease_deadline\":\"%s\"", at);
	snprintf(detail, sizeof detail,
		"this certificate has claimed the blob already, and it is erased at %s at the "
		"latest; go on with that claim, or repeat its request with the "
		"Idempotency-Key that it had",
		at);
	httpd_problem(httpd_req_reply(r), TG_ECLAIMED, detail, NULL, members);
}

void reply_error(struct httpd_req *r, int err, const struct store_blob *blob)
{
	if (err == TG_EGONE && blob != NULL && blob->cause[0] != '\0') {
		reply_gone(r, "blob", blob->cause, blob->gone_at_ms);
		return;
	}
	if (err == TG_ECLAIMED && blob != NULL && blob->own_lease_ms != 0) {
		reply_own_claim(r, blob->own_lease_ms);
		return;
	}
	if (tg_error_status(err) == 0)
		err = TG_EINTERNAL;
	httpd_problem(httpd_req_reply(r), err, sentence(err), NULL, NULL);
}
