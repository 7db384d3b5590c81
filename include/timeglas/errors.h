/*
 * errors.h: every error of timeglas in one table, for the server, the library and the command line.
 *
 * A function returns 0 or a negative TG_E... code. The server answers with an RFC 9457 problem
 * document: its status, its type (a relative URI that does not change, "/problems/<slug>") and its
 * title come from this table. Its detail comes from where the fault was found.
 */
#ifndef TIMEGLAS_ERRORS_H
#define TIMEGLAS_ERRORS_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * X(name, number, status, slug, retryable, text)
 *
 * number     of the code, which is negative; numbers are never used again
 * status     of HTTP; 0: the server never sends it
 * slug       last part of the problem's type
 * retryable  1: the same request may succeed later
 * text       the problem's title, and what tg_strerror() returns
 */
#define TG_ERRORS(X) \
	X(EINVAL, 1, 400, "malformed", 0, "malformed request") \
	X(EDIGEST, 2, 400, "digest-mismatch", 0, "content does not match its Content-Digest") \
	X(EROLE, 3, 403, "role", 0, "this peer's role may not do that") \
	X(EPEER, 4, 403, "unknown-peer", 0, \
		"the client certificate belongs to no configured peer") \
	X(ENOENT, 5, 404, "not-found", 0, "not found") \
	X(EMETHOD, 6, 405, "method", 0, "method not allowed here") \
	X(ETIMEOUT, 7, 408, "timeout", 1, "the request took too long") \
	X(ECLAIMED, 8, 409, "claimed", 0, "claimed already") \
	X(EINFLIGHT, 9, 409, "in-flight", 1, "the first request with this key is still under way") \
	X(EGONE, 10, 410, "gone", 0, "the blob is gone") \
	X(ETOOBIG, 11, 413, "too-large", 0, "content too large") \
	X(EURI, 12, 414, "uri-too-long", 0, "request target too long") \
	X(EENVELOPE, 13, 415, "not-an-age-envelope", 0, "the content is not an age v1 envelope") \
	X(ERANGE, 14, 416, "range", 0, "range not satisfiable") \
	X(EEXPECT, 15, 417, "expectation", 0, "only 100-continue can be expected") \
	X(EKIND, 16, 422, "kind", 0, "unknown or missing kind") \
	X(EISSUER, 17, 422, "issuer", 0, "unknown or missing issuer") \
	X(ETTL, 18, 422, "ttl", 0, "lifetime outside the policy") \
	X(ESESSION, 19, 422, "session", 0, "this blob needs an open session") \
	X(ERECIPIENT, 20, 422, "recipient", 0, "no such peer to address the blob to") \
	X(EPROCESSOR, 21, 422, "processor", 0, "a processor may not have this blob") \
	X(EREUSED, 22, 422, "idempotency-key", 0, \
		"the Idempotency-Key was used for another description") \
	X(EQUOTA, 23, 429, "quota", 1, "over a quota") \
	X(EHEADERS, 24, 431, "headers-too-large", 0, "request header fields too large") \
	X(EINTERNAL, 25, 500, "internal", 0, "internal error") \
	X(ENOTIMPL, 26, 501, "not-implemented", 0, "not implemented") \
	X(ESTORE, 27, 503, "store-unreachable", 1, "the store cannot be reached") \
	X(EATTEST, 28, 503, "store-not-attested", 1, "the store is not attested as volatile") \
	X(EDRAIN, 29, 503, "draining", 1, "the server is shutting down") \
	X(EEVIDENCE, 30, 503, "no-evidence", 1, "evidence cannot be written") \
	X(EVERSION, 31, 505, "http-version", 0, "only HTTP/1.1 is spoken here") \
	X(EFULL, 32, 507, "store-full", 1, "the store is full") \
	X(EMEDIA, 33, 415, "media-type", 0, "the content type is not the one expected here") \
	X(ECOMPARE, 34, 503, "store-not-compared", 1, \
		"the store has not been compared with the evidence yet") \
	X(ETAKEN, 35, 409, "id-taken", 0, "the name is taken, or was within the last day") \
	X(ESUBJECT, 36, 422, "subject", 0, "a subject is 64 lower-case hexadecimal digits") \
	X(EFROZEN, 37, 423, "frozen", 0, "its subject is frozen: nobody may read it now") \
	X(EWIPE, 38, 503, "store-not-wiping", 1, \
		"the store is not known to overwrite the memory that it frees") \
	/* What the server never sends: errors of the library and the command line. */ \
	X(ENOMEM, 64, 0, "memory", 0, "out of memory") \
	X(EIO, 65, 0, "io", 0, "input/output error") \
	X(ENET, 66, 0, "unreachable", 1, "the server cannot be reached") \
	X(EPROTO, 67, 0, "protocol", 0, "the other side broke the protocol") \
	X(EHEADER, 68, 0, "age-header", 0, "not a well-formed age header") \
	X(EHMAC, 69, 0, "age-hmac", 0, "the age header was changed (HMAC mismatch)") \
	X(ENOMATCH, 70, 0, "age-no-match", 0, "no identity matches a recipient of this file") \
	X(EPAYLOAD, 71, 0, "age-payload", 0, "the age payload was changed or cut") \
	X(EARMOR, 72, 0, "age-armor", 0, "malformed age armor") \
	X(ESIGNATURE, 73, 0, "signature", 0, "the sender's signature does not verify") \
	X(EMISLABELLED, 74, 0, "mislabelled", 0, \
		"the sealed head differs from what was asked for") \
	X(EREPLAY, 75, 0, "replayed", 0, "this sealed reference was seen before") \
	X(EKEY, 76, 0, "key", 0, "not a well-formed key") \
	X(ECANCELED, 77, 0, "canceled", 0, "canceled") \
	X(EPROBLEM, 78, 0, "refused", 0, "refused by the server") \
	X(ETLS, 79, 0, "tls", 0, "one side refused the other's certificate or TLS") \
	X(EAGE, 80, 0, "head-age", 0, "the sealed head is too old, or from the future") \
	X(EPOLICY, 81, 0, "policy", 0, \
		"fewer witnesses have cosigned it than the policy asks for") \
	X(EPROOF, 82, 0, "proof", 0, "the proof does not show what was asked for") \
	X(EPENDING, 83, 0, "proof-pending", 1, "there is no proof of it yet")

enum tg_error {
	TG_OK = 0,
#define TG_X_(name, number, status, slug, retryable, text) TG_##name = -(number),
	TG_ERRORS(TG_X_)
#undef TG_X_
};

/** Returns the table's text for a code, "ok" for 0 and "unknown error" for any other number. The
 * text lives for ever, as do those of the next function. */
const char *tg_strerror(int code);
/** Returns the last part of the problem's type, such as "gone"; "internal" for an unknown code. */
const char *tg_error_slug(int code);
/** Returns the HTTP status; 0 when the server never sends the code. */
int tg_error_status(int code);
/** Returns 1 when the same request may succeed later, otherwise 0. */
int tg_error_retryable(int code);

#ifdef __cplusplus
}
#endif
#endif
