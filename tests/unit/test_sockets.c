/*
 * test_sockets.c: the master refuses a port in use, and tells systemd when it is ready.
 */
#include "check.h"
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "test_dir.h"
#include "master/sockets.h"
#include "master/notify.h"
#include "base/log.h"

static void notify_systemd_reaches_its_socket(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char got[64] = "";
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)state;
	snprintf(at.sun_path, sizeof at.sun_path, "%s", in_dir("notify"));
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
	setenv("NOTIFY_SOCKET", at.sun_path, 1);
	notify_systemd("READY=1");
	assert_int_equal(recv(fd, got, sizeof got - 1, MSG_DONTWAIT), 7);
	assert_string_equal(got, "READY=1");
	notify_reloading();
	memset(got, 0, sizeof got);
	assert_true(recv(fd, got, sizeof got - 1, MSG_DONTWAIT) > 0);
	assert_int_equal(strncmp(got, "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
	unsetenv("NOTIFY_SOCKET");
	notify_systemd("READY=1");
	assert_int_equal(recv(fd, got, sizeof got, MSG_DONTWAIT), -1);
	close(fd);
	unlink(at.sun_path);
}

static void sockets_open_port_in_use_is_refused(void **state)
{
	struct conf *c = conf_new();
	struct sockets a, b;
	char err[256];

	(void)state;
	c->workers = 2;
	c->listen_port = c->admin_port = 0;
	assert_int_equal(sockets_open(&a, c, err, sizeof err), 0);
	assert_int_equal(a.n, 2);
	assert_true(a.port > 0 && a.admin_port > 0);
	c->listen_port = a.port; /* SO_REUSEPORT alone would let it in */
	assert_int_equal(sockets_open(&b, c, err, sizeof err), TG_EIO);
	assert_non_null(strstr(err, "is in use"));
	sockets_close_but(&a, -1);
	assert_int_equal(sockets_open(&b, c, err, sizeof err), 0);
	assert_int_equal(b.port, c->listen_port);
	sockets_close_but(&b, -1);
	conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notify_systemd_reaches_its_socket),
		cmocka_unit_test(sockets_open_port_in_use_is_refused),
	};

	log_init(STDERR_FILENO, LOG_L_ERROR, "test");
	return cmocka_run_group_tests(tests, test_dir_make, test_dir_remove);
}
