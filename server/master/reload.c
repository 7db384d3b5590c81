/*
 * reload.c: see reload.h. What only a restart can change stays as it is, and the log says so. A
 * reload is over when this returns: workers take the new files from memory (base/handover.h) and
 * read none. Runs in the master.
 */
#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "master/notify.h"
#include "master/reload.h"
#include "master/startup.h"
#include "master/tls_files.h"

static void put_in_force(struct master *m, struct conf *fresh, SSL_CTX *tls)
{
	SSL_CTX_free(m->tls);
	m->tls = tls;
	children_set_conf(&m->children, fresh, tls);
	if (m->conf != m->first_conf && m->conf != fresh)
		conf_free(m->conf);
	m->conf = fresh;
}

/* Returns 0, or -1 with err. */
static int read_all(struct master *m, char *err, size_t cap)
{
	char changed[512] = "";
	struct conf *fresh = m->conf;
	SSL_CTX *tls = NULL;

	if (m->conf_path != NULL) {
		if (conf_load(m->conf_path, &fresh, err, cap) != 0)
			return -1;
		startup_log_doubts(err);
	}
	if (fresh != m->conf && conf_keep_fixed(fresh, m->conf, changed, sizeof changed) != 0)
		snprintf(err, cap, "out of memory; free some");
	else
		tls = tls_files_load(fresh, m->handover, err, cap);
	if (tls == NULL) {
		if (fresh != m->conf)
			conf_free(fresh);
		return -1;
	}
	put_in_force(m, fresh, tls);
	if (changed[0] != '\0')
		log_warn("reload",
			"the file has other values for %s; that takes a restart, and until then "
			"the old ones stay",
			changed);
	return 0;
}

static void tell_children(const struct master *m)
{
	static const enum child_kind kinds[] = {
		CHILD_WORKER, CHILD_REAPER, CHILD_ADMIN, CHILD_RECORDER, CHILD_COURIER};
	size_t i;

	for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
		children_signal(&m->children, kinds[i], SIGHUP);
}

void reload_run(struct master *m)
{
	char err[MASTER_ERR_CHARS];

	notify_reloading();
	if (read_all(m, err, sizeof err) == 0) {
		log_info("reload",
			"%zu peers, certificates and keys are good; the workers take them over",
			m->conf->n_peers);
		tell_children(m);
	} else {
		log_error("reload", "nothing has changed, in no process: %s", err);
	}
	children_signal(&m->children, CHILD_LOGGER, SIGHUP);
	notify_systemd("READY=1");
}
