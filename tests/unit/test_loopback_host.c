/* Goal: only a Host that names this machine's loopback is served, whatever its spelling. The
 * connections: tests/system/test_admin.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "admin/loopback_host.h"

static void loopback_host_tells_loopback_from_all_else(void **state)
{
	static const struct {
		const char *host;
		bool ok;
	} cases[] = {
		{"localhost", true},
		{"localhost:8480", true},
		{"LocalHost:1", true},
		{"localhost:", true},
		{"metrics.localhost:80", true},
		{"127.0.0.1", true},
		{"127.0.0.1:8480", true},
		{"127.255.255.254", true},
		{"[::1]", true},
		{"[::1]:8480", true},
		{"[0:0:0:0:0:0:0:1]:80", true},
		{"", false},
		{":80", false},
		{".localhost", false},
		{"evil.example", false},
		{"evil.example:8480", false},
		{"localhost.evil.example", false},
		{"evillocalhost", false},
		{"127.0.0.1.evil.example", false},
		{"127.1", false},
		{"0127.0.0.1", false},
		{"128.0.0.1", false},
		{"0.0.0.0", false},
		{"[::]", false},
		{"[::2]", false},
		{"::1", false},
		{"[::1", false},
		{"[127.0.0.1]", false},
		{"localhost:80:80", false},
		{"localhost:8x", false},
		{"user@localhost", false},
		{"192.0.2.1:8480", false},
		{"[::ffff:192.0.2.1]", false},
		{"12345678901234567890123456789012345678901234567890127.0.0.1", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct h1_str host = {cases[i].host, strlen(cases[i].host)};

		if (loopback_host(host) != cases[i].ok)
			fail_msg("'%s' is %s", cases[i].host, cases[i].ok ? "refused" : "served");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_host_tells_loopback_from_all_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
