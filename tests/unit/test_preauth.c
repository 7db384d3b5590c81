/*
 * Goal: the number of connections that have not authenticated is limited. One too many costs
 * another its place: the oldest of the same address, or else the oldest of all. One address may
 * have a quarter of the places.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <string.h>
#include <netinet/in.h>
#include <cmocka.h>
#include "http/preauth.h"

enum { MAX = 16 };
static struct preauth *s;
static struct preauth_entry c[256];

static struct preauth_entry *come(unsigned i, uint32_t ip)
{
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(ip)};
	struct preauth_entry *victim;

	assert_int_equal(preauth_add(s, &c[i], (struct sockaddr *)&from, &victim), 0);
	return victim;
}

static int setup(void **state)
{
	(void)state;
	memset(c, 0, sizeof c);
	s = preauth_new(MAX);
	return s != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++)
		preauth_remove(s, &c[i]);
	assert_int_equal(preauth_count(s), 0);
	preauth_free(s);
	return 0;
}

static void preauth_one_address_has_a_quarter(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MAX / 4; i++)
		assert_null(come(i, 1));
	for (unsigned i = MAX / 4; i < 100; i++)
		assert_ptr_equal(come(i, 1), &c[i - MAX / 4]);
	assert_int_equal(preauth_count(s), MAX / 4);
	assert_null(come(100, 2));
}

static void preauth_full_the_oldest_goes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MAX; i++)
		assert_null(come(i, 1 + i));
	assert_ptr_equal(come(100, 1000), &c[0]);
	assert_ptr_equal(come(101, 1001), &c[1]);
	/* One that came from an address that has some pays for itself. */
	assert_ptr_equal(come(102, 1000), &c[100]);
	assert_ptr_equal(preauth_oldest(s), &c[2]);
	assert_int_equal(preauth_count(s), MAX);
}

static void preauth_that_left_make_room(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MAX / 4; i++)
		assert_null(come(i, 1));
	preauth_remove(s, &c[1]);
	preauth_remove(s, &c[1]);
	assert_null(come(50, 1));
	assert_ptr_equal(come(51, 1), &c[0]);
}

static void preauth_of_one_ipv6_network_are_one_address(void **state)
{
	struct preauth_entry *victim = NULL;

	(void)state;
	for (unsigned i = 0; i < MAX / 4 + 1; i++) {
		struct sockaddr_in6 from = {.sin6_family = AF_INET6};

		memset(&from.sin6_addr, 0x20, 8);
		from.sin6_addr.s6_addr[15] = (uint8_t)i;
		assert_null(victim);
		assert_int_equal(preauth_add(s, &c[i], (struct sockaddr *)&from, &victim), 0);
	}
	assert_ptr_equal(victim, &c[0]);
}

/* What a socket on [::] says of clients that come by IPv4. */
static void preauth_mapped_ipv4_addresses_are_each_their_own(void **state)
{
	struct preauth_entry *victim = NULL;

	(void)state;
	for (unsigned i = 0; i < MAX; i++) {
		struct sockaddr_in6 from = {.sin6_family = AF_INET6};

		from.sin6_addr.s6_addr[10] = from.sin6_addr.s6_addr[11] = 0xff;
		from.sin6_addr.s6_addr[15] = (uint8_t)(i < MAX / 4 ? 1 : i);
		assert_int_equal(preauth_add(s, &c[i], (struct sockaddr *)&from, &victim), 0);
		assert_null(victim);
	}
	assert_ptr_equal(come(100, 1), &c[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(preauth_one_address_has_a_quarter, setup, teardown),
		cmocka_unit_test_setup_teardown(preauth_full_the_oldest_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(preauth_that_left_make_room, setup, teardown),
		cmocka_unit_test_setup_teardown(
			preauth_of_one_ipv6_network_are_one_address, setup, teardown),
		cmocka_unit_test_setup_teardown(
			preauth_mapped_ipv4_addresses_are_each_their_own, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
