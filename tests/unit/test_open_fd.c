/*
 * Goal: opening a file releases nothing before all of it was checked, nothing that was not checked
 * even if the file is changed in between, and needs no memory for plaintext but one block: for
 * every size around the block's edge, raw and signed.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <timeglas/timeglas.h>
#include <unistd.h>
#include "check.h"
#include "core/b64.h"
#include "lib/crypto.h"
#include "lib/secmem.h"
#include "lib/stream.h"

#define CHUNK 65536
#define SEALED (CHUNK + 16)

static tg_identity *alice;
static tg_recipient *to_alice;
static tg_signer *app;
static tg_senders *apps;
static int fd;
static uint8_t content[400001];
static char why[256];

struct sink {
	uint8_t *p;
	size_t n;
	unsigned heads;
	size_t tamper_after; /* content bytes; SIZE_MAX: never */
	int refuse_head;
	int writes_head_first; /* content came before the head */
	void (*tamper)(void);
};

static int to_fd(void *ctx, const void *p, size_t n)
{
	(void)ctx;
	return write(fd, p, n) == (ssize_t)n ? 0 : TG_EIO;
}

static int take(void *ctx, const void *p, size_t n)
{
	struct sink *s = ctx;

	if (n)
		memcpy(s->p + s->n, p, n);
	s->n += n;
	if (s->n >= s->tamper_after) {
		s->tamper();
		s->tamper_after = SIZE_MAX;
	}
	return 0;
}

static int on_head(void *ctx, const tg_head *h)
{
	struct sink *s = ctx;

	s->heads++;
	s->writes_head_first |= s->n > 0;
	assert_string_equal(h->kind, "liveness");
	assert_string_equal(h->sender_name, "app");
	if (s->tamper && s->tamper_after == 0) {
		s->tamper();
		s->tamper_after = SIZE_MAX;
	}
	return s->refuse_head ? TG_EREPLAY : 0;
}

static off_t seal(size_t n, int raw, const char *before)
{
	tg_seal_opts o = {.struct_size = sizeof o,
		.recipient = (const tg_recipient *const *)&to_alice,
		.n_recipients = 1,
		.signer = raw ? NULL : app,
		.kind = "liveness",
		.write = to_fd};
	tg_sealer *s;

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(to_fd(NULL, before, strlen(before)), 0);
	assert_int_equal(tg_seal_new(&o, &s), 0);
	assert_int_equal(tg_seal_push(s, content, n), 0);
	assert_int_equal(tg_seal_finish(s), 0);
	tg_seal_free(s);
	return lseek(fd, (off_t)strlen(before), SEEK_SET);
}

static int open_it(int raw, struct sink *out, tg_head *head)
{
	tg_expect e = {.struct_size = sizeof e,
		.identity = &alice,
		.n_identities = 1,
		.raw = raw,
		.senders = raw ? NULL : apps};
	tg_open_opts o = {.struct_size = sizeof o,
		.expect = &e,
		.write = take,
		.ctx = out,
		.on_head = on_head};

	out->n = out->heads = 0;
	why[0] = '\0';
	return tg_open_fd(&o, fd, head, why, sizeof why);
}

static struct sink new_sink(void)
{
	struct sink s = {.p = malloc(sizeof content), .tamper_after = SIZE_MAX};

	assert_non_null(s.p);
	return s;
}

static const size_t SIZES[] = {0, 1, 4096, 65535, 65536, 65537, 131072, 131073 - 64, 400001};

static void open_fd_every_size_comes_back(void **state)
{
	struct sink s = new_sink();

	(void)state;
	for (int raw = 0; raw < 2; raw++)
		for (size_t i = 0; i < LEN(SIZES); i++) {
			tg_head head = {.struct_size = sizeof head};

			seal(SIZES[i], raw, i % 2 ? "something in front" : "");
			assert_int_equal(open_it(raw, &s, &head), 0);
			assert_int_equal(s.n, SIZES[i]);
			if (s.n)
				assert_memory_equal(s.p, content, s.n);
			assert_int_equal(s.heads, !raw);
			assert_false(s.writes_head_first);
			assert_string_equal(head.kind, raw ? "" : "liveness");
		}
	free(s.p);
}

/* Sizes that move the trailer across the edge between two chunks. */
static void open_fd_trailer_across_the_edge_comes_back(void **state)
{
	struct sink s = new_sink();

	(void)state;
	for (size_t n = 2 * CHUNK - 480; n < 2 * CHUNK; n += 7) {
		seal(n, 0, "");
		assert_int_equal(open_it(0, &s, NULL), 0);
		assert_int_equal(s.n, n);
		assert_memory_equal(s.p, content, n);
	}
	free(s.p);
}

static void flip(off_t at)
{
	uint8_t b;

	assert_int_equal(pread(fd, &b, 1, at), 1);
	b ^= 1;
	assert_int_equal(pwrite(fd, &b, 1, at), 1);
}

/* As a stream, content before the bad place would have come out. */
static void open_fd_bad_file_releases_nothing(void **state)
{
	struct sink s = new_sink();
	off_t end, at[5];

	(void)state;
	seal(sizeof content, 0, "");
	end = lseek(fd, 0, SEEK_END);
	at[0] = end - 1;  /* the last chunk's tag */
	at[1] = end - 20; /* the trailer */
	at[2] = end / 2;
	at[3] = 60; /* the header */
	at[4] = 300;
	for (size_t i = 0; i < LEN(at); i++) {
		flip(at[i]);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_true(open_it(0, &s, NULL) < 0);
		assert_int_equal(s.n, 0);
		assert_int_equal(s.heads, 0);
		assert_true(strlen(why) > 0);
		flip(at[i]);
	}
	assert_int_equal(ftruncate(fd, end - SEALED), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_true(open_it(0, &s, NULL) < 0);
	assert_int_equal(s.n, 0);
	free(s.p);
}

/* tamper_len: bytes from tamper_at on that become those of the other file */
static off_t tamper_at, tamper_len;
static uint8_t *other;

static void exchange(void)
{
	assert_int_equal(pwrite(fd, other, (size_t)tamper_len, tamper_at), tamper_len);
}

static void cut(void)
{
	assert_int_equal(ftruncate(fd, tamper_at), 0);
}

/*
 * What a recipient of the file can do who may write it, too: chunks that are authentic under its
 * key, and not what was signed. The file is exchanged between the two passes (tamper_after 0: when
 * the head is given out), or while content is released.
 */
static void open_fd_file_changed_in_between_releases_only_what_was_checked(void **state)
{
	static const size_t when[] = {0, CHUNK, 3 * CHUNK};
	struct sink s = new_sink();
	off_t end;

	(void)state;
	for (size_t i = 0; i < LEN(when); i++)
		for (unsigned how = 0; how < 4; how++) {
			seal(sizeof content, 0, "");
			end = lseek(fd, 0, SEEK_END);
			other = malloc((size_t)end);
			assert_int_equal(pread(fd, other, (size_t)end, 0), end);
			tamper_at = 0;
			tamper_len = end;
			s.tamper = exchange;
			switch (how) {
			case 0: /* one bit, near the end */
				other[end - 2000] ^= 1;
				break;
			case 1: /* two chunks change places: both authentic, but for their number */
				memmove(other + end - 2 * SEALED - 40000,
					other + end - 3 * SEALED - 40000, SEALED);
				break;
			case 2:
				memset(other, 0, (size_t)end);
				break;
			case 3:
				s.tamper = cut;
				tamper_at = end - 40000;
				break;
			}
			s.tamper_after = when[i];
			assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
			assert_int_equal(open_it(0, &s, NULL), TG_EPAYLOAD);
			assert_true(s.n < sizeof content);
			/* a beginning of what was checked */
			assert_memory_equal(s.p, content, s.n);
			assert_non_null(strstr(why, "changed while"));
			free(other);
		}
	free(s.p);
}

/* Seals n bytes of plain under this key and nonce; header: as it stands, through the MAC line. */
static size_t seal_under(const uint8_t key[16], const uint8_t nonce[16], const char *header,
	const uint8_t *plain, size_t n, uint8_t *out)
{
	struct tg_stream st;
	size_t at = strlen(header);

	memcpy(out, header, at);
	memcpy(out + at, nonce, 16);
	at += 16;
	assert_int_equal(tg_stream_init(&st, key, nonce, 1), 0);
	for (size_t done = 0; done < n; done += CHUNK) {
		size_t take_n = n - done < CHUNK ? n - done : CHUNK;

		assert_int_equal(
			tg_stream_seal(&st, plain + done, take_n, done + take_n == n, out + at), 0);
		at += take_n + 16;
	}
	tg_stream_wipe(&st);
	return at;
}

/*
 * One of the recipients knows the file's key: it can seal other content into the same place, which
 * no cipher can tell from the first. Only the binding of the second pass to the first does.
 */
static void open_fd_other_content_under_the_same_key_is_seen(void **state)
{
	uint8_t key[16], nonce[16], share[32], body[32], mac[32];
	struct sink s = new_sink(),
		    plain = {.p = malloc(sizeof content + 8192), .tamper_after = SIZE_MAX};
	char header[512], b[3][64];
	uint8_t *file = malloc(sizeof content + 16384);
	size_t n;

	(void)state;
	seal(sizeof content, 0, "");
	assert_int_equal(open_it(1, &plain, NULL), 0); /* head, content and trailer */
	randombytes_buf(key, sizeof key);
	randombytes_buf(nonce, sizeof nonce);
	assert_int_equal(tg_x25519_wrap(to_alice, key, share, body), 0);
	tg_b64_encode(TG_B64_NOPAD, share, 32, b[0]);
	tg_b64_encode(TG_B64_NOPAD, body, 32, b[1]);
	snprintf(header, sizeof header, "age-encryption.org/v1\n-> X25519 %s\n%s\n---", b[0], b[1]);
	assert_int_equal(tg_header_mac(key, (uint8_t *)header, strlen(header), mac), 0);
	tg_b64_encode(TG_B64_NOPAD, mac, 32, b[2]);
	snprintf(header, sizeof header, "age-encryption.org/v1\n-> X25519 %s\n%s\n--- %s\n", b[0],
		b[1], b[2]);
	n = seal_under(key, nonce, header, plain.p, plain.n, file);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, file, n, 0), (ssize_t)n);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(open_it(0, &s, NULL), 0);
	assert_int_equal(s.n, sizeof content);

	plain.p[3 * CHUNK + 5] ^= 1;
	other = malloc(n);
	assert_int_equal(seal_under(key, nonce, header, plain.p, plain.n, other), n);
	tamper_at = 0;
	tamper_len = (off_t)n;
	s.tamper = exchange;
	s.tamper_after = 0;
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(open_it(0, &s, NULL), TG_EPAYLOAD);
	assert_true(s.n > 0 && s.n < 3 * CHUNK);
	assert_memory_equal(s.p, content, s.n);
	free(other);
	free(file);
	free(plain.p);
	free(s.p);
}

/* It is released from memory. */
static void open_fd_small_file_may_change_at_will(void **state)
{
	struct sink s = new_sink();
	off_t end;

	(void)state;
	seal(CHUNK, 0, "");
	end = lseek(fd, 0, SEEK_END);
	other = calloc(1, (size_t)end);
	tamper_at = 0;
	tamper_len = end;
	s.tamper = exchange;
	s.tamper_after = 0;
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(open_it(0, &s, NULL), 0);
	assert_int_equal(s.n, CHUNK);
	assert_memory_equal(s.p, content, s.n);
	free(other);
	free(s.p);
}

static void open_fd_head_that_is_refused_releases_nothing(void **state)
{
	struct sink s = new_sink();

	(void)state;
	for (size_t i = 0; i < LEN(SIZES); i++) {
		seal(SIZES[i], 0, "");
		s.refuse_head = 1;
		assert_int_equal(open_it(0, &s, NULL), TG_EREPLAY);
		assert_int_equal(s.n, 0);
		assert_int_equal(s.heads, 1);
	}
	free(s.p);
}

static int full(void *ctx, const void *p, size_t n)
{
	size_t *left = ctx;

	(void)p;
	if (n > *left) {
		errno = ENOSPC;
		return TG_EIO;
	}
	*left -= n;
	return 0;
}

static void open_fd_errors_come_back(void **state)
{
	tg_expect e = {
		.struct_size = sizeof e, .identity = &alice, .n_identities = 1, .senders = apps};
	size_t left = 100000;
	tg_open_opts o = {.struct_size = sizeof o, .expect = &e, .write = full, .ctx = &left};
	tg_head head = {0};
	int ends[2];

	(void)state;
	seal(sizeof content, 0, "");
	assert_int_equal(tg_open_fd(&o, fd, NULL, why, sizeof why), TG_EIO);
	assert_int_equal(errno, ENOSPC);
	assert_non_null(strstr(why, "written"));
	/* no struct_size */
	assert_int_equal(tg_open_fd(&o, fd, &head, why, sizeof why), TG_EINVAL);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(tg_open_fd(&o, ends[0], NULL, why, sizeof why), TG_EIO);
	assert_int_equal(errno, ESPIPE);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(tg_open_fd(&o, -1, NULL, NULL, 0), TG_EIO);
	e.blob = "x";
	assert_int_equal(tg_open_fd(&o, fd, NULL, why, sizeof why), TG_EINVAL);
	e.blob = NULL;
	for (unsigned at = 1; at <= 4; at++) {
		/* what is read into, held content, the opener, tags */
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		tg_alloc_fail_at(at);
		assert_int_equal(tg_open_fd(&o, fd, NULL, why, sizeof why), TG_ENOMEM);
	}
	tg_alloc_fail_at(0);
}

static int set_up(void **state)
{
	char path[] = "/tmp/timeglas-open-fd-XXXXXX", text[TG_KEY_TEXT_MAX];
	tg_sender *sender;

	(void)state;
	if (tg_init() != 0 || tg_identity_generate(&alice) != 0 || tg_signer_generate(&app) != 0 ||
		tg_senders_new(&apps) != 0)
		return -1;
	if (tg_identity_recipient(alice, &to_alice) != 0 || tg_signer_sender(app, &sender) != 0)
		return -1;
	tg_sender_text(sender, text, sizeof text);
	tg_sender_free(sender);
	randombytes_buf(content, sizeof content);
	fd = mkstemp(path);
	unlink(path);
	return fd < 0 || tg_senders_add(apps, "app", text) != 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(fd);
	tg_identity_free(alice);
	tg_recipient_free(to_alice);
	tg_signer_free(app);
	tg_senders_free(apps);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_fd_every_size_comes_back),
		cmocka_unit_test(open_fd_trailer_across_the_edge_comes_back),
		cmocka_unit_test(open_fd_bad_file_releases_nothing),
		cmocka_unit_test(open_fd_file_changed_in_between_releases_only_what_was_checked),
		cmocka_unit_test(open_fd_other_content_under_the_same_key_is_seen),
		cmocka_unit_test(open_fd_small_file_may_change_at_will),
		cmocka_unit_test(open_fd_head_that_is_refused_releases_nothing),
		cmocka_unit_test(open_fd_errors_come_back),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
