/*
 * seal.c: timeglas-bench seal: timeglas and the age command (or another build's timeglas) sealing
 * and opening the same file in turns, and the library doing it to something small. Input and output
 * stand in memory, so that no disk is measured. It judges nothing. The method: docs/benchmarks.md.
 * Runs in the benchmark's process.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <timeglas/timeglas.h>
#include "args.h"
#include "bench.h"
#include "commands.h"
#include "emit.h"
#include "scratch.h"
#include "seal_library.h"
#include "server.h"
#include "spread.h"
#include "timed.h"
#include "core/fd.h"

#define ROUNDS_MAX 99u
#define WORDS_MAX 16
#define BLOCK_BYTES (1u << 20)

#define PROGRAMS_MAX 3u

enum place { TO_FILE, TO_NULL, PLACES };

static const char *const place_name[] = {"file", "/dev/null"};

/* One of those that take turns. Words in capitals stand for what word_value() puts there. */
struct program {
	const char *name;
	const char *opens;              /* in --dir */
	const char *line[2][WORDS_MAX]; /* sealing, opening */
};

struct cell {
	bool opening;
	enum place place;
	struct timed t[PROGRAMS_MAX][ROUNDS_MAX];
};

#define CELLS (2 * PLACES)

struct plan {
	unsigned mib, rounds, inside_n;
	size_t inside_bytes;
	/* before: NULL, or another build's timeglas, which then takes the place of age */
	const char *age, *before, *where;
	/* filled in by prepare() */
	const struct program *program; /* the others are compared with the first */
	unsigned n_programs;
	char timeglas[PATH_CHARS], dir[PATH_CHARS], version[64];
	char recipient[TG_KEY_TEXT_MAX], sender[TG_KEY_TEXT_MAX], identity[PATH_CHARS],
		signing[PATH_CHARS];
	char env_path[4096], env_home[PATH_CHARS + 8], env_tmp[PATH_CHARS + 8], *env[4];
	struct cell cell[CELLS];
	struct seal_library_way inside[SEAL_LIBRARY_WAYS];
};

/* Preparing ---------------------------------------------------------------- */

static const char *in_dir(const struct plan *p, const char *name, char out[PATH_CHARS])
{
	if (snprintf(out, PATH_CHARS, "%s/%s", p->dir, name) >= PATH_CHARS)
		bench_die("%s: too long a path", p->dir);
	return out;
}

static void write_file(
	const struct plan *p, const char *path, const void *data, size_t n, unsigned times)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		bench_die("cannot write %s: %s", path, strerror(errno));
	for (unsigned i = 0; i < times; i++)
		if (tg_write_all(fd, data, n) != 0)
			bench_die("cannot write %s: no room for %u MiB in --dir", path, p->mib);
	close(fd);
}

static void make_keys(struct plan *p)
{
	char secret[TG_KEY_TEXT_MAX];
	tg_identity *identity;
	tg_recipient *recipient;
	tg_signer *signer;
	tg_sender *sender;

	if (tg_identity_generate(&identity) != 0 || tg_signer_generate(&signer) != 0 ||
		tg_identity_recipient(identity, &recipient) != 0 ||
		tg_signer_sender(signer, &sender) != 0)
		bench_die("cannot make keys");
	(void)tg_recipient_text(recipient, p->recipient, sizeof p->recipient);
	(void)tg_sender_text(sender, p->sender, sizeof p->sender);
	(void)tg_identity_text(identity, secret, sizeof secret);
	write_file(p, in_dir(p, "identity", p->identity), secret, strlen(secret), 1);
	(void)tg_signer_text(signer, secret, sizeof secret);
	write_file(p, in_dir(p, "signing", p->signing), secret, strlen(secret), 1);
	sodium_memzero(secret, sizeof secret);
	tg_identity_free(identity);
	tg_recipient_free(recipient);
	tg_signer_free(signer);
	tg_sender_free(sender);
}

/* One random MiB again and again: a cipher's speed does not depend on what it is given. */
static void make_content(const struct plan *p)
{
	unsigned char *block = bench_alloc(1, BLOCK_BYTES);
	char path[PATH_CHARS];

	randombytes_buf(block, BLOCK_BYTES);
	write_file(p, in_dir(p, "content", path), block, BLOCK_BYTES, p->mib);
	free(block);
}

/* Nobody's keys and addresses are to be found; what waits for a check waits in memory, too. */
static void make_environment(struct plan *p)
{
	const char *path = getenv("PATH");

	snprintf(p->env_path, sizeof p->env_path, "PATH=%s", path != NULL ? path : "/usr/bin:/bin");
	snprintf(p->env_home, sizeof p->env_home, "HOME=%s", p->dir);
	snprintf(p->env_tmp, sizeof p->env_tmp, "TMPDIR=%s", p->dir);
	p->env[0] = p->env_path;
	p->env[1] = p->env_home;
	p->env[2] = p->env_tmp;
}

/* Running ------------------------------------------------------------------ */

#define SEAL_SIGNED \
	"seal", "--sign", "SIGNING", "--kind", "liveness", "-r", "RECIPIENT", "-o", "OUT", "IN"
#define OPEN_SIGNED "open", "--sender", "SENDER", "-i", "IDENTITY", "-o", "OUT", "IN"

/* age opens what age sealed, and so does timeglas --raw: both have the same work. */
static const struct program beside_age[] = {
	{"age", "raw.age",
		{{"AGE", "-r", "RECIPIENT", "-o", "OUT", "IN"},
			{"AGE", "-d", "-i", "IDENTITY", "-o", "OUT", "IN"}}},
	{"timeglas --raw", "raw.age",
		{{"TIMEGLAS", "seal", "--raw", "-r", "RECIPIENT", "-o", "OUT", "IN"},
			{"TIMEGLAS", "open", "--raw", "-i", "IDENTITY", "-o", "OUT", "IN"}}},
	{"timeglas, signed", "signed.age", {{"TIMEGLAS", SEAL_SIGNED}, {"TIMEGLAS", OPEN_SIGNED}}},
};

/* Both open what the build of before sealed. */
static const struct program beside_before[] = {
	{"before", "signed.age", {{"BEFORE", SEAL_SIGNED}, {"BEFORE", OPEN_SIGNED}}},
	{"timeglas, signed", "signed.age", {{"TIMEGLAS", SEAL_SIGNED}, {"TIMEGLAS", OPEN_SIGNED}}},
};

static const char *word_value(
	const struct plan *p, const char *word, const char *in, const char *out)
{
	const char *const value[][2] = {
		{"AGE", p->age},
		{"BEFORE", p->before},
		{"TIMEGLAS", p->timeglas},
		{"RECIPIENT", p->recipient},
		{"SENDER", p->sender},
		{"IDENTITY", p->identity},
		{"SIGNING", p->signing},
		{"IN", in},
		{"OUT", out},
	};

	for (size_t i = 0; i < sizeof value / sizeof *value; i++)
		if (strcmp(value[i][0], word) == 0)
			return value[i][1];
	return word;
}

static struct timed run_once(const struct plan *p, unsigned who, bool opening, const char *out)
{
	const char *const *line = p->program[who].line[opening];
	char in[PATH_CHARS], said[PATH_CHARS], *argv[WORDS_MAX + 1] = {NULL};

	in_dir(p, opening ? p->program[who].opens : "content", in);
	for (unsigned i = 0; i < WORDS_MAX && line[i] != NULL; i++)
		argv[i] = (char *)(uintptr_t)word_value(p, line[i], in, out);
	return timed_run(argv, p->env, in_dir(p, "said", said));
}

static void run_cell(const struct plan *p, struct cell *c)
{
	char file[PATH_CHARS];
	const char *out = c->place == TO_NULL ? "/dev/null" : in_dir(p, "out", file);

	for (unsigned round = 0; round < p->rounds; round++) {
		for (unsigned i = 0; i < p->n_programs; i++) {
			unsigned who = (i + round) % p->n_programs; /* nobody is always the first */

			c->t[who][round] = run_once(p, who, c->opening, out);
			if (c->place == TO_FILE && unlink(out) != 0)
				bench_die("%s left no output", p->program[who].name);
		}
	}
}

static void tell_version(struct plan *p)
{
	char said[PATH_CHARS];
	char *const argv[] = {(char *)(uintptr_t)p->age, (char *)(uintptr_t) "--version", NULL};
	FILE *f;

	(void)timed_run(argv, p->env, in_dir(p, "said", said));
	f = fopen(said, "re");
	if (f == NULL || fgets(p->version, sizeof p->version, f) == NULL)
		bench_die("%s does not tell its version", p->age);
	p->version[strcspn(p->version, "\n")] = '\0';
	fclose(f);
}

static void run(struct plan *p)
{
	char out[PATH_CHARS];

	p->program = p->before != NULL ? beside_before : beside_age;
	p->n_programs = p->before != NULL ? sizeof beside_before / sizeof *beside_before :
					    sizeof beside_age / sizeof *beside_age;
	server_program("timeglas", p->timeglas, sizeof p->timeglas);
	scratch_open(p->where, p->dir, sizeof p->dir);
	make_environment(p);
	if (p->before == NULL)
		tell_version(p);
	make_keys(p);
	bench_say("the library, %zu bytes at a time", p->inside_bytes);
	seal_library_measure(p->inside_bytes, p->inside_n, p->inside);
	make_content(p);
	for (unsigned who = 0; who < p->n_programs; who++)
		if (who == 0 || strcmp(p->program[who].opens, p->program[who - 1].opens) != 0)
			(void)run_once(p, who, false, in_dir(p, p->program[who].opens, out));
	for (unsigned i = 0; i < CELLS; i++) {
		p->cell[i].opening = i >= PLACES;
		p->cell[i].place = (enum place)(i % PLACES);
		bench_say("%s %u MiB to %s, %u rounds", p->cell[i].opening ? "opening" : "sealing",
			p->mib, place_name[p->cell[i].place], p->rounds);
		run_cell(p, &p->cell[i]);
	}
}

/* Figures ------------------------------------------------------------------ */

typedef double figure(const struct timed *t);

static double wall(const struct timed *t)
{
	return t->wall_ms;
}

static double cpu(const struct timed *t)
{
	return t->user_ms + t->sys_ms;
}

static double user(const struct timed *t)
{
	return t->user_ms;
}

static double in_kernel(const struct timed *t)
{
	return t->sys_ms;
}

/* over: NULL, or whose figure of the same round it is divided by. */
static struct spread spread(const struct timed *t, const struct timed *over, figure *f, unsigned n)
{
	double v[ROUNDS_MAX] = {0};

	for (unsigned i = 0; i < n; i++)
		v[i] = f(&t[i]) / (over != NULL ? f(&over[i]) : 1);
	return spread_of(v, n);
}

static void row(const struct plan *p, const struct cell *c, unsigned who)
{
	struct spread w = spread(c->t[who], NULL, wall, p->rounds),
		      u = spread(c->t[who], NULL, cpu, p->rounds), rw, ru;

	printf("%-5s %-9s  %-16s  %6.0f %6.0f %6.0f  %6.0f %6.0f %6.0f",
		c->opening ? "open" : "seal", place_name[c->place], p->program[who].name, w.min,
		w.median, w.max, u.min, u.median, u.max);
	if (who != 0) {
		rw = spread(c->t[who], c->t[0], wall, p->rounds);
		ru = spread(c->t[who], c->t[0], cpu, p->rounds);
		printf("  %5.2f %5.2f %5.2f  %5.2f %5.2f %5.2f", rw.min, rw.median, rw.max, ru.min,
			ru.median, ru.max);
		if (p->before != NULL && p->rounds >= 6)
			printf("  %5.3f to %5.3f  %5.3f to %5.3f", 1 / rw.high, 1 / rw.low,
				1 / ru.high, 1 / ru.low);
	}
	printf("\n");
}

static void table(const struct plan *p)
{
	if (p->before != NULL)
		printf("%u MiB, %u rounds: minimum, median, maximum; last, 95 %% of the median "
		       "speed in wall and in processor time\n",
			p->mib, p->rounds);
	else
		printf("%u MiB, %u rounds, age %s: minimum, median, maximum\n", p->mib, p->rounds,
			p->version);
	printf("%-34s  %20s  %20s  %17s  %17s\n", "", "wall ms", "processor ms", "wall : first",
		"processor : first");
	for (unsigned i = 0; i < CELLS; i++)
		for (unsigned who = 0; who < p->n_programs; who++)
			row(p, &p->cell[i], who);
	printf("\n%zu bytes in the library, %u times: median, 99 %%, maximum\n%-10s  %26s  %26s\n",
		p->inside_bytes, p->inside_n, "", "wall us", "processor us");
	for (unsigned i = 0; i < SEAL_LIBRARY_WAYS; i++) {
		const struct seal_library_way *w = &p->inside[i];

		printf("%-4s %-6s %8.1f %8.1f %8.0f  %8.1f %8.1f %8.0f\n",
			w->opening ? "open" : "seal", w->with_signature ? "signed" : "raw",
			w->wall.median_us, w->wall.p99_us, w->wall.max_us, w->cpu.median_us,
			w->cpu.p99_us, w->cpu.max_us);
	}
}

static json_t *cell_json(const struct plan *p, const struct cell *c, unsigned who)
{
	const struct timed *t = c->t[who], *first = c->t[0];
	json_t *o = json_pack("{sssssssosososo}", "operation", c->opening ? "open" : "seal", "to",
		place_name[c->place], "program", p->program[who].name, "wall_ms",
		emit_spread(spread(t, NULL, wall, p->rounds)), "cpu_ms",
		emit_spread(spread(t, NULL, cpu, p->rounds)), "user_ms",
		emit_spread(spread(t, NULL, user, p->rounds)), "sys_ms",
		emit_spread(spread(t, NULL, in_kernel, p->rounds)));

	if (o != NULL && who != 0) {
		json_object_set_new(o, p->before != NULL ? "wall_to_before" : "wall_to_age",
			emit_spread(spread(t, first, wall, p->rounds)));
		json_object_set_new(o, p->before != NULL ? "cpu_to_before" : "cpu_to_age",
			emit_spread(spread(t, first, cpu, p->rounds)));
	}
	return o;
}

static json_t *small_json(struct small s)
{
	return json_pack("{sososo}", "median", emit_number(s.median_us), "p99",
		emit_number(s.p99_us), "max", emit_number(s.max_us));
}

static json_t *inside_json(const struct seal_library_way *w)
{
	return json_pack("{sssssisoso}", "operation", w->opening ? "open" : "seal", "form",
		w->with_signature ? "signed" : "raw", "n", (int)w->n, "wall_us",
		small_json(w->wall), "cpu_us", small_json(w->cpu));
}

static void expiry_report_json(const struct plan *p, const char *path)
{
	json_t *cells = json_array(), *inside = json_array();

	for (unsigned i = 0; i < CELLS; i++)
		for (unsigned who = 0; who < p->n_programs; who++)
			json_array_append_new(cells, cell_json(p, &p->cell[i], who));
	for (unsigned i = 0; i < SEAL_LIBRARY_WAYS; i++)
		json_array_append_new(inside, inside_json(&p->inside[i]));
	emit_json(json_pack("{sssssssisIsIsisoso}", "benchmark", "seal", "timeglas", TG_VERSION,
			  "age", p->version, "cores", (int)sysconf(_SC_NPROCESSORS_ONLN), "bytes",
			  (json_int_t)p->mib << 20, "library_bytes", (json_int_t)p->inside_bytes,
			  "rounds", (int)p->rounds, "cells", cells, "library", inside),
		path);
}

/* The command line --------------------------------------------------------- */

static int usage(FILE *out)
{
	fputs("usage: timeglas-bench seal [OPTION…]\n\n"
	      "  --size MIB        of the file that is sealed and opened (256; --dir holds up to "
	      "four of them)\n"
	      "  --rounds N        of each program in turn (7)\n"
	      "  --small N         times that the library seals and opens 32 KiB (4000)\n"
	      "  --age PROGRAM     the age command to compare with (age)\n"
	      "  --before FILE     compare with another build's timeglas instead; with 6 rounds or "
	      "more the interval of the median is told\n"
	      "  --dir DIR         where files are, on a file system in memory (/dev/shm)\n"
	      "  --json FILE       all figures; - for stdout, instead of the table\n"
	      "  --quick           a smoke run, before other options: its figures mean nothing\n\n"
	      "It leaves nothing behind. docs/benchmarks.md has the method.\n",
		out);
	return out == stdout ? 0 : 2;
}

int seal_main(int argc, char **argv, const char *dir)
{
	static const struct option options[] = {
		{"size", 1, NULL, 's'},
		{"rounds", 1, NULL, 'r'},
		{"small", 1, NULL, 'n'},
		{"age", 1, NULL, 'a'},
		{"before", 1, NULL, 'b'},
		{"dir", 1, NULL, 'd'},
		{"json", 1, NULL, 'j'},
		{"quick", 0, NULL, 'q'},
		{"help", 0, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	static struct plan plan; /* too large for a stack; the one of this process */
	struct plan *const p = &plan;
	const char *json = NULL;
	int opt;

	(void)dir;
	*p = (struct plan){.mib = 256,
		.rounds = 7,
		.inside_n = 4000,
		.inside_bytes = 32768,
		.age = "age",
		.where = "/dev/shm"};
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		size_t len = optarg != NULL ? strlen(optarg) : 0;

		switch (opt) {
		case 's':
			p->mib = (unsigned)args_number(optarg, len, 16384);
			break;
		case 'r':
			p->rounds = (unsigned)args_number(optarg, len, ROUNDS_MAX);
			break;
		case 'n':
			p->inside_n = (unsigned)args_number(optarg, len, 1000000);
			break;
		case 'a':
			p->age = optarg;
			break;
		case 'b':
			p->before = optarg;
			break;
		case 'd':
			p->where = optarg;
			break;
		case 'j':
			json = optarg;
			break;
		case 'q':
			p->mib = 3;
			p->rounds = 2;
			p->inside_n = 20;
			break;
		case 'h':
			return usage(stdout);
		default:
			return usage(stderr);
		}
	}
	if (optind != argc)
		return usage(stderr);
	if (tg_init() != 0)
		bench_die("no randomness");
	run(p);
	if (json == NULL || strcmp(json, "-") != 0)
		table(p);
	if (json != NULL)
		expiry_report_json(p, json);
	return 0;
}
