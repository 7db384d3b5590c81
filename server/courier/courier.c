/*
 * courier.c: see courier.h. It looks for a new checkpoint a few times a second, offers it to every
 * witness, and writes `cosigned` as cosignatures of that checkpoint come. The next one is taken
 * when every witness that is there has answered, or the quorum is met and a second has passed, or a
 * request's time is over. SIGHUP reads the file of witnesses again.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <timeglas/errors.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "conf/conf.h"
#include "core/fd.h"
#include "core/tile.h"
#include "courier/courier.h"
#include "courier/crew.h"
#include "courier/errand.h"
#include "net/loop.h"

#define LOOK_MS 200
#define GRACE_US UINT64_C(1000000)
#define ROUND_US (ERRAND_S * UINT64_C(1000000))

_Static_assert(POLICY_WITNESSES_MAX <= METRICS_WITNESSES_MAX, "a row for each");
_Static_assert(POLICY_NAME_MAX < METRICS_WITNESS_NAME, "names fit");

struct courier {
	const struct child_env *env;
	struct loop *loop;
	struct event *look, *term, *hup;
	struct sha256 *sha;
	struct crew *crew; /* NULL: the file of witnesses was bad from the beginning */
	char *folder;      /* of tiles */
	int dir;           /* the same, open; -1: it is not there yet */
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
	const bool met = policy_is_met(&k->crew->policy, k->cosigned);
	unsigned count = 0;
	char *text;
	size_t n = k->cargo.n;

	for (unsigned i = 0; i < k->crew->policy.n_witnesses; i++)
		count += (unsigned)(k->cosigned >> i & 1);

	if (!met && (k->published_met || count < k->published_n) &&
		strcmp(k->published.origin, k->cargo.c.origin) == 0)
		return;
	text = malloc(n + sizeof k->line);
	if (text == NULL)
		return;
	memcpy(text, k->cargo.note, n);
	for (unsigned i = 0; i < k->crew->policy.n_witnesses; i++)
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
	int fd = openat(k->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
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
		int err = policy_check(&k->crew->policy, &note, &f);

		if (err == 0 || err == TG_EPOLICY) {
			k->published = c;
			k->published_n = f.n;
			k->published_met = err == 0;
			for (unsigned i = 0; i < k->crew->policy.n_witnesses; i++)
				if ((f.cosigned >> i & 1) != 0)
					carrier_set_size(k->crew->carrier[i], c.size);
		}
	}
	free(text);
}

static bool round_is_over(const struct courier *k)
{
	const uint64_t passed = clock_mono_us() - k->began_us;
	bool due = false;

	for (unsigned i = 0; i < k->crew->policy.n_witnesses; i++)
		due = due || carrier_is_due(k->crew->carrier[i], &k->cargo);
	return k->cargo.n == 0 || !due || passed >= ROUND_US ||
		(passed >= GRACE_US && policy_is_met(&k->crew->policy, k->cosigned));
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
	if (k->crew == NULL)
		return;
	if (k->dir < 0) {
		k->dir = open(k->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (k->dir < 0)
			return; /* the recorder makes it */
		recall(k);
	}
	if (round_is_over(k))
		next_round(k);
	for (unsigned i = 0; i < k->crew->policy.n_witnesses; i++) {
		if (k->cargo.n > 0)
			carrier_offer(k->crew->carrier[i], &k->cargo);
		up += carrier_is_up(k->crew->carrier[i]);
	}
	metrics_gauge_set(G_WITNESSES_UP, up);
}

/* Beginning and end -------------------------------------------------------- */

/* Puts the file of witnesses in force; one that is bad changes nothing. */
static void load(struct courier *k)
{
	const struct conf *conf = k->env->conf;
	const struct carrier_opts o = {
		.loop = k->loop, .prove = on_prove, .cosigned = on_cosigned, .ctx = k};
	char why[CREW_WHY];
	struct crew *fresh = crew_new(conf->witnesses, conf->witness_ca, k->sha, &o, why);

	metrics_gauge_set(G_WITNESS_POLICY, fresh != NULL);
	if (fresh == NULL) {
		log_error("courier", "%s; mend it, and reload (SIGHUP): %s",
			k->crew != NULL ? "the witnesses of before stay in force" :
					  "no checkpoint is carried to witnesses",
			why);
		return;
	}
	crew_free(k->crew);
	k->crew = fresh;
	k->cargo.n = 0;
	k->published = (struct checkpoint){0};
	k->published_n = 0;
	k->published_met = false;
	if (k->dir >= 0)
		recall(k);
	for (unsigned i = 0; i < METRICS_WITNESSES_MAX; i++)
		metrics_witness_name(
			i, i < fresh->policy.n_witnesses ? fresh->policy.witness[i].name : "");
	metrics_gauge_set(G_WITNESSES, fresh->policy.n_witnesses);
}

static void on_hup(evutil_socket_t sig, short what, void *ctx)
{
	(void)sig, (void)what;
	load(ctx);
}

static void on_term(evutil_socket_t sig, short what, void *ctx)
{
	(void)sig, (void)what;
	loop_stop(((struct courier *)ctx)->loop);
}

static bool start(struct courier *k)
{
	static const struct timeval every = {.tv_usec = LOOK_MS * 1000};
	sigset_t hup;

	k->sha = sha256_new();
	k->loop = loop_new();
	if (k->sha == NULL || k->loop == NULL ||
		asprintf(&k->folder, "%s.tiles", k->env->conf->audit_log) < 0)
		return false;
	k->look = event_new(loop_base(k->loop), -1, EV_PERSIST, on_look, k);
	k->term = evsignal_new(loop_base(k->loop), SIGTERM, on_term, k);
	k->hup = evsignal_new(loop_base(k->loop), SIGHUP, on_hup, k);
	if (k->look == NULL || k->term == NULL || k->hup == NULL ||
		event_add(k->look, &every) != 0 || event_add(k->term, NULL) != 0 ||
		event_add(k->hup, NULL) != 0)
		return false;
	load(k);
	sigemptyset(&hup); /* one that came meanwhile comes now */
	sigaddset(&hup, SIGHUP);
	sigprocmask(SIG_UNBLOCK, &hup, NULL);
	return true;
}

static void end(struct courier *k)
{
	crew_free(k->crew);
	if (k->look != NULL)
		event_free(k->look);
	if (k->term != NULL)
		event_free(k->term);
	if (k->hup != NULL)
		event_free(k->hup);
	if (k->dir >= 0)
		close(k->dir);
	loop_free(k->loop);
	sha256_free(k->sha);
	free(k->folder);
	free(k);
}

int courier_main(const struct child_env *env)
{
	struct courier *k = calloc(1, sizeof *k);
	int status = EXIT_FAILURE;

	if (k == NULL)
		return EXIT_FAILURE;
	k->env = env;
	k->dir = -1;
	if (start(k))
		status = loop_run(k->loop) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	else
		log_error("courier",
			"no checkpoint is carried to witnesses: out of memory; free "
			"some");
	end(k);
	return status;
}
