/*
 * main.c: timeglas-witness: cosigns checkpoints of the logs that it follows (C2SP tlog-witness),
 * for a machine that is not the server's. It sees no record of a log, only how many there are and
 * the root of the tree over them. It speaks plain HTTP: what it is sent and what it answers is
 * signed, and no secret; a proxy may put TLS in front.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <ini.h>
#include <sodium.h>
#include <timeglas/errors.h>
#include <timeglas/version.h>

#include "admin/plane.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/values.h"
#include "core/fd.h"
#include "core/submission.h"
#include "net/listener.h"
#include "witness/book.h"

#define LATEST "/latest/"
#define LATEST_LEN (sizeof LATEST - 1)

static const char usage[] =
	"usage: timeglas-witness -c FILE          follow the logs that it names; see "
	"timeglas-witness(8)\n"
	"       timeglas-witness -t -c FILE       check the file and the folder\n"
	"       timeglas-witness keygen NAME DIR  make a folder with a key; print the public "
	"half\n"
	"       timeglas-witness --help | --version\n";

/* A kind of complaint: so many lines at once, and then one for each QUIET_EACH_US. */
#define QUIET_LINES 20u
#define QUIET_EACH_US UINT64_C(60000000)

struct quiet {
	uint64_t full_us; /* of clock_mono_us(): when all lines are there again */
	uint64_t dropped; /* since the last line */
};

struct witness {
	struct loop *loop;
	struct quiet contradiction, unproved, disk;
	struct book *book;
	struct plane *plane;
	/* of the configuration */
	char host[CONF_HOST_CHARS];
	uint16_t port;
	char folder[1024];
	char key[BOOK_LOGS_MAX][NOTE_KEY_TEXT_MAX]; /* of logs */
	size_t n_keys;
	char why[BOOK_WHY]; /* the first setting that is wrong */
};

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "timeglas-witness: %s: %s\n", what, why);
	return EXIT_FAILURE;
}

/* The configuration -------------------------------------------------------- */

static int on_setting(void *ctx, const char *section, const char *key, const char *value)
{
	struct witness *w = ctx;

	if (section[0] != '\0')
		snprintf(w->why, sizeof w->why, "there are no sections; drop [%s]", section);
	else if (strcmp(key, "listen") == 0)
		(void)values_address(value, false, w->host, &w->port, w->why, sizeof w->why);
	else if (strcmp(key, "state") == 0 && value[0] == '/' && strlen(value) < sizeof w->folder)
		snprintf(w->folder, sizeof w->folder, "%s", value);
	else if (strcmp(key, "state") == 0)
		snprintf(w->why, sizeof w->why, "state: give the absolute path of a folder");
	else if (strcmp(key, "log") != 0)
		snprintf(w->why, sizeof w->why, "no key '%s'; use listen, state and log", key);
	else if (w->n_keys == BOOK_LOGS_MAX || strlen(value) >= NOTE_KEY_TEXT_MAX)
		snprintf(w->why, sizeof w->why, "log: too many of them, or no key");
	else
		snprintf(w->key[w->n_keys++], NOTE_KEY_TEXT_MAX, "%s", value);
	return w->why[0] == '\0';
}

static int load(struct witness *w, const char *path)
{
	int line;

	snprintf(w->host, sizeof w->host, "127.0.0.1");
	w->port = 8490;
	line = ini_parse(path, on_setting, w);
	if (line < 0)
		return complain(path, strerror(errno));
	if (line > 0) {
		fprintf(stderr, "timeglas-witness: %s:%d: %s\n", path, line,
			w->why[0] != '\0' ? w->why : "not a setting; write key = value");
		return EXIT_FAILURE;
	}
	if (w->folder[0] == '\0' || w->n_keys == 0)
		return complain(
			path, "state = and log = are missing; name a folder and a log's key");
	w->book = book_open(w->folder, w->why);
	for (size_t i = 0; w->book != NULL && i < w->n_keys; i++)
		if (book_add_log(w->book, w->key[i], w->why) != 0)
			return complain(path, w->why);
	return w->book != NULL ? 0 : complain(path, w->why);
}

/* Requests ----------------------------------------------------------------- */

/* Whoever has a checkpoint that the log signed may send it again and again. Returns whether there
 * is room for another line. */
static bool may_log(struct quiet *q)
{
	const uint64_t now_us = clock_mono_us();

	if (q->full_us < now_us)
		q->full_us = now_us;
	if (q->full_us - now_us > QUIET_LINES * QUIET_EACH_US) {
		q->dropped++;
		return false;
	}
	q->full_us += QUIET_EACH_US;
	return true;
}

static void complain_about(struct quiet *q, const char *event, const struct verdict *v)
{
	if (!may_log(q))
		return;
	log_warn(event,
		"%s: a signed checkpoint of %" PRIu64 " lines, after one of %" PRIu64
		" lines was cosigned: %s; %" PRIu64 " such were not logged before; the note is "
		"%.*s",
		v->c.origin, v->c.size, v->log->latest.size, v->why, q->dropped,
		(int)v->note.text.n, v->note.text.p);
	q->dropped = 0;
}

/* Two signed roots of one size prove that the log misbehaved. Where a proof does not hold, either
 * the log was rewritten, or somebody sent a true checkpoint with a wrong proof. */
static void complain_of(struct witness *w, const struct verdict *v)
{
	if (v->status == 500)
		complain_about(&w->disk, "disk", v);
	else if (v->status == 422)
		complain_about(&w->unproved, "unproved", v);
	else if (v->status == 409 && v->c.size == v->log->latest.size &&
		memcmp(v->c.root, v->log->latest.root, TREE_HASH) != 0)
		complain_about(&w->contradiction, "contradiction", v);
}

static void add_checkpoint(
	struct witness *w, const struct h1_str *content, struct plane_answer *out)
{
	char line[NOTE_LINE_MAX], size[32], why[160];
	const time_t now = time(NULL);
	struct verdict v;

	book_judge(w->book, content->p, content->n, now > 0 ? (uint64_t)now : 0, &v, line);
	if (v.status == 200) {
		plane_text(out, 200, line);
		return;
	}
	complain_of(w, &v);
	if (v.status == 409) {
		snprintf(size, sizeof size, "%" PRIu64 "\n", v.log->latest.size);
		plane_text(out, 409, size);
		out->type = "text/x.tlog.size";
		return;
	}
	snprintf(why, sizeof why, "%s\n", v.why);
	plane_text(out, v.status, why);
}

static void on_request(void *ctx, const struct h1_head *head, const struct h1_str *content,
	struct plane_answer *out)
{
	static const char add[] = "/add-checkpoint";
	struct witness *w = ctx;
	const struct h1_str path = head->path, target = head->target; /* an origin may have "?" */
	const bool is_add = path.n == sizeof add - 1 && memcmp(path.p, add, path.n) == 0;
	const char *latest;

	if (is_add && head->method == H1_POST) {
		add_checkpoint(w, content, out);
	} else if (is_add) {
		plane_text(out, 405, "POST only\n");
		out->fields = "Allow: POST\r\n";
	} else if (target.n <= LATEST_LEN || memcmp(target.p, LATEST, LATEST_LEN) != 0) {
		plane_text(out, 404, "this address serves /add-checkpoint and /latest/ORIGIN\n");
	} else if (head->method != H1_GET && head->method != H1_HEAD) {
		plane_text(out, 405, "GET and HEAD only\n");
		out->fields = "Allow: GET, HEAD\r\n";
	} else {
		latest = book_latest(w->book, target.p + LATEST_LEN, target.n - LATEST_LEN);
		plane_text(out, latest != NULL ? 200 : 404,
			latest != NULL ? latest : "nothing of a log of this origin was cosigned\n");
	}
}

/* Running ------------------------------------------------------------------ */

static void on_term(evutil_socket_t sig, short what, void *ctx)
{
	(void)sig, (void)what;
	loop_stop(((struct witness *)ctx)->loop);
}

static int serve(struct witness *w)
{
	static const struct plane_opts opts = {.content_max = SUBMISSION_MAX, .any_host = true};
	char key[NOTE_KEY_TEXT_MAX];
	struct event *term = NULL, *interrupt = NULL;
	int fd, status = EXIT_FAILURE;

	if (listener_is_taken(w->host, w->port)) {
		snprintf(w->why, sizeof w->why,
			"%s port %u is in use; stop what listens there or choose another port",
			w->host, (unsigned)w->port);
		return complain("listen", w->why);
	}
	fd = listener_bind(w->host, w->port, &w->port, w->why, sizeof w->why);
	if (fd < 0)
		return complain("listen", w->why);
	w->loop = loop_new();
	if (w->loop != NULL) {
		term = evsignal_new(loop_base(w->loop), SIGTERM, on_term, w);
		interrupt = evsignal_new(loop_base(w->loop), SIGINT, on_term, w);
		w->plane = plane_new(w->loop, fd, &opts, on_request, w);
	}
	if (w->plane != NULL && term != NULL && interrupt != NULL && event_add(term, NULL) == 0 &&
		event_add(interrupt, NULL) == 0) {
		printf("ready http://%s:%u %s\n", w->host, (unsigned)w->port,
			note_key_text(book_key(w->book), key));
		fflush(stdout);
		status = loop_run(w->loop) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	} else {
		complain("start", strerror(errno));
	}
	plane_free(w->plane);
	if (term != NULL)
		event_free(term);
	if (interrupt != NULL)
		event_free(interrupt);
	loop_free(w->loop);
	close(fd);
	return status;
}

static int keygen(const char *name, const char *folder)
{
	char text[NOTE_KEY_TEXT_MAX], why[BOOK_WHY] = "out of memory";

	if (book_make(folder, name, text, why) != 0)
		return complain("keygen", why);
	printf("%s\n", text);
	return EXIT_SUCCESS;
}

/* As timeglasd -t does, it says that all is well. */
static int check(const struct witness *w, const char *path)
{
	char key[NOTE_KEY_TEXT_MAX];

	printf("%s: ok, for the witness %s\n", path, note_key_text(book_key(w->book), key));
	return EXIT_SUCCESS;
}

static int run(const char *path, bool only_check)
{
	static const struct rlimit no_core = {0, 0};
	struct witness *w = calloc(1, sizeof *w);
	int status = EXIT_FAILURE;

	setrlimit(RLIMIT_CORE, &no_core);
	log_init(STDERR_FILENO, LOG_L_INFO, "witness");
	if (w != NULL && load(w, path) == 0)
		status = only_check ? check(w, path) : serve(w);
	if (w != NULL)
		book_close(w->book);
	free(w);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
	const char *path = NULL;
	bool only_check = false;
	int c;

	if (tg_streams_occupy() != 0 || sodium_init() < 0)
		return EXIT_FAILURE;
	if (argc == 4 && strcmp(argv[1], "keygen") == 0)
		return keygen(argv[2], argv[3]);
	while ((c = getopt_long(argc, argv, "+c:th", options, NULL)) != -1) {
		if (c == 'c') {
			path = optarg;
		} else if (c == 't') {
			only_check = true;
		} else if (c == 'V') {
			puts("timeglas-witness " TG_VERSION);
			return EXIT_SUCCESS;
		} else {
			fputs(usage, c == 'h' ? stdout : stderr);
			return c == 'h' ? EXIT_SUCCESS : 2;
		}
	}
	if (path == NULL || optind != argc) {
		fputs(usage, stderr);
		return 2;
	}
	return run(path, only_check);
}
