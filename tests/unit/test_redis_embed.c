/*
 * test_redis_embed.c: the configuration of the embedded Redis keeps nothing on disk and evicts
 * nothing; and the memory that it may take is no more than there is.
 */
#include "check.h"
#include <unistd.h>
#include "master/redis_embed.h"
#include "master/memory.h"
#include "base/log.h"

static void assert_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	if (at == NULL || (at != text && at[-1] != '\n'))
		fail_msg("missing: %s\nin:\n%s", line, text);
}

static void redis_embed_config_is_volatile_and_never_evicts(void **state)
{
	static const char *const lines[] = {"port 0\n", "save \"\"\n", "appendonly no\n",
		"rdb-del-sync-files yes\n", "repl-diskless-load swapdb\n",
		"slowlog-log-slower-than -1\n", "crash-log-enabled no\n",
		"maxmemory-policy noeviction\n", "maxmemory 123456789\n",
		"unixsocket \"/run/x/redis.sock\"\n", "unixsocketperm 700\n", "dir \"/run/x\"\n",
		"timeout 0\n", "io-threads 1\n", "hz 100\n"};
	const struct redis_embed closed = {.socket = "/run/x/redis.sock",
					 .dir = "/run/x",
					 .password = "0123"},
				 open = {.socket = "/run/x/redis.sock", .dir = "/run/x"};
	struct conf *c = conf_new();
	char text[4096], small[32];
	size_t i;

	(void)state;
	assert_true(redis_embed_config(c, &closed, 123456789, text, sizeof text) < sizeof text);
	for (i = 0; i < sizeof lines / sizeof *lines; i++)
		assert_line(text, lines[i]);
	assert_line(text, "enable-debug-command no\n");
	assert_line(text, "rename-command BGSAVE \"\"\n");
	assert_line(text, "rename-command MONITOR \"\"\n");
	assert_line(text, "user default off\n");
	assert_line(text,
		"user timeglasd on >0123 ~tg:* &tg:* +@all -@admin -@dangerous +info "
		"+config|get\n");
	c->store_open_socket = true;
	assert_true(redis_embed_config(c, &open, 1, text, sizeof text) < sizeof text);
	assert_null(strstr(text, "rename-command"));
	assert_null(strstr(text, "user "));
	assert_true(redis_embed_config(c, &open, 1, small, sizeof small) >= sizeof small);
	conf_free(c);
}

static void memory_available_is_at_most_the_machines(void **state)
{
	uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE),
		 got = memory_available_bytes();

	(void)state;
	assert_true(got > 0 && got <= all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(redis_embed_config_is_volatile_and_never_evicts),
		cmocka_unit_test(memory_available_is_at_most_the_machines),
	};

	log_init(STDERR_FILENO, LOG_L_ERROR, "test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
