/*
 * Goal: each function judges the struct_size of what it is given as timeglas.h says ("Structs"):
 * callers that were compiled with an older or a newer header are served or refused, and no byte
 * behind a caller's struct is touched.
 */
#include <timeglas/timeglas.h>
#include "check.h"
#include "lib/abi.h"

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

#define SUBJECT "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LOG_KEY "timeglas-audit1" SUBJECT
static const char *const log_key = LOG_KEY;

static int proof(const tg_receipt *receipt, const tg_subject *erased, void *out)
{
	tg_proof_opts o = {.struct_size = sizeof o,
		.log_key = &log_key,
		.n_log_keys = 1,
		.event = receipt == NULL && erased == NULL ? "00-1-0" : NULL,
		.receipt = receipt,
		.erased = erased};

	return tg_client_proof(world.client, &o, out);
}

static int client_proof(void *p, size_t struct_size)
{
	*(tg_proof_opts *)p = (tg_proof_opts){.struct_size = struct_size,
		.log_key = &log_key,
		.n_log_keys = 1,
		.event = "00-1-0"};
	return tg_client_proof(world.client, p, NULL);
}

static int client_proof_receipt(void *p, size_t struct_size)
{
	*(tg_receipt *)p = (tg_receipt){
		.struct_size = struct_size, .blob = "00AAAAAAAAAAAAAAAAAAAAAA", .event = "00-1-0"};
	return proof(p, NULL, NULL);
}

static int client_proof_erased(void *p, size_t struct_size)
{
	*(tg_subject *)p =
		(tg_subject){.struct_size = struct_size, .subject = "0123", .event = "00-1-0"};
	return proof(NULL, p, NULL);
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
	{"tg_client_proof", sizeof(tg_proof_opts), client_proof},
	{"tg_client_proof's receipt", sizeof(tg_receipt), client_proof_receipt},
	{"tg_client_proof's subject", sizeof(tg_subject), client_proof_erased},
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
			fail_msg("%s ignores what a newer program demands", t->name);
	}
}

/* Each calls its function with valid arguments and this result. */
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

static int out_subject_show(void *out)
{
	return tg_client_subject_show(world.client, SUBJECT, NULL, out);
}

static int out_subject_erase(void *out)
{
	return tg_client_subject_erase(world.client, SUBJECT, NULL, out);
}

static int out_subject_freeze(void *out)
{
	return tg_client_subject_freeze(world.client, SUBJECT, "up", out);
}

static int out_subject_release(void *out)
{
	return tg_client_subject_release(world.client, SUBJECT, "up", out);
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

static int out_proof(void *out)
{
	return proof(NULL, NULL, out);
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
	{"tg_client_subject_show", sizeof(tg_subject), out_subject_show},
	{"tg_client_subject_erase", sizeof(tg_subject), out_subject_erase},
	{"tg_client_subject_freeze", sizeof(tg_subject), out_subject_freeze},
	{"tg_client_subject_release", sizeof(tg_subject), out_subject_release},
	{"tg_client_put", sizeof(tg_blob), out_put},
	{"tg_client_take", sizeof(tg_blob), out_take},
	{"tg_client_read", sizeof(tg_blob), out_read},
	{"tg_client_stat", sizeof(tg_blob), out_stat},
	{"tg_client_claim", sizeof(tg_claim), out_claim},
	{"tg_client_ack", sizeof(tg_receipt), out_ack},
	{"tg_client_erase", sizeof(tg_receipt), out_erase},
	{"tg_client_receipt", sizeof(tg_receipt), out_receipt},
	{"tg_client_proof", sizeof(tg_proof), out_proof},
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

/* An empty text is a variable that was never filled in. It must not mean the server's default
 * readers, or no session. */
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
		cmocka_unit_test(abi_every_function_judges_the_size_of_its_options),
		cmocka_unit_test(abi_every_function_judges_the_size_of_its_result),
		cmocka_unit_test(abi_receipt_of_an_older_or_newer_program),
		cmocka_unit_test(put_file_refuses_empty_texts),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
