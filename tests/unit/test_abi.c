/*
 * Goal: the library's ABI is settled. Nobody changes the layout of a public struct without
 * noticing, and a struct of an older or newer program is copied as far as both know it.
 * test_abi_calls.c tries each function.
 */
#include <timeglas/timeglas.h>
#include "check.h"
#include "lib/abi.h"

/* Layouts ------------------------------------------------------------------ */

/*
 * A published struct grows at its end only: rows are added, never changed, and client/lib/abi.h
 * learns the size that was published first.
 */
struct row {
	const char *what;
	size_t is_offset, is_size, offset, size;
};
#define STRUCT(type, size_) \
	{ \
#type, 0, sizeof(type), 0, size_ \
	}
#define MEMBER(type, member, offset_, size_) \
	{ \
#type "." #member, offsetof(type, member), sizeof(((type *)0)->member), offset_, \
			size_ \
	}
static const struct row rows[] = {
	STRUCT(tg_head, 616),
	MEMBER(tg_head, struct_size, 0, 8),
	MEMBER(tg_head, kind, 8, 32),
	MEMBER(tg_head, issuer, 40, 4),
	MEMBER(tg_head, session, 44, 65),
	MEMBER(tg_head, subject, 109, 65),
	MEMBER(tg_head, content_type, 174, 128),
	MEMBER(tg_head, name, 302, 23),
	MEMBER(tg_head, ref, 325, 16),
	MEMBER(tg_head, time_ms, 344, 8),
	MEMBER(tg_head, sender, 352, 128),
	MEMBER(tg_head, sender_name, 480, 128),
	MEMBER(tg_head, n_recipients, 608, 8),
	STRUCT(tg_seal_opts, 104),
	MEMBER(tg_seal_opts, struct_size, 0, 8),
	MEMBER(tg_seal_opts, recipient, 8, 8),
	MEMBER(tg_seal_opts, n_recipients, 16, 8),
	MEMBER(tg_seal_opts, signer, 24, 8),
	MEMBER(tg_seal_opts, kind, 32, 8),
	MEMBER(tg_seal_opts, issuer, 40, 8),
	MEMBER(tg_seal_opts, session, 48, 8),
	MEMBER(tg_seal_opts, subject, 56, 8),
	MEMBER(tg_seal_opts, content_type, 64, 8),
	MEMBER(tg_seal_opts, ref, 72, 8),
	MEMBER(tg_seal_opts, time_ms, 80, 8),
	MEMBER(tg_seal_opts, write, 88, 8),
	MEMBER(tg_seal_opts, ctx, 96, 8),
	STRUCT(tg_expect, 96),
	MEMBER(tg_expect, struct_size, 0, 8),
	MEMBER(tg_expect, identity, 8, 8),
	MEMBER(tg_expect, n_identities, 16, 8),
	MEMBER(tg_expect, senders, 24, 8),
	MEMBER(tg_expect, raw, 32, 4),
	MEMBER(tg_expect, blob, 40, 8),
	MEMBER(tg_expect, kind, 48, 8),
	MEMBER(tg_expect, issuer, 56, 8),
	MEMBER(tg_expect, session, 64, 8),
	MEMBER(tg_expect, subject, 72, 8),
	MEMBER(tg_expect, max_age_ms, 80, 8),
	MEMBER(tg_expect, now_ms, 88, 8),
	STRUCT(tg_open_opts, 40),
	MEMBER(tg_open_opts, struct_size, 0, 8),
	MEMBER(tg_open_opts, expect, 8, 8),
	MEMBER(tg_open_opts, write, 16, 8),
	MEMBER(tg_open_opts, ctx, 24, 8),
	MEMBER(tg_open_opts, on_head, 32, 8),
	STRUCT(tg_client_opts, 80),
	MEMBER(tg_client_opts, struct_size, 0, 8),
	MEMBER(tg_client_opts, url, 8, 8),
	MEMBER(tg_client_opts, ca, 16, 8),
	MEMBER(tg_client_opts, cert, 24, 8),
	MEMBER(tg_client_opts, key, 32, 8),
	MEMBER(tg_client_opts, connect_timeout_ms, 40, 8),
	MEMBER(tg_client_opts, stall_timeout_ms, 48, 8),
	MEMBER(tg_client_opts, progress, 56, 8),
	MEMBER(tg_client_opts, progress_ctx, 64, 8),
	MEMBER(tg_client_opts, timeout_ms, 72, 8),
	STRUCT(tg_problem, 888),
	MEMBER(tg_problem, struct_size, 0, 8),
	MEMBER(tg_problem, status, 8, 4),
	MEMBER(tg_problem, code, 12, 4),
	MEMBER(tg_problem, type, 16, 64),
	MEMBER(tg_problem, title, 80, 128),
	MEMBER(tg_problem, detail, 208, 512),
	MEMBER(tg_problem, cause, 720, 32),
	MEMBER(tg_problem, gone_at, 752, 32),
	MEMBER(tg_problem, instance, 784, 64),
	MEMBER(tg_problem, retry_after_s, 848, 8),
	MEMBER(tg_problem, lease_deadline, 856, 32),
	STRUCT(tg_blob, 552),
	MEMBER(tg_blob, struct_size, 0, 8),
	MEMBER(tg_blob, blob, 8, 65),
	MEMBER(tg_blob, tag, 73, 64),
	MEMBER(tg_blob, state, 137, 16),
	MEMBER(tg_blob, kind, 153, 32),
	MEMBER(tg_blob, issuer, 185, 4),
	MEMBER(tg_blob, session, 189, 65),
	MEMBER(tg_blob, sha256, 254, 65),
	MEMBER(tg_blob, stored_at, 319, 32),
	MEMBER(tg_blob, deadline, 351, 32),
	MEMBER(tg_blob, cause, 383, 32),
	MEMBER(tg_blob, gone_at, 415, 32),
	MEMBER(tg_blob, outcome, 447, 32),
	MEMBER(tg_blob, event, 479, 64),
	MEMBER(tg_blob, size, 544, 8),
	STRUCT(tg_session, 160),
	MEMBER(tg_session, struct_size, 0, 8),
	MEMBER(tg_session, session, 8, 65),
	MEMBER(tg_session, state, 73, 16),
	MEMBER(tg_session, opened_at, 89, 32),
	MEMBER(tg_session, deadline, 121, 32),
	MEMBER(tg_session, idle_s, 156, 4),

	STRUCT(tg_subject, 328),
	MEMBER(tg_subject, struct_size, 0, 8),
	MEMBER(tg_subject, subject, 8, 33),
	MEMBER(tg_subject, uploader, 41, 32),
	MEMBER(tg_subject, frozen_until, 73, 32),
	MEMBER(tg_subject, erased_at, 105, 32),
	MEMBER(tg_subject, method, 137, 16),
	MEMBER(tg_subject, by, 153, 32),
	MEMBER(tg_subject, tool, 185, 64),
	MEMBER(tg_subject, event, 249, 64),
	MEMBER(tg_subject, count, 320, 8),
	STRUCT(tg_put_opts, 112),
	MEMBER(tg_put_opts, struct_size, 0, 8),
	MEMBER(tg_put_opts, kind, 8, 8),
	MEMBER(tg_put_opts, issuer, 16, 8),
	MEMBER(tg_put_opts, session, 24, 8),
	MEMBER(tg_put_opts, subject, 32, 8),
	MEMBER(tg_put_opts, to, 40, 8),
	MEMBER(tg_put_opts, idempotency_key, 48, 8),
	MEMBER(tg_put_opts, name, 56, 8),
	MEMBER(tg_put_opts, ttl_s, 64, 8),
	MEMBER(tg_put_opts, size, 72, 8),
	MEMBER(tg_put_opts, sha256, 80, 8),
	MEMBER(tg_put_opts, read, 88, 8),
	MEMBER(tg_put_opts, ctx, 96, 8),
	MEMBER(tg_put_opts, rewind, 104, 8),
	STRUCT(tg_take_opts, 16),
	MEMBER(tg_take_opts, struct_size, 0, 8),
	MEMBER(tg_take_opts, max_size, 8, 8),
	STRUCT(tg_claim, 256),
	MEMBER(tg_claim, struct_size, 0, 8),
	MEMBER(tg_claim, claim, 8, 64),
	MEMBER(tg_claim, blob, 72, 65),
	MEMBER(tg_claim, sha256, 137, 65),
	MEMBER(tg_claim, lease_deadline, 202, 32),
	MEMBER(tg_claim, size, 240, 8),
	MEMBER(tg_claim, ends_mono_ms, 248, 8),
	STRUCT(tg_receipt, 304),
	MEMBER(tg_receipt, struct_size, 0, 8),
	MEMBER(tg_receipt, blob, 8, 65),
	MEMBER(tg_receipt, tag, 73, 64),
	MEMBER(tg_receipt, cause, 137, 32),
	MEMBER(tg_receipt, outcome, 169, 32),
	MEMBER(tg_receipt, erased_at, 201, 32),
	MEMBER(tg_receipt, event, 233, 64),
	STRUCT(tg_proof_opts, 72),
	MEMBER(tg_proof_opts, struct_size, 0, 8),
	MEMBER(tg_proof_opts, log_key, 8, 8),
	MEMBER(tg_proof_opts, n_log_keys, 16, 8),
	MEMBER(tg_proof_opts, policy, 24, 8),
	MEMBER(tg_proof_opts, event, 32, 8),
	MEMBER(tg_proof_opts, blob, 40, 8),
	MEMBER(tg_proof_opts, subject, 48, 8),
	MEMBER(tg_proof_opts, receipt, 56, 8),
	MEMBER(tg_proof_opts, erased, 64, 8),
	STRUCT(tg_proof, 432),
	MEMBER(tg_proof, struct_size, 0, 8),
	MEMBER(tg_proof, text, 8, 8),
	MEMBER(tg_proof, n, 16, 8),
	MEMBER(tg_proof, n_line, 24, 8),
	MEMBER(tg_proof, n_lines, 32, 8),
	MEMBER(tg_proof, n_witnesses, 40, 8),
	MEMBER(tg_proof, event, 48, 64),
	MEMBER(tg_proof, what, 112, 32),
	MEMBER(tg_proof, tag, 144, 64),
	MEMBER(tg_proof, cause, 208, 32),
	MEMBER(tg_proof, outcome, 240, 32),
	MEMBER(tg_proof, at, 272, 32),
	MEMBER(tg_proof, origin, 304, 128),
	STRUCT(tg_put_file_opts, 120),
	MEMBER(tg_put_file_opts, struct_size, 0, 8),
	MEMBER(tg_put_file_opts, recipient, 8, 8),
	MEMBER(tg_put_file_opts, n_recipients, 16, 8),
	MEMBER(tg_put_file_opts, signer, 24, 8),
	MEMBER(tg_put_file_opts, raw, 32, 4),
	MEMBER(tg_put_file_opts, kind, 40, 8),
	MEMBER(tg_put_file_opts, issuer, 48, 8),
	MEMBER(tg_put_file_opts, session, 56, 8),
	MEMBER(tg_put_file_opts, subject, 64, 8),
	MEMBER(tg_put_file_opts, content_type, 72, 8),
	MEMBER(tg_put_file_opts, to, 80, 8),
	MEMBER(tg_put_file_opts, ttl_s, 88, 8),
	MEMBER(tg_put_file_opts, sealed, 96, 4),
	MEMBER(tg_put_file_opts, name, 104, 8),
	MEMBER(tg_put_file_opts, idempotency_key, 112, 8),
	STRUCT(tg_fetch_opts, 64),
	MEMBER(tg_fetch_opts, struct_size, 0, 8),
	MEMBER(tg_fetch_opts, expect, 8, 8),
	MEMBER(tg_fetch_opts, take, 16, 4),
	MEMBER(tg_fetch_opts, lease_s, 20, 4),
	MEMBER(tg_fetch_opts, max_size, 24, 8),
	MEMBER(tg_fetch_opts, seen, 32, 8),
	MEMBER(tg_fetch_opts, seen_ctx, 40, 8),
	MEMBER(tg_fetch_opts, keep, 48, 8),
	MEMBER(tg_fetch_opts, sealed, 56, 4),
	STRUCT(tg_fetched, 4176),
	MEMBER(tg_fetched, struct_size, 0, 8),
	MEMBER(tg_fetched, head, 8, 8),
	MEMBER(tg_fetched, blob, 16, 8),
	MEMBER(tg_fetched, receipt, 24, 8),
	MEMBER(tg_fetched, acked, 32, 4),
	MEMBER(tg_fetched, released, 36, 4),
	MEMBER(tg_fetched, kept_until_ms, 40, 8),
	MEMBER(tg_fetched, kept, 48, 4128),
};

static void abi_layouts_are_those_of_x86_64(void **state)
{
	(void)state;
#if defined(__x86_64__) && defined(__LP64__)
	for (size_t i = 0; i < LEN(rows); i++)
		if (rows[i].is_offset != rows[i].offset || rows[i].is_size != rows[i].size)
			fail_msg("%s is at %zu with %zu bytes; it was published at %zu with %zu",
				rows[i].what, rows[i].is_offset, rows[i].is_size, rows[i].offset,
				rows[i].size);
#else
	printf("SKIP: the figures are those of x86-64\n");
	skip();
#endif
}

static void abi_every_struct_begins_with_its_size(void **state)
{
	(void)state;
	for (size_t i = 0; i + 1 < LEN(rows); i++)
		if (strchr(rows[i].what, '.') == NULL) {
			assert_non_null(strstr(rows[i + 1].what, ".struct_size"));
			assert_int_equal(rows[i + 1].is_offset, 0);
			assert_int_equal(rows[i + 1].is_size, sizeof(size_t));
		}
}

/* Older and newer ---------------------------------------------------------- */

struct first {
	size_t struct_size;
	int a;
};

struct second { /* what it has become in the library */
	size_t struct_size;
	int a, b;
	const char *c;
};

struct third { /* what it is in a program of the year after */
	size_t struct_size;
	int a, b;
	const char *c;
	uint64_t d;
};

#define FIRST_SIZE (offsetof(struct first, a) + sizeof(int))

static void abi_in_older_struct_counts_as_zero_behind_its_end(void **state)
{
	struct {
		size_t struct_size;
		int a, behind;
	} theirs = {FIRST_SIZE, 7, 99};
	struct second ours;

	(void)state;
	memset(&ours, 0xaa, sizeof ours);
	assert_int_equal(tg_abi_in(&ours, sizeof ours, &theirs, FIRST_SIZE), 0);
	assert_int_equal(ours.a, 7);
	assert_int_equal(ours.b, 0);
	assert_null(ours.c);
}

static void abi_in_newer_struct_is_taken_when_its_news_are_zero(void **state)
{
	struct third theirs = {.struct_size = sizeof theirs, .a = 1, .b = 2, .c = "c"};
	struct second ours;

	(void)state;
	assert_int_equal(tg_abi_in(&ours, sizeof ours, &theirs, FIRST_SIZE), 0);
	assert_int_equal(ours.b, 2);
	assert_string_equal(ours.c, "c");
	theirs.d = 1; /* a demand that this library cannot meet */
	assert_int_equal(tg_abi_in(&ours, sizeof ours, &theirs, FIRST_SIZE), TG_EINVAL);
}

static void abi_in_wrong_sizes_are_refused_before_anything_is_read(void **state)
{
	static const size_t sizes[] = {
		0, 1, sizeof(size_t), FIRST_SIZE - 1, TG_ABI_SIZE_MAX + 1, SIZE_MAX};
	struct second ours, theirs = {.a = 1};

	(void)state;
	assert_int_equal(tg_abi_in(&ours, sizeof ours, NULL, FIRST_SIZE), TG_EINVAL);
	for (size_t i = 0; i < LEN(sizes); i++) {
		theirs.struct_size = sizes[i];
		assert_int_equal(tg_abi_in(&ours, sizeof ours, &theirs, FIRST_SIZE), TG_EINVAL);
		assert_int_equal(tg_abi_out_ok(&theirs, FIRST_SIZE), TG_EINVAL);
	}
	assert_int_equal(tg_abi_out_ok(NULL, FIRST_SIZE), 0);
}

static void abi_out_writes_no_byte_behind_an_older_struct(void **state)
{
	struct {
		size_t struct_size;
		int a, behind;
	} theirs = {FIRST_SIZE, 0, 0x5a5a5a5a};
	struct second ours = {.struct_size = sizeof ours, .a = 1, .b = 2, .c = "c"};

	(void)state;
	tg_abi_out(&theirs, &ours, sizeof ours);
	assert_int_equal(theirs.struct_size, FIRST_SIZE);
	assert_int_equal(theirs.a, 1);
	assert_int_equal(theirs.behind, 0x5a5a5a5a);
}

static void abi_out_newer_struct_is_zero_behind_what_the_library_knows(void **state)
{
	struct {
		struct third s;
		uint64_t behind;
	} theirs;
	struct second ours = {.struct_size = sizeof ours, .a = 1, .b = 2, .c = "c"};

	(void)state;
	memset(&theirs, 0x5a, sizeof theirs);
	theirs.s.struct_size = sizeof theirs.s;
	tg_abi_out(&theirs, &ours, sizeof ours);
	assert_int_equal(theirs.s.struct_size, sizeof theirs.s);
	assert_int_equal(theirs.s.b, 2);
	assert_int_equal(theirs.s.d, 0);
	assert_true(theirs.behind == 0x5a5a5a5a5a5a5a5a);
	tg_abi_out(NULL, &ours, sizeof ours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(abi_layouts_are_those_of_x86_64),
		cmocka_unit_test(abi_every_struct_begins_with_its_size),
		cmocka_unit_test(abi_in_older_struct_counts_as_zero_behind_its_end),
		cmocka_unit_test(abi_in_newer_struct_is_taken_when_its_news_are_zero),
		cmocka_unit_test(abi_in_wrong_sizes_are_refused_before_anything_is_read),
		cmocka_unit_test(abi_out_writes_no_byte_behind_an_older_struct),
		cmocka_unit_test(abi_out_newer_struct_is_zero_behind_what_the_library_knows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
