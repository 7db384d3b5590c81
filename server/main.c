/*
 * main.c: the command line of timeglasd (timeglasd(8)). It starts nothing itself: master.c does.
 * Options have to be written out: an abbreviation could mean another option in a later version.
 * Runs in the master.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <timeglas/errors.h>
#include <timeglas/version.h>

#include "conf/conf.h"
#include "master/master.h"
#include "master/tls_files.h"
#include "core/fd.h"

#define ERR_CHARS 4096
#define EXIT_USAGE 2

struct args {
	const char *conf_path, *dev_dir;
	const char *listen, *workers;
	bool test, help, version;
};

static const char usage[] = "usage: timeglasd -c FILE [--set SECTION.KEY=VALUE]...\n"
			    "       timeglasd -t -c FILE\n"
			    "       timeglasd --dev DIR [--listen HOST:PORT] [--workers N] [--set "
			    "SECTION.KEY=VALUE]...\n"
			    "       timeglasd --help | --version\n";

static const char help[] =
	"\n"
	"  -c FILE              run with this configuration (timeglasd.conf(5))\n"
	"  -t                   only check it: prints FILE: ok, or each mistake with its line\n"
	"  --dev DIR            a server to play with: throwaway certificates and keys in DIR, a "
	"Redis of its own;\n"
	"                       prints one line 'ready URL'; then DIR/env has everything that a "
	"client needs\n"
	"  --listen HOST:PORT   where (--dev: 127.0.0.1 and a free port)\n"
	"  --workers N          how many worker processes (one per core)\n"
	"  --set S.K=VALUE      over what the configuration says, e.g. --set "
	"limits.max_blob=64MiB\n"
	"\n"
	"SIGTERM ends it in order, a second one at once; SIGHUP reloads certificates and peers.\n";

/*
 * Reads "--name VALUE" or "--name=VALUE". Returns how many arguments that were; 0 when this is
 * another option; -1 without a value; -2 when *out was set before, for the second value would
 * silently replace the first.
 */
static int with_value(char *const *argv, const char *name, const char **out)
{
	size_t n = strlen(name);

	if (strncmp(argv[0], name, n) != 0)
		return 0;
	if (argv[0][n] != '\0' && !(argv[0][n] == '=' && n > 2))
		return 0;
	if (*out != NULL)
		return -2;
	if (argv[0][n] == '=') {
		*out = argv[0] + n + 1;
		return 1;
	}
	*out = argv[1];
	return argv[1] != NULL ? 2 : -1;
}

static int complain(const char *what, const char *about)
{
	fprintf(stderr, "timeglasd: %s %s\n%s", what, about, usage);
	return EXIT_USAGE;
}

static int set(const char *setting, const char *said)
{
	switch (conf_override(setting)) {
	case 0:
		return 0;
	case TG_EREUSED:
		return complain("set more than once; keep one:", said);
	default:
		return complain("not SECTION.KEY=VALUE:", said);
	}
}

static int parse_one(struct args *a, char *const *argv, int *took)
{
	const char *setting = NULL;

	if ((*took = with_value(argv, "-c", &a->conf_path)) != 0 ||
		(*took = with_value(argv, "--dev", &a->dev_dir)) != 0 ||
		(*took = with_value(argv, "--listen", &a->listen)) != 0 ||
		(*took = with_value(argv, "--workers", &a->workers)) != 0)
		return *took > 0 ?
			0 :
			complain(*took == -1 ? "a value must follow" : "give it once:", argv[0]);
	*took = with_value(argv, "--set", &setting);
	if (*took > 0)
		return set(setting, setting);
	if (*took < 0)
		return complain("a value must follow", argv[0]);
	*took = 1;
	if (strcmp(argv[0], "-t") == 0)
		a->test = true;
	else if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)
		a->help = true;
	else if (strcmp(argv[0], "--version") == 0)
		a->version = true;
	else
		return complain("unknown option", argv[0]);
	return 0;
}

static int override_with(const char *key, const char *value)
{
	char setting[256];

	if (value == NULL)
		return 0;
	if (snprintf(setting, sizeof setting, "%s=%s", key, value) >= (int)sizeof setting)
		return complain("too long:", value);
	return set(setting, setting);
}

static int parse(struct args *a, char *const *argv)
{
	int status, took;

	for (argv++; *argv != NULL; argv += took)
		if ((status = parse_one(a, argv, &took)) != 0)
			return status;
	if (a->help || a->version)
		return 0;
	if ((a->conf_path != NULL) == (a->dev_dir != NULL))
		return complain("give one of", "-c FILE and --dev DIR");
	if (a->test && a->conf_path == NULL)
		return complain("-t needs", "-c FILE");
	status = override_with("server.listen", a->listen);
	return status != 0 ? status : override_with("server.workers", a->workers);
}

static int run(const struct args *a, char *const *argv)
{
	char err[ERR_CHARS] = "timeglasd: out of memory";
	/* A copy, for process titles are written over the arguments. */
	char *path = strdup(a->dev_dir != NULL ? a->dev_dir : a->conf_path);
	struct master_opts o = {.child_argv = argv};
	int status = EXIT_FAILURE;

	if (path == NULL)
		;
	else if (a->dev_dir != NULL)
		o.conf = conf_new();
	else
		conf_load(path, &o.conf, err, sizeof err);
	o.dev_dir = a->dev_dir != NULL ? path : NULL;
	o.conf_path = a->dev_dir != NULL ? NULL : path;
	if (o.conf == NULL) {
		fprintf(stderr, "%s\n", err);
	} else if (a->test) {
		if (o.conf_path != NULL && err[0] == '\0' &&
			tls_files_check(o.conf, err, sizeof err) == 0) {
			printf("%s: ok\n", path);
			status = EXIT_SUCCESS;
		} else {
			fprintf(stderr, "%s\n", err);
		}
	} else {
		o.doubts = o.conf_path != NULL ? err : "";
		status = master_run(&o);
	}
	conf_free(o.conf);
	free(path);
	return status;
}

int main(int argc, char *argv[])
{
	struct args a = {0};
	int status;

	(void)argc;
	if (tg_streams_occupy() != 0)
		return EXIT_FAILURE;
	status = parse(&a, argv);
	if (status != 0)
		return status;
	if (a.help) {
		printf("%s%s", usage, help);
		return EXIT_SUCCESS;
	}
	if (a.version) {
		printf("timeglasd %s\n", TG_VERSION);
		return EXIT_SUCCESS;
	}
	if (sodium_init() < 0) {
		fprintf(stderr,
			"timeglasd: libsodium cannot be used: the system gives no randomness\n");
		return EXIT_FAILURE;
	}
	return run(&a, argv);
}
