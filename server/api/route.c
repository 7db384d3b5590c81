/* route.c: see route.h. The calls of the data plane stand in one table. It does not check roles:
 * api.c does. Pure; runs in workers. */
#include <stdio.h>
#include <string.h>

#include <timeglas/errors.h>

#include "api/blob.h"
#include "api/claim.h"
#include "api/policy.h"
#include "api/receipt.h"
#include "api/route.h"
#include "api/session.h"
#include "api/subject.h"
#include "api/take.h"
#include "api/upload.h"
#include "conf/conf.h"
#include "core/chain.h"
#include "store/store_claim.h"

#define UP ROLE_UPLOADER
#define VER ROLE_VERIFIER
#define PROC ROLE_PROCESSOR
#define OP ROLE_OPERATOR
#define ANY (ROLE_UPLOADER | ROLE_VERIFIER | ROLE_PROCESSOR | ROLE_OPERATOR)

#define SUBJECT(method_, suffix_, label_, start) \
	{ \
		.method = (method_), .prefix = "/v1/subjects", .id = ROUTE_SUBJECT, \
		.suffix = (suffix_), .label = (label_), .roles = UP | OP, .has_query = true, \
		.call = { \
			CALL_NO_CONTENT, \
			(start) \
		} \
	}

static const struct route table[] = {
	{.method = H1_POST,
		.prefix = "/v1/blobs",
		.id = ROUTE_NO_ID,
		.suffix = "",
		.label = "POST /v1/blobs",
		.roles = UP,
		.call = {CALL_STREAM, upload_start}},
	{.method = H1_POST,
		.prefix = "/v1/blobs",
		.id = ROUTE_ID,
		.suffix = "/take",
		.label = "POST /v1/blobs/{id}/take",
		.roles = VER,
		.of_blob = true,
		.call = {CALL_NO_CONTENT, take_start}},
	{.method = H1_POST,
		.prefix = "/v1/blobs",
		.id = ROUTE_ID,
		.suffix = "/claim",
		.label = "POST /v1/blobs/{id}/claim",
		.roles = VER | PROC,
		.of_blob = true,
		.call = {CALL_JSON, claim_start}},
	{.method = H1_GET,
		.prefix = "/v1/claims",
		.id = ROUTE_CLAIM,
		.suffix = "",
		.label = "GET /v1/claims/{claim}",
		.roles = VER | PROC,
		.of_blob = true,
		.call = {CALL_NO_CONTENT, take_claimed}},
	{.method = H1_POST,
		.prefix = "/v1/claims",
		.id = ROUTE_CLAIM,
		.suffix = "/ack",
		.label = "POST /v1/claims/{claim}/ack",
		.roles = VER | PROC,
		.of_blob = true,
		.call = {CALL_JSON, claim_ack}},
	{.method = H1_GET,
		.prefix = "/v1/blobs",
		.id = ROUTE_ID,
		.suffix = "",
		.label = "GET /v1/blobs/{id}",
		.roles = UP | VER | OP,
		.of_blob = true,
		.call = {CALL_NO_CONTENT, blob_stat}},
	{.method = H1_DELETE,
		.prefix = "/v1/blobs",
		.id = ROUTE_ID,
		.suffix = "",
		.label = "DELETE /v1/blobs/{id}",
		.roles = UP | OP,
		.of_blob = true,
		.call = {CALL_NO_CONTENT, blob_erase}},
	{.method = H1_POST,
		.prefix = "/v1/sessions",
		.id = ROUTE_NO_ID,
		.suffix = "",
		.label = "POST /v1/sessions",
		.roles = UP,
		.call = {CALL_JSON, session_open}},
	{.method = H1_GET,
		.prefix = "/v1/sessions",
		.id = ROUTE_ID,
		.suffix = "",
		.label = "GET /v1/sessions/{sid}",
		.roles = UP | VER | OP,
		.call = {CALL_NO_CONTENT, session_show}},
	{.method = H1_POST,
		.prefix = "/v1/sessions",
		.id = ROUTE_ID,
		.suffix = "/touch",
		.label = "POST /v1/sessions/{sid}/touch",
		.roles = UP,
		.call = {CALL_NO_CONTENT, session_touch}},
	{.method = H1_DELETE,
		.prefix = "/v1/sessions",
		.id = ROUTE_ID,
		.suffix = "",
		.label = "DELETE /v1/sessions/{sid}",
		.roles = UP | OP,
		.has_query = true,
		.call = {CALL_NO_CONTENT, session_close}},
	SUBJECT(H1_GET, "", "GET /v1/subjects/{subject}", subject_show),
	SUBJECT(H1_DELETE, "", "DELETE /v1/subjects/{subject}", subject_erase),
	SUBJECT(H1_POST, "/freeze", "POST /v1/subjects/{subject}/freeze", subject_freeze),
	SUBJECT(H1_POST, "/release", "POST /v1/subjects/{subject}/release", subject_release),
	{.method = H1_GET,
		.prefix = "/v1/receipts",
		.id = ROUTE_EVENT,
		.suffix = "",
		.label = "GET /v1/receipts/{event}",
		.roles = ANY,
		.call = {CALL_NO_CONTENT, receipt_show}},
	{.method = H1_GET,
		.prefix = "/v1/policy",
		.id = ROUTE_NO_ID,
		.suffix = "",
		.label = "GET /v1/policy",
		.roles = ANY,
		.call = {CALL_NO_CONTENT, policy_show}},
};
#define N_ROUTES (sizeof table / sizeof *table)

static const char *const method_text[] = {
	[H1_GET] = "GET, HEAD",
	[H1_POST] = "POST",
	[H1_DELETE] = "DELETE",
};

/* *id: what stands between prefix and suffix. */
static bool path_matches(const struct route *rt, struct h1_str path, struct h1_str *id)
{
	size_t prefix = strlen(rt->prefix), suffix = strlen(rt->suffix);

	if (path.n < prefix + suffix || memcmp(path.p, rt->prefix, prefix) != 0)
		return false;
	if (rt->id == ROUTE_NO_ID)
		return path.n == prefix;
	if (path.n < prefix + 1 + suffix + 1 || path.p[prefix] != '/' ||
		memcmp(path.p + path.n - suffix, rt->suffix, suffix) != 0)
		return false;
	*id = (struct h1_str){path.p + prefix + 1, path.n - prefix - 1 - suffix};
	return memchr(id->p, '/', id->n) == NULL;
}

/* id: "" when none of this form can exist. That is no error here: the role is looked at first. */
static void copy_id(enum route_id kind, struct h1_str found, char id[CALL_ID_MAX + 1])
{
	struct chain_pos pos;
	unsigned shard;
	bool may_be = kind == ROUTE_SUBJECT ? found.n == CALL_ID_MAX :
		kind == ROUTE_EVENT         ? found.n <= CHAIN_ID_MAX &&
			chain_id_parse(found.p, found.n, &shard, &pos) == 0 :
		kind == ROUTE_CLAIM ? store_claim_shard(found.p, found.n) >= 0 :
				      token_shard(found.p, found.n) >= 0;

	if (!may_be)
		found.n = 0;
	memcpy(id, found.p, found.n);
	id[found.n] = '\0';
}

static void add_method(char allow[ROUTE_ALLOW_MAX], enum h1_method method)
{
	size_t n = strlen(allow);

	snprintf(allow + n, ROUTE_ALLOW_MAX - n, "%s%s", n > 0 ? ", " : "", method_text[method]);
}

int route_find(enum h1_method method, struct h1_str path, const struct route **out,
	char id[CALL_ID_MAX + 1], char allow[ROUTE_ALLOW_MAX])
{
	enum h1_method want = method == H1_HEAD ? H1_GET : method;

	allow[0] = id[0] = '\0';
	for (size_t i = 0; i < N_ROUTES; i++) {
		struct h1_str found = {NULL, 0};

		if (!path_matches(&table[i], path, &found))
			continue;
		if (table[i].method != want) {
			add_method(allow, table[i].method);
			continue;
		}
		if (table[i].id != ROUTE_NO_ID)
			copy_id(table[i].id, found, id);
		*out = &table[i];
		return 0;
	}
	if (method == H1_OTHER)
		return TG_ENOTIMPL;
	return allow[0] != '\0' ? TG_EMETHOD : TG_ENOENT;
}
