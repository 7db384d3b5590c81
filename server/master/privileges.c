/*
 * privileges.c: see privileges.h. System calls are not filtered here: the service manager's unit
 * does that (deploy/). Runs in the master.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <timeglas/errors.h>

#include "base/log.h"
#include "master/privileges.h"

int privileges_user(const struct conf *c, uid_t *uid, gid_t *gid)
{
	const struct passwd *p;

	*uid = (uid_t)-1;
	*gid = (gid_t)-1;
	if (c->user == NULL || geteuid() != 0)
		return 0;
	p = getpwnam(c->user);
	if (p == NULL) {
		log_error("user",
			"no user '%s' on this machine; add it or correct user in [server]",
			c->user);
		return TG_EINVAL;
	}
	*uid = p->pw_uid;
	*gid = p->pw_gid;
	return 0;
}

void privileges_limit(const struct conf *c)
{
	const struct rlimit none = {0, 0};
	struct rlimit core, files;
	rlim_t want = (rlim_t)c->max_connections + c->max_unknown + CONF_SPARE_DESCRIPTORS;

	/* Where the service manager has set the limit, its filter may refuse the call. */
	if ((getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0) &&
		setrlimit(RLIMIT_CORE, &none) != 0)
		log_warn("limits", "core dumps cannot be turned off (%s); set LimitCORE=0",
			strerror(errno));
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= want)
		return;
	files.rlim_cur = want;
	if (files.rlim_max != RLIM_INFINITY && files.rlim_max < want) {
		log_warn("limits",
			"%llu descriptors are fewer than max_connections and max_unknown need; "
			"raise LimitNOFILE or lower them",
			(unsigned long long)files.rlim_max);
		files.rlim_cur = files.rlim_max;
	}
	if (setrlimit(RLIMIT_NOFILE, &files) != 0)
		log_warn(
			"limits", "the limit of descriptors cannot be raised: %s", strerror(errno));
}

bool privileges_dumps_core(void)
{
	struct rlimit core;

	return getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0;
}

int privileges_drop(const struct conf *c, uid_t uid, gid_t gid)
{
	bool drop = uid != (uid_t)-1;

	if (drop &&
		(initgroups(c->user, gid) != 0 || setresgid(gid, gid, gid) != 0 ||
			setresuid(uid, uid, uid) != 0)) {
		log_error("user", "cannot become '%s': %s", c->user, strerror(errno));
		return TG_EIO;
	}
	if (drop && uid != 0 && setresuid(0, 0, 0) == 0) {
		log_error("user",
			"the user '%s' could become root again; run as a user without privileges",
			c->user);
		return TG_EIO;
	}
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		log_warn("limits", "the kernel refuses PR_SET_DUMPABLE or PR_SET_NO_NEW_PRIVS: %s",
			strerror(errno));
	return 0;
}
