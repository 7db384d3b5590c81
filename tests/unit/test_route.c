/* Goal: each method and path finds its one call, and everything else the right refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include <timeglas/errors.h>

#include "api/route.h"

#define ID "3fAAAAAAAAAAAAAAAAAAA-_A"
#define CLAIM ID "AAAAAAAAAAAAAAAAAAAA-Q"
#define SUBJECT "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void route_find_table_gives_label_or_error(void **state)
{
	static const struct {
		enum h1_method m;
		const char *path;
		int err;
		const char *want;
	} cases[] = {
		{H1_POST, "/v1/blobs", 0, "POST /v1/blobs"},
		{H1_GET, "/v1/blobs", TG_EMETHOD, "POST"},
		{H1_GET, "/v1/blobs/" ID, 0, "GET /v1/blobs/{id}"},
		{H1_HEAD, "/v1/blobs/" ID, 0, "GET /v1/blobs/{id}"},
		{H1_DELETE, "/v1/blobs/" ID, 0, "DELETE /v1/blobs/{id}"},
		{H1_PUT, "/v1/blobs/" ID, TG_EMETHOD, "GET, HEAD, DELETE"},
		{H1_POST, "/v1/blobs/" ID "/take", 0, "POST /v1/blobs/{id}/take"},
		{H1_GET, "/v1/blobs/" ID "/take", TG_EMETHOD, "POST"},
		{H1_POST, "/v1/blobs/" ID "/claim", 0, "POST /v1/blobs/{id}/claim"},
		{H1_GET, "/v1/claims/" CLAIM, 0, "GET /v1/claims/{claim}"},
		{H1_HEAD, "/v1/claims/" CLAIM, 0, "GET /v1/claims/{claim}"},
		{H1_POST, "/v1/claims/" CLAIM "/ack", 0, "POST /v1/claims/{claim}/ack"},
		{H1_POST, "/v1/claims/" CLAIM, TG_EMETHOD, "GET, HEAD"},
		{H1_DELETE, "/v1/claims/" CLAIM "/ack", TG_EMETHOD, "POST"},
		{H1_GET, "/v1/claims", TG_ENOENT, ""},
		{H1_OTHER, "/v1/blobs", TG_ENOTIMPL, ""},
		{H1_POST, "/v1/sessions", 0, "POST /v1/sessions"},
		{H1_GET, "/v1/sessions/" ID, 0, "GET /v1/sessions/{sid}"},
		{H1_POST, "/v1/sessions/" ID "/touch", 0, "POST /v1/sessions/{sid}/touch"},
		{H1_DELETE, "/v1/sessions/" ID, 0, "DELETE /v1/sessions/{sid}"},
		{H1_GET, "/v1/subjects/" SUBJECT, 0, "GET /v1/subjects/{subject}"},
		{H1_DELETE, "/v1/subjects/" SUBJECT, 0, "DELETE /v1/subjects/{subject}"},
		{H1_POST, "/v1/subjects/" SUBJECT "/freeze", 0,
			"POST /v1/subjects/{subject}/freeze"},
		{H1_POST, "/v1/subjects/" SUBJECT "/release", 0,
			"POST /v1/subjects/{subject}/release"},
		{H1_POST, "/v1/subjects/" SUBJECT, TG_EMETHOD, "GET, HEAD, DELETE"},
		{H1_GET, "/v1/subjects", TG_ENOENT, ""},
		{H1_GET, "/v1/policy", 0, "GET /v1/policy"},
		{H1_GET, "/", TG_ENOENT, ""},
		{H1_GET, "/v1/blobs/", TG_ENOENT, ""},
		{H1_GET, "/v1/blobs/" ID "/", TG_ENOENT, ""},
		{H1_GET, "/v1/blobs/" ID "/more/of/it", TG_ENOENT, ""},
		{H1_POST, "/v1/blobs//take", TG_ENOENT, ""},
		{H1_GET, "/v1/policy/", TG_ENOENT, ""},
		{H1_GET, "/v1/blobsx/" ID, TG_ENOENT, ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct route *rt = NULL;
		char id[CALL_ID_MAX + 1], allow[ROUTE_ALLOW_MAX];
		int err = route_find(cases[i].m,
			(struct h1_str){cases[i].path, strlen(cases[i].path)}, &rt, id, allow);
		if (err != cases[i].err)
			fail_msg("%s: %d, not %d", cases[i].path, err, cases[i].err);
		assert_string_equal(err == 0      ? rt->label :
				err == TG_EMETHOD ? allow :
						    "",
			cases[i].want);
		if (err == 0 && rt->id)
			assert_string_equal(id,
				strncmp(cases[i].path, "/v1/claims/", 11) == 0           ? CLAIM :
					strncmp(cases[i].path, "/v1/subjects/", 13) == 0 ? SUBJECT :
											   ID);
	}
}

static void route_find_malformed_id_is_found_but_empty(void **state)
{
	static const char *const bad[] = {"/v1/blobs/x", "/v1/blobs/40AAAAAAAAAAAAAAAAAAAAAA",
		"/v1/blobs/3fAAAAAAAAAAAAAAAAAAAA-_x", "/v1/blobs/%33fAAAAAAAAAAAAAAAAAAAA-_",
		"/v1/blobs/" CLAIM, "/v1/claims/" ID, "/v1/claims/" CLAIM "A",
		"/v1/claims/" ID "AAAAAAAAAAAAAAAAAAAAA=", "/v1/subjects/" ID,
		"/v1/subjects/" SUBJECT "0"};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const struct route *rt = NULL;
		char id[CALL_ID_MAX + 1], allow[ROUTE_ALLOW_MAX];
		assert_int_equal(
			route_find(H1_GET, (struct h1_str){bad[i], strlen(bad[i])}, &rt, id, allow),
			0);
		assert_string_equal(id, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(route_find_table_gives_label_or_error),
		cmocka_unit_test(route_find_malformed_id_is_found_but_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
