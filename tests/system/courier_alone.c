/*
 * courier_alone.c: the courier without a server and a recorder, for tests that keep the folder of
 * tiles themselves: courier_alone AUDIT_LOG POLICY [CA]. SIGTERM ends it.
 */
#include <string.h>
#include "base/log.h"
#include "base/metrics.h"
#include "conf/conf.h"
#include "courier/courier.h"

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
