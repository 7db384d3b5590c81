/*
 * courier_alone.c: the courier without a server and a recorder, for tests that keep the folder of
 * tiles themselves: courier_alone AUDIT_LOG POLICY [CA]. SIGTERM ends it. No name server answers
 * for dead.example, and nobody is told so.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "base/metrics.h"
#include "conf/conf.h"
#include "courier/courier.h"

typedef int look_up(
	const char *name, const char *port, const struct addrinfo *hints, struct addrinfo **found);

/* In place of the C library's. */
int getaddrinfo(
	const char *name, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
	look_up *const real = (look_up *)dlsym(RTLD_NEXT, "getaddrinfo");

	while (strcmp(name, "dead.example") == 0 && (hints->ai_flags & AI_NUMERICHOST) == 0)
		pause();
	return real(name, port, hints, found);
}

int main(int argc, char **argv)
{
	struct conf *conf = conf_new();
	struct child_env env = {.name = "courier", .conf = conf};
	int status;

	if (argc < 3 || conf == NULL)
		return 2;
	log_init(2, LOG_L_INFO, "courier");
	conf->audit_log = strdup(argv[1]);
	conf->witnesses = strdup(argv[2]);
	conf->witness_ca = argc > 3 ? strdup(argv[3]) : NULL;
	status = courier_main(&env);
	conf_free(conf);
	return status;
}
