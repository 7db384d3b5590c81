/* sock.c: see sock.h. It closes nothing and knows no TLS. Runs in workers. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/buffer_policy.h"
#include "net/sock.h"

struct sock_kept {
	size_t at, n;
	unsigned char p[];
};

static unsigned char gather[BUFFER_GATHER_BYTES]; /* of whole TLS records: ciphertext */
static size_t gathered;

static int sock_read(BIO *b, char *out, size_t n, size_t *got)
{
	struct sock *s = BIO_get_data(b);
	ssize_t r = -1;

	BIO_clear_flags(b, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY | BIO_FLAGS_IN_EOF);
	if (n > s->left)
		n = s->left;
	errno = n > 0 ? EAGAIN : EMSGSIZE;
	if (s->readable && n > 0)
		do
			r = recv(s->fd, out, n, 0);
		while (r < 0 && errno == EINTR);
	if (r > 0) {
		s->left -= s->left != SIZE_MAX ? (size_t)r : 0;
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

/* Returns what the kernel took, 0 when it takes nothing now, -1 when the socket is broken. */
static ssize_t give(struct sock *s, const void *p, size_t n)
{
	ssize_t w = -1;

	errno = EAGAIN;
	if (s->writable)
		do
			w = send(s->fd, p, n, MSG_NOSIGNAL);
		while (w < 0 && errno == EINTR);
	if (w < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
		return -1;
	if (w < (ssize_t)n)
		s->writable = false;
	if (w > 0)
		s->written += (uint64_t)w;
	return w < 0 ? 0 : w;
}

/* Gathering ---------------------------------------------------------------- */

static int keep(struct sock *s, const unsigned char *p, size_t n)
{
	s->kept = malloc(sizeof *s->kept + n);
	if (s->kept == NULL)
		return -1;
	s->kept->at = 0;
	s->kept->n = n;
	memcpy(s->kept->p, p, n);
	return 0;
}

static void drop_kept(struct sock *s)
{
	free(s->kept);
	s->kept = NULL;
}

static int flush_kept(struct sock *s)
{
	struct sock_kept *k = s->kept;
	ssize_t w = give(s, k->p + k->at, k->n - k->at);

	if (w < 0)
		return -1;
	k->at += (size_t)w;
	if (k->at == k->n)
		drop_kept(s);
	return 0;
}

static int flush_gathered(struct sock *s)
{
	size_t n = gathered;
	ssize_t w;
	int rc;

	gathered = 0;
	if (n == 0)
		return 0;
	w = give(s, gather, n);
	rc = w < 0 ? -1 : (size_t)w == n ? 0 : keep(s, gather + w, n - (size_t)w);
	explicit_bzero(gather, n); /* who finds the connection's key could open these records */
	return rc;
}

void sock_gather(struct sock *s)
{
	s->gathers = true;
}

int sock_flush(struct sock *s)
{
	s->gathers = false;
	if (s->kept != NULL && flush_kept(s) != 0)
		return -1;
	return s->kept == NULL ? flush_gathered(s) :
				 0; /* nothing is gathered behind what is kept */
}

size_t sock_unsent(const struct sock *s)
{
	return s->kept != NULL ? s->kept->n - s->kept->at : 0;
}

void sock_discard(struct sock *s)
{
	if (s->gathers) {
		explicit_bzero(gather, gathered);
		gathered = 0;
		s->gathers = false;
	}
	drop_kept(s);
}

static int sock_write(BIO *b, const char *p, size_t n, size_t *sent)
{
	struct sock *s = BIO_get_data(b);
	ssize_t w;

	BIO_clear_flags(b, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
	if (s->kept != NULL && flush_kept(s) != 0)
		return 0;
	if (s->kept == NULL && s->gathers && gathered + n > sizeof gather && flush_gathered(s) != 0)
		return 0;
	if (s->kept != NULL) {
		BIO_set_retry_write(b);
		return 0;
	}
	if (s->gathers && n <= sizeof gather) {
		memcpy(gather + gathered, p, n);
		gathered += n;
		*sent = n;
		return 1;
	}
	w = give(s, p, n);
	if (w == 0)
		BIO_set_retry_write(b);
	if (w <= 0)
		return 0;
	*sent = (size_t)w;
	return 1;
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

	if (m == NULL &&
		(m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR,
			 "sock")) != NULL) {
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
