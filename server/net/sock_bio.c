/* sock_bio.c: see sock_bio.h. It closes nothing and knows no TLS. Runs in workers. */
#include <errno.h>
#include <sys/socket.h>

#include "net/sock_bio.h"

static int sock_read(BIO *b, char *out, size_t n, size_t *got)
{
	struct sock *s = BIO_get_data(b);
	ssize_t r = -1;

	BIO_clear_flags(b, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY | BIO_FLAGS_IN_EOF);
	errno = EAGAIN;
	if (s->readable)
		do
			r = recv(s->fd, out, n, 0);
		while (r < 0 && errno == EINTR);
	if (r > 0) {
		if ((size_t)r < n && !s->hup)
			s->readable = false;
		*got = (size_t)r;
		return 1;
	}
	if (r == 0) {
		BIO_set_flags(b, BIO_FLAGS_IN_EOF);
	} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
		s->readable = false;
		BIO_set_retry_read(b);
	}
	return 0;
}

static int sock_write(BIO *b, const char *p, size_t n, size_t *sent)
{
	struct sock *s = BIO_get_data(b);
	ssize_t w = -1;

	BIO_clear_flags(b, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
	errno = EAGAIN;
	if (s->writable)
		do
			w = send(s->fd, p, n, MSG_NOSIGNAL);
		while (w < 0 && errno == EINTR);
	if (w >= 0) {
		if ((size_t)w < n)
			s->writable = false;
		*sent = (size_t)w;
		return 1;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		s->writable = false;
		BIO_set_retry_write(b);
	}
	return 0;
}

static long sock_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	(void)num, (void)ptr;
	switch (cmd) {
	case BIO_CTRL_EOF:
		return BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0;
	case BIO_CTRL_FLUSH:
		return 1;
	default:
		return 0;
	}
}

static BIO_METHOD *method(void)
{
	static BIO_METHOD *m; /* of the process, to its end */

	if (m == NULL && (m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "sock")) != NULL) {
		BIO_meth_set_read_ex(m, sock_read);
		BIO_meth_set_write_ex(m, sock_write);
		BIO_meth_set_ctrl(m, sock_ctrl);
	}
	return m;
}

BIO *sock_bio(struct sock *s)
{
	BIO *b = method() != NULL ? BIO_new(method()) : NULL;

	if (b != NULL) {
		BIO_set_data(b, s);
		BIO_set_init(b, 1);
	}
	return b;
}
