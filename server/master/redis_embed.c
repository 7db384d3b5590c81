/*
 * redis_embed.c: configures, starts and asks the embedded redis-server. All that could copy a blob
 * to a disk, or keep it behind its deadline, is off. When it is started, checked and killed is
 * decided in startup.c, supervise.c and embedded_store.c. Runs in the master.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <hiredis/hiredis.h>
#include <sodium.h>
#include <timeglas/errors.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/token.h"
#include "core/hex.h"
#include "master/memory.h"
#include "master/redis_embed.h"
#include "store/key.h"
#include "wipe/wipe.h"
#include "core/fd.h"

#define CONFIG_CHARS 4096
#define CALL_TIMEOUT_MS 200
#define SCAN_COUNT "1000"
#define COUNT_PAGE 1000u
#define COUNT_US 5000000u

/* Commands that write a snapshot, copy the data elsewhere, or show it to others. */
static const char closed_commands[] =
	"rename-command SAVE \"\"\nrename-command BGSAVE \"\"\nrename-command BGREWRITEAOF "
	"\"\"\nrename-command REPLICAOF \"\"\n"
	"rename-command SLAVEOF \"\"\nrename-command SYNC \"\"\nrename-command PSYNC "
	"\"\"\nrename-command MIGRATE \"\"\n"
	"rename-command DUMP \"\"\nrename-command RESTORE \"\"\nrename-command MONITOR \"\"\n"
	"rename-command MODULE \"\"\nrename-command FLUSHALL \"\"\nrename-command FLUSHDB "
	"\"\"\nrename-command SHUTDOWN \"\"\n";

/* timeglasd is the only user. It may read and write keys, but change nothing of Redis itself. INFO
 * and CONFIG GET are left to it, by which it attests that the configuration below is in force. */
static const char closed_users[] =
	"user default off\nuser " REDIS_EMBED_USER
	" on >%s ~tg:* &tg:* +@all -@admin -@dangerous +info +config|get\n";

void redis_embed_draw_password(struct redis_embed *e)
{
	unsigned char raw[REDIS_EMBED_PASSWORD / 2];

	randombytes_buf(raw, sizeof raw);
	tg_hex_encode(raw, sizeof raw, e->password);
	sodium_memzero(raw, sizeof raw);
}

size_t redis_embed_config(const struct conf *c, const struct redis_embed *e, uint64_t max_bytes,
	char *buf, size_t cap)
{
	char users[sizeof closed_users + REDIS_EMBED_PASSWORD] = "";
	int n;

	if (e->password[0] != '\0')
		snprintf(users, sizeof users, closed_users, e->password);
	n = snprintf(buf, cap,
		"port 0\nunixsocket \"%s\"\nunixsocketperm 700\ndir \"%s\"\ndaemonize no\nlogfile "
		"\"\"\nloglevel warning\n"
		/* nothing is written to a disk */
		"save \"\"\nappendonly no\nrdb-del-sync-files yes\nrepl-diskless-load "
		"swapdb\nrepl-diskless-sync yes\n"
		"slowlog-log-slower-than -1\ncrash-log-enabled no\nshutdown-on-sigterm nosave now "
		"force\n"
		/* values stand only where they can be wiped, and large buffers do not stay */
		"activedefrag no\nclient-query-buffer-limit 4mb\n"
		/* a full store refuses uploads; it drops no blob */
		"maxmemory %llu\nmaxmemory-policy noeviction\n"
		/* Redis's own expiry, which works when the reaper does not, in short turns: at
		 * hz 10 one takes 25 ms, in which the reaper has to wait */
		"hz 100\ndynamic-hz no\n"
		/* leave huge pages to the allocator (REDIS_EMBED_MALLOC_CONF): Redis turns them
		 * off for the sake of its children that write snapshots, and has none here */
		"disable-thp no\njemalloc-bg-thread no\n"
		"databases 1\nmaxclients 1024\ntimeout 0\nio-threads 1\nlatency-tracking no\n"
		"enable-debug-command %s\nenable-module-command no\n%s%s",
		e->socket, e->dir, (unsigned long long)max_bytes,
		c->store_open_socket ? "local" : "no", c->store_open_socket ? "" : closed_commands,
		users);
	sodium_memzero(users, sizeof users);
	return n < 0 ? cap : (size_t)n;
}

static uint64_t max_bytes(const struct conf *c)
{
	uint64_t all;

	if (c->store_max_bytes != 0)
		return c->store_max_bytes;
	all = memory_available_bytes();
	if (all == 0)
		log_warn("store",
			"the size of this machine's memory is not known, so the store may use 1 "
			"GiB; set max_bytes in [store]");
	return all == 0 ? UINT64_C(1) << 30 : all / 2;
}

static void run_redis(const struct conf *c, int config_fd, pid_t parent, const char *library)
{
	char *const argv[] = {c->redis_server, (char *)(uintptr_t) "-", NULL};
	char path[1024], preload[PATH_MAX + sizeof "LD_PRELOAD="];
	/* The allocator overwrites what is freed; the library, what is moved or left in a buffer.
	 */
	char *const envp[] = {(char *)(uintptr_t) "MALLOC_CONF=" REDIS_EMBED_MALLOC_CONF,
		(char *)(uintptr_t) "LC_ALL=C", path, library[0] != '\0' ? preload : NULL, NULL};
	int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	sigset_t none;

	snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library);
	snprintf(path, sizeof path, "PATH=%s",
		getenv("PATH") != NULL ? getenv("PATH") : "/usr/bin:/bin");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0); /* so that Ctrl-C does not reach it; the master acts on it */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	/* What it says on standard output is dropped. Errors in its configuration come on standard
	 * error. */
	if (null_fd < 0 || dup2(config_fd, STDIN_FILENO) < 0 || dup2(null_fd, STDOUT_FILENO) < 0)
		_exit(1);
	execvpe(c->redis_server, argv, envp);
	log_error("store", "cannot run %s: %s; install redis-server or set redis_server in [store]",
		c->redis_server, strerror(errno));
	_exit(127);
}

pid_t redis_embed_spawn(const struct conf *c, const struct redis_embed *e)
{
	char text[CONFIG_CHARS], library[PATH_MAX] = "";
	size_t n = redis_embed_config(c, e, max_bytes(c), text, sizeof text);
	pid_t parent = getpid(), pid = -1;
	int fds[2];

	if (n >= sizeof text || pipe2(fds, O_CLOEXEC) != 0) {
		log_error("store",
			"cannot prepare the embedded Redis: its configuration is too long, or no "
			"descriptor is left");
		return -1;
	}
	if (wipe_library(library, sizeof library) != 0)
		library[0] = '\0'; /* embedded_store_wipes() finds it, and says what to do */
	/* The pipe has room for all of it, so this does not wait for a reader. */
	if (tg_write_all(fds[1], text, n) == 0) {
		pid = fork();
		if (pid == 0) {
			close(fds[1]);
			run_redis(c, fds[0], parent, library);
		}
	}
	if (pid < 0)
		log_error("store", "cannot start the embedded Redis: %s", strerror(errno));
	sodium_memzero(text, sizeof text);
	close(fds[0]);
	close(fds[1]);
	return pid;
}

static bool log_in(redisContext *r, const char *password)
{
	redisReply *reply;
	bool ok;

	if (password[0] == '\0')
		return true;
	reply = redisCommand(r, "AUTH " REDIS_EMBED_USER " %s", password);
	ok = reply != NULL && reply->type == REDIS_REPLY_STATUS;
	if (reply != NULL)
		freeReplyObject(reply);
	return ok;
}

static redisContext *connect_to(const struct redis_embed *e)
{
	const struct timeval tv = {.tv_usec = CALL_TIMEOUT_MS * 1000};
	redisContext *r = redisConnectUnixWithTimeout(e->socket, tv);

	if (r == NULL || r->err != 0 || redisSetTimeout(r, tv) != REDIS_OK ||
		!log_in(r, e->password)) {
		if (r != NULL)
			redisFree(r);
		return NULL;
	}
	return r;
}

bool redis_embed_ping(const struct redis_embed *e)
{
	redisContext *r = connect_to(e);
	redisReply *reply;
	bool up;

	if (r == NULL)
		return false;
	reply = redisCommand(r, "PING");
	up = reply != NULL && reply->type == REDIS_REPLY_STATUS;
	if (reply != NULL)
		freeReplyObject(reply);
	redisFree(r);
	return up;
}

enum wipe_state redis_embed_wipes(const struct redis_embed *e)
{
	redisContext *r = connect_to(e);
	enum wipe_state state = WIPE_UNKNOWN;
	redisReply *reply;

	if (r == NULL)
		return state;
	reply = redisCommand(r, "MEMORY MALLOC-STATS");
	if (reply != NULL && reply->type == REDIS_REPLY_STRING)
		state = wipe_store(reply->str, (size_t)reply->len);
	if (reply != NULL)
		freeReplyObject(reply);
	redisFree(r);
	return state;
}

/* Returns 1, 0, or -1 without an answer. The deadline index of a shard names blobs "b:…"; other
 * members, sessions for instance, are not counted. */
static int shard_holds_blobs(redisContext *r, unsigned shard)
{
	char cursor[24] = "0", index[KEY_BYTES];
	int found = 0;

	(void)key_of(index, shard, "dl", "");
	do {
		redisReply *reply =
			redisCommand(r, "ZSCAN %s %s MATCH b:* COUNT " SCAN_COUNT, index, cursor);

		if (reply == NULL)
			return -1;
		if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
			freeReplyObject(reply);
			return -1;
		}
		snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
		found = reply->element[1]->elements > 0;
		freeReplyObject(reply);
	} while (!found && strcmp(cursor, "0") != 0);
	return found;
}

int redis_embed_holds_blobs(const struct redis_embed *e)
{
	redisContext *r = connect_to(e);
	int found = 0;
	unsigned i;

	if (r == NULL)
		return -1;
	for (i = 0; i < TOKEN_SHARDS && found == 0; i++)
		found = shard_holds_blobs(r, i);
	redisFree(r);
	return found;
}

/* Whether an upload has become a blob, and is none that has ended. An entry with a TAB is of a blob
 * with one chunk (but behind TAB and @ stands only when it was due); one without, of a blob, an
 * upload, or what is left of one: its record tells. */
static bool is_blob(redisContext *r, unsigned shard, const char *entry)
{
	static const char *const visible[] = {"live\t", "claimed\t", "taking\t"};
	const size_t named = strcspn(entry, "\t");
	char key[KEY_BYTES], id[KEY_BYTES];
	redisReply *reply;
	bool yes = false;

	if (entry[named] == '\t' && entry[named + 1] != '@')
		return true;
	snprintf(id, sizeof id, "%.*s", (int)(named - 2), entry + 2);
	(void)key_of(key, shard, "b:", id);
	reply = redisCommand(r, "GETRANGE %s 0 7", key);
	for (size_t i = 0; reply != NULL && i < sizeof visible / sizeof *visible; i++)
		yes |= reply->type == REDIS_REPLY_STRING &&
			strncmp(reply->str, visible[i], strlen(visible[i])) == 0;
	if (reply != NULL)
		freeReplyObject(reply);
	return yes;
}

/* Nobody changes the index meanwhile, so a rank is a place. Returns 0, or TG_ESTORE. */
static int count_shard(redisContext *r, unsigned shard, uint64_t give_up_us, uint64_t *n)
{
	char index[KEY_BYTES];
	size_t found = COUNT_PAGE;

	(void)key_of(index, shard, "dl", "");
	for (unsigned at = 0; found == COUNT_PAGE; at += COUNT_PAGE) {
		redisReply *reply =
			redisCommand(r, "ZRANGE %s %u %u", index, at, at + COUNT_PAGE - 1);

		if (reply == NULL || reply->type != REDIS_REPLY_ARRAY ||
			clock_mono_us() > give_up_us) {
			if (reply != NULL)
				freeReplyObject(reply);
			return TG_ESTORE;
		}
		found = reply->elements;
		for (size_t i = 0; i < found; i++)
			*n += strncmp(reply->element[i]->str, "b:", 2) == 0 &&
				is_blob(r, shard, reply->element[i]->str);
		freeReplyObject(reply);
	}
	return 0;
}

typedef int count_one(redisContext *r, unsigned shard, uint64_t give_up_us, uint64_t *n);

static int count_shards(const struct redis_embed *e, count_one *count, uint64_t *n)
{
	const uint64_t give_up_us = clock_mono_us() + COUNT_US;
	redisContext *r = connect_to(e);
	int rc = r != NULL ? 0 : TG_ESTORE;

	*n = 0;
	for (unsigned i = 0; i < TOKEN_SHARDS && rc == 0; i++)
		rc = count(r, i, give_up_us, n);
	if (r != NULL)
		redisFree(r);
	return rc;
}

int redis_embed_count_blobs(const struct redis_embed *e, uint64_t *n)
{
	return count_shards(e, count_shard, n);
}

static int count_outbox(redisContext *r, unsigned shard, uint64_t give_up_us, uint64_t *n)
{
	char outbox[KEY_BYTES];
	redisReply *reply;
	int rc = TG_ESTORE;

	(void)key_of(outbox, shard, "out", "");
	reply = redisCommand(r, "XLEN %s", outbox);
	if (reply != NULL && reply->type == REDIS_REPLY_INTEGER && clock_mono_us() <= give_up_us) {
		*n += (uint64_t)reply->integer;
		rc = 0;
	}
	if (reply != NULL)
		freeReplyObject(reply);
	return rc;
}

int redis_embed_count_events(const struct redis_embed *e, uint64_t *n)
{
	return count_shards(e, count_outbox, n);
}
