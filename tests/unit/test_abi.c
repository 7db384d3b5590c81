/*
 * Goal: the library's ABI is settled. Callers that were compiled with an older or a newer header
 * are served or refused as timeglas.h says
 * ("Structs"), no byte behind a caller's struct is touched, and nobody changes a layout without
 * noticing.
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

/* Every function ----------------------------------------------------------- */

static struct { /* valid arguments for all of them */
	tg_identity *identity;
	tg_recipient *recipient;
	tg_signer *signer;
	tg_senders *senders;
	/* its server is not there: what is not refused as TG_EINVAL fails in another way, or
	 * succeeds */
	tg_client *client;
	tg_expect expect;
} world;

static int drop(void *ctx, const void *p, size_t n)
{
	(void)ctx;
	(void)p;
	(void)n;
	return 0;
}

static long no_bytes(void *ctx, void *p, size_t cap)
{
	(void)ctx;
	(void)p;
	(void)cap;
	return 0;
}

static int start(void **state)
{
	tg_client_opts o = {.struct_size = sizeof o,
		.url = "https://127.0.0.1:1",
		.ca = "/dev/null",
		.cert = "/dev/null",
		.key = "/dev/null",
		.timeout_ms = 100 /* an ack is repeated for a while */};
	tg_sender *sender;
	char text[TG_KEY_TEXT_MAX];

	(void)state;
	assert_int_equal(tg_init(), 0);
	assert_int_equal(tg_identity_generate(&world.identity), 0);
	assert_int_equal(tg_identity_recipient(world.identity, &world.recipient), 0);
	assert_int_equal(tg_signer_generate(&world.signer), 0);
	assert_int_equal(tg_signer_sender(world.signer, &sender), 0);
	tg_sender_text(sender, text, sizeof text);
	tg_sender_free(sender);
	assert_int_equal(tg_senders_new(&world.senders), 0);
	assert_int_equal(tg_senders_add(world.senders, NULL, text), 0);
	assert_int_equal(tg_client_new(&o, &world.client), 0);
	world.expect = (tg_expect){.struct_size = sizeof world.expect,
		.identity = &world.identity,
		.n_identities = 1,
		.senders = world.senders};
	return 0;
}

static int stop(void **state)
{
	(void)state;
	tg_client_free(world.client);
	tg_senders_free(world.senders);
	tg_signer_free(world.signer);
	tg_recipient_free(world.recipient);
	tg_identity_free(world.identity);
	return 0;
}

/* Each writes valid options to p, all but struct_size, and calls the function with them. */
static int seal_new(void *p, size_t struct_size)
{
	const tg_recipient *to = world.recipient;
	tg_sealer *s = NULL;
	int err;

	*(tg_seal_opts *)p = (tg_seal_opts){.struct_size = struct_size,
		.recipient = &to,
		.n_recipients = 1,
		.signer = world.signer,
		.kind = "liveness",
		.write = drop};
	err = tg_seal_new(p, &s);
	if (err == 0)
		assert_true(tg_seal_head(s)->struct_size == sizeof(tg_head));
	tg_seal_free(s);
	return err;
}

static int seal_size(void *p, size_t struct_size)
{
	const tg_recipient *to = world.recipient;

	*(tg_seal_opts *)p = (tg_seal_opts){.struct_size = struct_size,
		.recipient = &to,
		.n_recipients = 1,
		.signer = world.signer,
		.kind = "liveness",
		.write = drop};
	return tg_seal_size(p, 10) != 0 ? 0 : TG_EINVAL;
}

static int open_new(void *p, size_t struct_size)
{
	tg_opener *o = NULL;
	int err;

	*(tg_open_opts *)p =
		(tg_open_opts){.struct_size = struct_size, .expect = &world.expect, .write = drop};
	err = tg_open_new(p, &o);
	tg_open_free(o);
	return err;
}

static int open_new_expect(void *p, size_t struct_size)
{
	tg_open_opts opts = {.struct_size = sizeof opts, .expect = p, .write = drop};
	tg_opener *o = NULL;
	int err;

	*(tg_expect *)p = world.expect;
	((tg_expect *)p)->struct_size = struct_size;
	err = tg_open_new(&opts, &o);
	tg_open_free(o);
	return err;
}

static int client_new(void *p, size_t struct_size)
{
	tg_client *c = NULL;
	int err;

	*(tg_client_opts *)p = (tg_client_opts){.struct_size = struct_size,
		.url = "https://127.0.0.1:1",
		.ca = "/dev/null",
		.cert = "/dev/null",
		.key = "/dev/null"};
	err = tg_client_new(p, &c);
	tg_client_free(c);
	return err;
}

static int client_put(void *p, size_t struct_size)
{
	*(tg_put_opts *)p =
		(tg_put_opts){.struct_size = struct_size, .kind = "liveness", .read = no_bytes};
	return tg_client_put(world.client, p, NULL);
}

static int client_take(void *p, size_t struct_size)
{
	*(tg_take_opts *)p = (tg_take_opts){.struct_size = struct_size};
	return tg_client_take(world.client, "00AAAAAAAAAAAAAAAAAAAAAA", p, drop, NULL, NULL);
}

static tg_claim claim(size_t struct_size)
{
	return (tg_claim){
		.struct_size = struct_size, .claim = "x", .blob = "00AAAAAAAAAAAAAAAAAAAAAA"};
}

static int client_read(void *p, size_t struct_size)
{
	*(tg_claim *)p = claim(struct_size);
	return tg_client_read(world.client, p, drop, NULL, NULL);
}

static int client_ack(void *p, size_t struct_size)
{
	*(tg_claim *)p = claim(struct_size);
	return tg_client_ack(world.client, p, "ok", NULL);
}

static int put_file(void *p, size_t struct_size)
{
	const tg_recipient *to = world.recipient;

	*(tg_put_file_opts *)p = (tg_put_file_opts){.struct_size = struct_size,
		.recipient = &to,
		.n_recipients = 1,
		.signer = world.signer,
		.kind = "liveness"};
	return tg_put_file(world.client, p, "/nowhere/at/all", NULL);
}

static int fetch(void *p, size_t struct_size)
{
	*(tg_fetch_opts *)p = (tg_fetch_opts){.struct_size = struct_size, .sealed = 1};
	return tg_fetch(world.client, "00AAAAAAAAAAAAAAAAAAAAAA", p, drop, NULL, NULL);
}

static int fetch_expect(void *p, size_t struct_size)
{
	tg_fetch_opts o = {.struct_size = sizeof o, .expect = p, .sealed = 1};

	*(tg_expect *)p = world.expect;
	((tg_expect *)p)->struct_size = struct_size;
	return tg_fetch(world.client, "00AAAAAAAAAAAAAAAAAAAAAA", &o, drop, NULL, NULL);
}

static int open_fd(void *p, size_t struct_size)
{
	FILE *f = tmpfile(); /* empty: no age file */
	int err;

	*(tg_open_opts *)p =
		(tg_open_opts){.struct_size = struct_size, .expect = &world.expect, .write = drop};
	assert_non_null(f);
	err = tg_open_fd(p, fileno(f), NULL, NULL, 0);
	fclose(f);
	return err;
}

static const struct taker {
	const char *name;
	size_t size;
	int (*call)(void *p, size_t struct_size);
} takers[] = {
	{"tg_seal_new", sizeof(tg_seal_opts), seal_new},
	{"tg_seal_size", sizeof(tg_seal_opts), seal_size},
	{"tg_open_new", sizeof(tg_open_opts), open_new},
	{"tg_open_new's expect", sizeof(tg_expect), open_new_expect},
	{"tg_client_new", sizeof(tg_client_opts), client_new},
	{"tg_client_put", sizeof(tg_put_opts), client_put},
	{"tg_client_take", sizeof(tg_take_opts), client_take},
	{"tg_client_read", sizeof(tg_claim), client_read},
	{"tg_client_ack", sizeof(tg_claim), client_ack},
	{"tg_put_file", sizeof(tg_put_file_opts), put_file},
	{"tg_fetch", sizeof(tg_fetch_opts), fetch},
	{"tg_fetch's expect", sizeof(tg_expect), fetch_expect},
	{"tg_open_fd", sizeof(tg_open_opts), open_fd},
};

union mem { /* a caller's struct, and what lies behind it */
	max_align_t aligned;
	unsigned char byte[8192];
};

static void abi_every_function_judges_the_size_of_its_options(void **state)
{
	static union mem m;

	(void)state;
	for (size_t i = 0; i < LEN(takers); i++) {
		const struct taker *t = &takers[i];
		const size_t bad[] = {0, 1, sizeof(size_t), t->size - 1, TG_ABI_SIZE_MAX + 1};

		for (size_t k = 0; k < LEN(bad); k++) {
			memset(&m, 0, sizeof m);
			if (t->call(&m, bad[k]) != TG_EINVAL)
				fail_msg("%s takes a struct_size of %zu", t->name, bad[k]);
		}
		memset(&m, 0, sizeof m);
		if (t->call(&m, t->size) == TG_EINVAL)
			fail_msg("%s refuses its own struct", t->name);
		if (t->call(&m, t->size + 64) == TG_EINVAL)
			fail_msg("%s refuses a newer struct without news", t->name);
		m.byte[t->size + 63] = 1;
		if (t->call(&m, t->size + 64) != TG_EINVAL)
			fail_msg("%s passes a newer program's demand over", t->name);
	}
}

static int out_open(void *out)
{
	return tg_client_session_open(world.client, NULL, 0, out);
}

static int out_show(void *out)
{
	return tg_client_session_show(world.client, "s", out);
}

static int out_touch(void *out)
{
	return tg_client_session_touch(world.client, "s", out);
}

static int out_close(void *out)
{
	return tg_client_session_close(world.client, "s", 0, out);
}

static int out_put(void *out)
{
	tg_put_opts o = {.struct_size = sizeof o, .kind = "liveness", .read = no_bytes};

	return tg_client_put(world.client, &o, out);
}

static int out_take(void *out)
{
	return tg_client_take(world.client, "00AAAAAAAAAAAAAAAAAAAAAA", NULL, drop, NULL, out);
}

static int out_read(void *out)
{
	tg_claim k = claim(sizeof k);

	return tg_client_read(world.client, &k, drop, NULL, out);
}

static int out_ack(void *out)
{
	tg_claim k = claim(sizeof k);

	return tg_client_ack(world.client, &k, "ok", out);
}

static int out_claim(void *out)
{
	return tg_client_claim(world.client, "00AAAAAAAAAAAAAAAAAAAAAA", 1, out);
}

static int out_stat(void *out)
{
	return tg_client_stat(world.client, "00AAAAAAAAAAAAAAAAAAAAAA", out);
}

static int out_erase(void *out)
{
	return tg_client_erase(world.client, "00AAAAAAAAAAAAAAAAAAAAAA", out);
}

static int out_receipt(void *out)
{
	return tg_client_receipt(world.client, 0, out);
}

static int out_put_file(void *out)
{
	const tg_recipient *to = world.recipient;
	tg_put_file_opts o = {.struct_size = sizeof o,
		.recipient = &to,
		.n_recipients = 1,
		.signer = world.signer,
		.kind = "liveness"};

	return tg_put_file(world.client, &o, "/dev/null", out);
}

static int out_fetch(void *out)
{
	tg_fetch_opts o = {.struct_size = sizeof o, .sealed = 1};

	return tg_fetch(world.client, "00AAAAAAAAAAAAAAAAAAAAAA", &o, drop, NULL, out);
}

static int out_open_fd(void *out)
{
	tg_open_opts o = {.struct_size = sizeof o, .expect = &world.expect, .write = drop};
	FILE *f = tmpfile();
	int err;

	assert_non_null(f);
	err = tg_open_fd(&o, fileno(f), out, NULL, 0);
	fclose(f);
	return err;
}

static const struct giver {
	const char *name;
	size_t size;
	int (*call)(void *out);
} givers[] = {
	{"tg_client_session_open", sizeof(tg_session), out_open},
	{"tg_client_session_show", sizeof(tg_session), out_show},
	{"tg_client_session_touch", sizeof(tg_session), out_touch},
	{"tg_client_session_close", sizeof(tg_session), out_close},
	{"tg_client_put", sizeof(tg_blob), out_put},
	{"tg_client_take", sizeof(tg_blob), out_take},
	{"tg_client_read", sizeof(tg_blob), out_read},
	{"tg_client_stat", sizeof(tg_blob), out_stat},
	{"tg_client_claim", sizeof(tg_claim), out_claim},
	{"tg_client_ack", sizeof(tg_receipt), out_ack},
	{"tg_client_erase", sizeof(tg_receipt), out_erase},
	{"tg_client_receipt", sizeof(tg_receipt), out_receipt},
	{"tg_put_file", sizeof(tg_blob), out_put_file},
	{"tg_fetch", sizeof(tg_fetched), out_fetch},
	{"tg_open_fd", sizeof(tg_head), out_open_fd},
};

static void abi_every_function_judges_the_size_of_its_result(void **state)
{
	static union mem m;

	(void)state;
	for (size_t i = 0; i < LEN(givers); i++) {
		const struct giver *g = &givers[i];
		const size_t bad[] = {0, 1, sizeof(size_t), g->size - 1, TG_ABI_SIZE_MAX + 1};

		for (size_t k = 0; k < LEN(bad); k++) {
			memset(&m, 0x5a, sizeof m);
			memcpy(&m, &bad[k], sizeof bad[k]);
			if (g->call(&m) != TG_EINVAL)
				fail_msg("%s takes a struct_size of %zu", g->name, bad[k]);
			for (size_t at = sizeof(size_t); at < sizeof m; at++)
				if (m.byte[at] != 0x5a)
					fail_msg("%s writes to byte %zu of a struct with the size "
						 "%zu",
						g->name, at, bad[k]);
		}
	}
}

static void abi_receipt_of_an_older_or_newer_program(void **state)
{
	static union mem m;
	const size_t wide = sizeof(tg_receipt) + 64;

	(void)state;
	memset(&m, 0x5a, sizeof m);
	memcpy(&m, &wide, sizeof wide);
	assert_int_equal(tg_client_receipt(world.client, 0, (void *)&m), TG_ENOENT);
	for (size_t at = sizeof(size_t); at < wide; at++)
		assert_int_equal(m.byte[at], 0);
	for (size_t at = wide; at < sizeof m; at++)
		assert_int_equal(m.byte[at], 0x5a);
}

/* Unfilled is not none: that would be the server's default readers, or no bond to the session. */
static void put_file_refuses_empty_texts(void **state)
{
	const tg_recipient *to = world.recipient;
	const tg_put_file_opts good = {.struct_size = sizeof good,
		.recipient = &to,
		.n_recipients = 1,
		.signer = world.signer,
		.kind = "liveness"};
	const size_t texts[] = {offsetof(tg_put_file_opts, issuer),
		offsetof(tg_put_file_opts, session), offsetof(tg_put_file_opts, subject),
		offsetof(tg_put_file_opts, to), offsetof(tg_put_file_opts, name)};
	const char *empty = "";

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		tg_put_file_opts o = good;

		memcpy((char *)&o + texts[i], &empty, sizeof empty);
		assert_int_equal(tg_put_file(world.client, &o, "/nowhere/at/all", NULL), TG_EINVAL);
		assert_non_null(strstr(tg_client_error(world.client), "is empty"));
	}
	assert_int_equal(tg_put_file(world.client, &good, "/nowhere/at/all", NULL), TG_EIO);
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
		cmocka_unit_test(abi_every_function_judges_the_size_of_its_options),
		cmocka_unit_test(abi_every_function_judges_the_size_of_its_result),
		cmocka_unit_test(abi_receipt_of_an_older_or_newer_program),
		cmocka_unit_test(put_file_refuses_empty_texts),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
