/*
 * seal.c: timeglas-bench seal: timeglas and the age command (or another build's timeglas) seal and
 * open the same file by turns, and the library seals and opens something small. Input and output
 * are in memory, so that no disk is measured. docs/benchmarks.md tells the method.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <timeglas/timeglas.h>
#include "args.h"
#include "bench.h"
#include "commands.h"
#include "core/fd.h"
#include "scratch.h"
#include "seal_plan.h"
#include "seal_report.h"

#define BLOCK_BYTES (1u << 20)

/* Preparing ---------------------------------------------------------------- */

static const char *in_dir(const struct seal_plan *p, const char *name, char out[PATH_CHARS])
{
	if (snprintf(out, PATH_CHARS, "%s/%s", p->dir, name) >= PATH_CHARS)
		bench_die("%s: too long a path", p->dir);
	return out;
}

static void write_file(
	const struct seal_plan *p, const char *path, const void *data, size_t n, unsigned times)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		bench_die("cannot write %s: %s", path, strerror(errno));
	for (unsigned i = 0; i < times; i++)
		if (tg_write_all(fd, data, n) != 0)
			bench_die("cannot write %s: no room for %u MiB in --dir", path, p->mib);
	close(fd);
}

static void make_keys(struct seal_plan *p)
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

/* Writes the file that is sealed: one random MiB again and again. A cipher's speed does not depend
 * on the content. */
static void make_content(const struct seal_plan *p)
{
	unsigned char *block = bench_alloc(1, BLOCK_BYTES);
	char path[PATH_CHARS];

	randombytes_buf(block, BLOCK_BYTES);
	write_file(p, in_dir(p, "content", path), block, BLOCK_BYTES, p->mib);
	free(block);
}

/* Sets HOME to an empty folder, so that no user's keys are found, and TMPDIR to memory. */
static void make_environment(struct seal_plan *p)
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

/* age and timeglas --raw both open what age sealed, so they have the same work. */
static const struct seal_program beside_age[] = {
	{"age", "raw.age",
		{{"AGE", "-r", "RECIPIENT", "-o", "OUT", "IN"},
			{"AGE", "-d", "-i", "IDENTITY", "-o", "OUT", "IN"}}},
	{"timeglas --raw", "raw.age",
		{{"TIMEGLAS", "seal", "--raw", "-r", "RECIPIENT", "-o", "OUT", "IN"},
			{"TIMEGLAS", "open", "--raw", "-i", "IDENTITY", "-o", "OUT", "IN"}}},
	{"timeglas, signed", "signed.age", {{"TIMEGLAS", SEAL_SIGNED}, {"TIMEGLAS", OPEN_SIGNED}}},
};

/* Both open what the other build sealed. */
static const struct seal_program beside_before[] = {
	{"before", "signed.age", {{"BEFORE", SEAL_SIGNED}, {"BEFORE", OPEN_SIGNED}}},
	{"timeglas, signed", "signed.age", {{"TIMEGLAS", SEAL_SIGNED}, {"TIMEGLAS", OPEN_SIGNED}}},
};

static const char *word_value(
	const struct seal_plan *p, const char *word, const char *in, const char *out)
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

static struct timed run_once(const struct seal_plan *p, unsigned who, bool opening, const char *out)
{
	const char *const *line = p->program[who].line[opening];
	char in[PATH_CHARS], said[PATH_CHARS], *argv[WORDS_MAX + 1] = {NULL};

	in_dir(p, opening ? p->program[who].opens : "content", in);
	for (unsigned i = 0; i < WORDS_MAX && line[i] != NULL; i++)
		argv[i] = (char *)(uintptr_t)word_value(p, line[i], in, out);
	return timed_run(argv, p->env, in_dir(p, "said", said));
}

static void run_cell(const struct seal_plan *p, struct seal_cell *c)
{
	char file[PATH_CHARS];
	const char *out = c->place == SEAL_TO_NULL ? "/dev/null" : in_dir(p, "out", file);

	for (unsigned round = 0; round < p->rounds; round++) {
		for (unsigned i = 0; i < p->n_programs; i++) {
			unsigned who =
				(i + round) % p->n_programs; /* another one begins in each round */

			c->t[who][round] = run_once(p, who, c->opening, out);
			if (c->place == SEAL_TO_FILE && unlink(out) != 0)
				bench_die("%s left no output", p->program[who].name);
		}
	}
}

static void tell_version(struct seal_plan *p)
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

static void run(struct seal_plan *p)
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
	for (unsigned i = 0; i < SEAL_CELLS; i++) {
		p->cell[i].opening = i >= SEAL_PLACES;
		p->cell[i].place = (enum seal_place)(i % SEAL_PLACES);
		bench_say("%s %u MiB to %s, %u rounds", p->cell[i].opening ? "opening" : "sealing",
			p->mib, p->cell[i].place == SEAL_TO_FILE ? "a file" : "/dev/null",
			p->rounds);
		run_cell(p, &p->cell[i]);
	}
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
	static struct seal_plan plan; /* static because it is too large for a stack */
	struct seal_plan *const p = &plan;
	const char *json = NULL;
	int opt;

	(void)dir;
	*p = (struct seal_plan){.mib = 256,
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
		seal_report_table(p);
	if (json != NULL)
		seal_report_json(p, json);
	return 0;
}
