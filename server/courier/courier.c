/*
 * courier.c: see courier.h. It looks for a new checkpoint a few times a second, offers it to every
 * witness, and writes `cosigned` as cosignatures of that checkpoint come. The next one is taken
 * when every witness that is there has answered, or the quorum is met and a second has passed, or a
 * request's time is over.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/ssl.h>
#include <timeglas/errors.h>
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metrics.h"
#include "conf/conf.h"
#include "conf/pem.h"
#include "core/fd.h"
#include "core/tile.h"
#include "courier/carrier.h"
#include "courier/courier.h"
#include "courier/errand.h"
#include "net/loop.h"

#define LOOK_MS 200
#define GRACE_US UINT64_C(1000000)
#define ROUND_US (ERRAND_S * UINT64_C(1000000))
#define WHY 512

struct courier {
	const struct child_env *env;
	struct loop *loop;
	struct event *look, *term;
	SSL_CTX *tls;
	struct sha256 *sha;
	struct policy policy;
	struct carrier *carrier[POLICY_WITNESSES_MAX];
	char *folder; /* of tiles */
	int dir;      /* the same, open; -1: it is not there yet */
	struct cargo cargo;
	uint64_t began_us;
	uint64_t cosigned; /* of the cargo; bit i: witness i */
	char line[POLICY_WITNESSES_MAX][NOTE_LINE_MAX];
	/* what stands in the file `cosigned` */
	struct checkpoint published;
	unsigned published_n;
	bool published_met, file_failed;
	struct tile_reader reader; /* large */
};

/* The file `cosigned` ------------------------------------------------------ */

static int write_file(int dir, const char *text, size_t n)
{
	int fd = openat(dir, "cosigned.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640), err;

	if (fd < 0)
		return TG_EIO;
	err = tg_write_all(fd, text, n) == 0 && fsync(fd) == 0 ? 0 : TG_EIO;
	close(fd);
	if (err == 0 && (renameat(dir, "cosigned.new", dir, "cosigned") != 0 || fsync(dir) != 0))
		err = TG_EIO;
	return err;
}

/* A checkpoint with fewer cosignatures does not take the place of one that has enough. */
static void publish(struct courier *k)
{
	const bool met = policy_is_met(&k->policy, k->cosigned);
	unsigned count = 0;
	char *text;
	size_t n = k->cargo.n;

	for (unsigned i = 0; i < k->policy.n_witnesses; i++)
		count += (unsigned)(k->cosigned >> i & 1);

	if (!met && (k->published_met || count < k->published_n) &&
		strcmp(k->published.origin, k->cargo.c.origin) == 0)
		return;
	text = malloc(n + sizeof k->line);
	if (text == NULL)
		return;
	memcpy(text, k->cargo.note, n);
	for (unsigned i = 0; i < k->policy.n_witnesses; i++)
		if ((k->cosigned >> i & 1) != 0) {
			memcpy(text + n, k->line[i], strlen(k->line[i]));
			n += strlen(k->line[i]);
		}
	if (write_file(k->dir, text, n) != 0) {
		if (!k->file_failed)
			log_error("cosigned", "%s/cosigned cannot be written (%s)", k->folder,
				strerror(errno));
		k->file_failed = true;
	} else {
		k->file_failed = false;
		k->published = k->cargo.c;
		k->published_n = count;
		k->published_met = met;
		if (met)
			metrics_gauge_set(G_COSIGNED_LINES, (int64_t)k->cargo.c.size);
		if (met)
			metrics_gauge_set(G_COSIGNED_AT, clock_wall_ms() / 1000);
	}
	free(text);
}

static void on_cosigned(void *ctx, unsigned witness, const char *line, size_t n)
{
	struct courier *k = ctx;

	memcpy(k->line[witness], line, n);
	k->line[witness][n] = '\0';
	k->cosigned |= UINT64_C(1) << witness;
	publish(k);
}

static int on_prove(void *ctx, uint64_t old, uint64_t size, struct tree_proof *out)
{
	struct courier *k = ctx;

	out->n = 0;
	if (old == 0 || old == size)
		return 0;
	tile_reader_init(&k->reader, k->dir, size, k->sha);
	return tree_consistency(k->sha, tile_read_node, &k->reader, old, size, out);
}

/* Checkpoints -------------------------------------------------------------- */

/* Reads a note of the folder. Returns its length; -1: there is none, or it is none. */
static long read_note(struct courier *k, const char *name, char out[SUBMISSION_NOTE_MAX + 1],
	struct note *note, struct checkpoint *c)
{
	int fd = openat(k->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd >= 0 ? read(fd, out, SUBMISSION_NOTE_MAX + 1) : -1;

	if (fd >= 0)
		close(fd);
	if (n <= 0 || n > (ssize_t)SUBMISSION_NOTE_MAX || note_scan(out, (size_t)n, note) != 0 ||
		checkpoint_scan(note->text.p, note->text.n, c) != 0)
		return -1;
	return n;
}

/* What was cosigned before this process began. */
static void recall(struct courier *k)
{
	char *text = malloc(SUBMISSION_NOTE_MAX + 1);
	struct policy_finding f;
	struct checkpoint c;
	struct note note;

	if (text != NULL && read_note(k, "cosigned", text, &note, &c) >= 0) {
		int err = policy_check(&k->policy, &note, &f);

		if (err == 0 || err == TG_EPOLICY) {
			k->published = c;
			k->published_n = f.n;
			k->published_met = err == 0;
			for (unsigned i = 0; i < k->policy.n_witnesses; i++)
				if ((f.cosigned >> i & 1) != 0)
					carrier_set_size(k->carrier[i], c.size);
		}
	}
	free(text);
}

static bool round_is_over(const struct courier *k)
{
	const uint64_t passed = clock_mono_us() - k->began_us;
	bool due = false;

	for (unsigned i = 0; i < k->policy.n_witnesses; i++)
		due = due || carrier_is_due(k->carrier[i], &k->cargo);
	return k->cargo.n == 0 || !due || passed >= ROUND_US ||
		(passed >= GRACE_US && policy_is_met(&k->policy, k->cosigned));
}

static void next_round(struct courier *k)
{
	char *text = malloc(SUBMISSION_NOTE_MAX + 1);
	struct checkpoint c;
	struct note note;
	long n = text != NULL ? read_note(k, "checkpoint", text, &note, &c) : -1;

	if (n > 0 && ((size_t)n != k->cargo.n || memcmp(text, k->cargo.note, (size_t)n) != 0)) {
		memcpy(k->cargo.note, text, (size_t)n);
		k->cargo.n = (size_t)n;
		k->cargo.c = c;
		k->cargo.serial++;
		k->cosigned = 0;
		k->began_us = clock_mono_us();
	}
	free(text);
}

static void on_look(evutil_socket_t fd, short what, void *ctx)
{
	struct courier *k = ctx;
	int64_t up = 0;

	(void)fd, (void)what;
	if (k->dir < 0) {
		k->dir = open(k->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (k->dir < 0)
			return; /* the recorder makes it */
		recall(k);
	}
	if (round_is_over(k))
		next_round(k);
	for (unsigned i = 0; i < k->policy.n_witnesses; i++) {
		if (k->cargo.n > 0)
			carrier_offer(k->carrier[i], &k->cargo);
		up += carrier_is_up(k->carrier[i]);
	}
	metrics_gauge_set(G_WITNESSES_UP, up);
}

/* Beginning and end -------------------------------------------------------- */

static int load_policy(struct courier *k, char why[WHY])
{
	const char *path = k->env->conf->witnesses, *what = "";
	struct file_bytes f = {0};
	unsigned line = 0;
	int err = file_read(path, POLICY_FILE_MAX, &f, why, WHY);

	if (err == 0) {
		err = policy_scan(k->sha, (const char *)f.b, f.n, &k->policy, &line, &what);
		if (err != 0)
			snprintf(why, WHY, "%s:%u: %s", path, line, what);
	}
	file_free(&f);
	return err;
}

/* For witnesses with https: only witness_ca's certificates are believed. */
static int make_tls(struct courier *k, char why[WHY])
{
	const char *ca = k->env->conf->witness_ca;
	STACK_OF(X509) *all = NULL;
	int err;

	if (ca == NULL)
		return 0;
	err = pem_chain(ca, &all, why, WHY);
	k->tls = err == 0 ? SSL_CTX_new(TLS_client_method()) : NULL;
	if (k->tls != NULL) {
		SSL_CTX_set_min_proto_version(k->tls, TLS1_2_VERSION);
		SSL_CTX_set_verify(k->tls, SSL_VERIFY_PEER, NULL);
		SSL_CTX_clear_mode(k->tls, SSL_MODE_AUTO_RETRY);
		SSL_CTX_set_mode(k->tls,
			SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		SSL_CTX_set_options(k->tls,
			SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
		for (int i = 0; i < sk_X509_num(all); i++)
			X509_STORE_add_cert(SSL_CTX_get_cert_store(k->tls), sk_X509_value(all, i));
	} else if (err == 0) {
		snprintf(why, WHY, "out of memory; free some");
		err = TG_ENOMEM;
	}
	sk_X509_pop_free(all, X509_free);
	return err;
}

static int make_carriers(struct courier *k, char why[WHY])
{
	const struct carrier_opts o = {.loop = k->loop,
		.tls = k->tls,
		.prove = on_prove,
		.cosigned = on_cosigned,
		.ctx = k};

	for (unsigned i = 0; i < k->policy.n_witnesses; i++) {
		const struct policy_witness *w = &k->policy.witness[i];

		if (strncmp(w->url, "https://", 8) == 0 && k->tls == NULL) {
			snprintf(why, WHY,
				"%s has https; name its authority with witness_ca =", w->name);
			return TG_EINVAL;
		}
		k->carrier[i] = carrier_new(&o, w, i);
		if (k->carrier[i] == NULL) {
			snprintf(why, WHY,
				"witness %s: '%s' is no URL; write http://HOST:PORT or "
				"https://HOST",
				w->name, w->url);
			return TG_EINVAL;
		}
	}
	return 0;
}

static void on_term(evutil_socket_t sig, short what, void *ctx)
{
	(void)sig, (void)what;
	loop_stop(((struct courier *)ctx)->loop);
}

static int start(struct courier *k, char why[WHY])
{
	static const struct timeval every = {.tv_usec = LOOK_MS * 1000};
	int err;

	snprintf(why, WHY, "out of memory; free some");
	k->sha = sha256_new();
	k->loop = loop_new();
	if (k->sha == NULL || k->loop == NULL ||
		asprintf(&k->folder, "%s.tiles", k->env->conf->audit_log) < 0)
		return TG_ENOMEM;
	if ((err = load_policy(k, why)) != 0 || (err = make_tls(k, why)) != 0 ||
		(err = make_carriers(k, why)) != 0)
		return err;
	k->look = event_new(loop_base(k->loop), -1, EV_PERSIST, on_look, k);
	k->term = evsignal_new(loop_base(k->loop), SIGTERM, on_term, k);
	if (k->look == NULL || k->term == NULL || event_add(k->look, &every) != 0 ||
		event_add(k->term, NULL) != 0)
		return TG_ENOMEM;
	metrics_gauge_set(G_WITNESSES, k->policy.n_witnesses);
	return 0;
}

static void end(struct courier *k)
{
	for (unsigned i = 0; i < POLICY_WITNESSES_MAX; i++)
		carrier_free(k->carrier[i]);
	if (k->look != NULL)
		event_free(k->look);
	if (k->term != NULL)
		event_free(k->term);
	if (k->dir >= 0)
		close(k->dir);
	SSL_CTX_free(k->tls);
	loop_free(k->loop);
	sha256_free(k->sha);
	free(k->folder);
	free(k);
}

int courier_main(const struct child_env *env)
{
	struct courier *k = calloc(1, sizeof *k);
	char why[WHY];
	int status = EXIT_FAILURE;

	if (k == NULL)
		return EXIT_FAILURE;
	k->env = env;
	k->dir = -1;
	if (start(k, why) == 0)
		status = loop_run(k->loop) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	else
		log_error("courier", "no checkpoint is carried to witnesses: %s", why);
	end(k);
	return status;
}
