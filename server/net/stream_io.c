/*
 * stream_io.c: optimistic reads and writes between a socket and evbuffers, with or without TLS. It does not know events, and keeps
 * no buffer per connection: an idle one costs its SSL object and little else. Runs in every process that has streams.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <event2/event.h>
#include <openssl/err.h>
#include "net/stream_io.h"

#define RECORD_BYTES 16384u     /* the most that one TLS record holds */
#define GATHER_BELOW_BYTES 4096u /* shorter first pieces are put into one record with what follows */
#define WRITE_VECS 64
#define CHAIN_HEAD_BYTES 64u    /* libevent's own, in the power of two that a chain occupies */
#define SMALL_READ_BYTES 8192u

/*
 * Space that the next read into an empty buffer uses: filled chains are moved out of it, and space in which nothing was read stays
 * here instead of with one of a thousand idle connections. Two, so that a small read does not take a large chain along.
 */
static struct evbuffer *spare[2];

/*
 * Buffers stay with a busy connection, until io_rest(): taking and giving back 16 KiB for every record costs more than the record where what is given back is
 * overwritten. They hold ciphertext, and plaintext that was read is cleansed. Reading ahead takes a record and its head from the kernel in one call.
 */
bool io_init(struct stream_io *io, int fd, SSL *ssl, bool server)
{
	BIO *b;

	*io = (struct stream_io){ .sock = { .fd = fd, .readable = true, .writable = true }, .ssl = ssl, .can_read = true, .can_write = true };
	if (!ssl)
		return true;
	SSL_clear_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_set_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CLEANSE_PLAINTEXT);
	SSL_set_read_ahead(ssl, 1);
	b = sock_bio(&io->sock);
	if (!b)
		return false;
	SSL_set_bio(ssl, b, b);
	if (server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	return true;
}

void io_close(struct stream_io *io)
{
	SSL_free(io->ssl);
	io->ssl = NULL;
	if (io->sock.fd >= 0)
		close(io->sock.fd);
	io->sock.fd = -1;
}

void io_event(struct stream_io *io, short what)
{
	if (what & EV_CLOSED) {
		io->sock.hup = true;
		what |= EV_READ;
	}
	if (what & EV_READ) {
		io->sock.readable = io->can_read = true;
		if (io->write_wants_read)
			io->can_write = true;
		io->write_wants_read = false;
	}
	if (what & EV_WRITE) {
		io->sock.writable = io->can_write = true;
		if (io->read_wants_write)
			io->can_read = true;
		io->read_wants_write = false;
	}
}

void io_rest(struct stream_io *io)
{
	if (io->ssl)
		(void)SSL_free_buffers(io->ssl); /* refused while a record is under way */
}

int io_error(const struct stream_io *io)
{
	int e = 0;
	socklen_t len = sizeof e;

	if (getsockopt(io->sock.fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
		return errno;
	return e;
}

static int tls_failed(struct stream_io *io, int ret, bool reading)
{
	switch (SSL_get_error(io->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		if (!reading) {
			io->write_wants_read = true;
			io->can_write = false;
		}
		io->can_read = false;
		return IO_BLOCKED;
	case SSL_ERROR_WANT_WRITE:
		if (reading) {
			io->read_wants_write = true;
			io->can_read = false;
		}
		io->can_write = false;
		return IO_BLOCKED;
	case SSL_ERROR_ZERO_RETURN:
		return IO_EOF;
	case SSL_ERROR_SYSCALL:
		return IO_ERROR;
	default:
		return IO_TLS;
	}
}

int io_handshake(struct stream_io *io)
{
	int rc;

	ERR_clear_error();
	rc = SSL_do_handshake(io->ssl);
	if (rc == 1)
		return 1;
	/* Either direction's edge may unblock it, so neither flag is kept: data behind the handshake must be tried, too. */
	rc = tls_failed(io, rc, true);
	io->can_read = io->can_write = true;
	io->read_wants_write = false;
	return rc == IO_EOF ? IO_TLS : rc;
}

/* Fills vectors from the socket; *failed receives the IO_… that stopped it. */
static size_t tls_fill(struct stream_io *io, struct evbuffer_iovec *v, int n, size_t size, int *failed)
{
	size_t total = 0;

	for (int i = 0; i < n && total < size; i++) {
		size_t off = 0, room = v[i].iov_len < size - total ? v[i].iov_len : size - total;

		while (off < room) {
			size_t got = 0;

			ERR_clear_error();
			if (SSL_read_ex(io->ssl, (char *)v[i].iov_base + off, room - off, &got) != 1) {
				*failed = tls_failed(io, 0, true);
				v[i].iov_len = off;
				return total + off;
			}
			off += got;
		}
		v[i].iov_len = off;
		total += off;
	}
	return total;
}

static size_t plain_fill(struct stream_io *io, struct evbuffer_iovec *v, int n, size_t size, int *failed)
{
	struct iovec iov[2];
	size_t want = 0;
	ssize_t got;

	for (int i = 0; i < n; i++) {
		iov[i].iov_base = v[i].iov_base;
		iov[i].iov_len = v[i].iov_len < size - want ? v[i].iov_len : size - want;
		want += iov[i].iov_len;
	}
	do
		got = readv(io->sock.fd, iov, n);
	while (got < 0 && errno == EINTR);
	if (got <= 0) {
		*failed = got == 0 ? IO_EOF : errno == EAGAIN || errno == EWOULDBLOCK ? IO_BLOCKED : IO_ERROR;
		if (*failed == IO_BLOCKED)
			io->can_read = false;
		return 0;
	}
	/* The socket is empty, and an end that is not reported yet will come with an edge of its own. */
	if ((size_t)got < want && !io->sock.hup)
		io->can_read = false;
	v[0].iov_len = (size_t)got < iov[0].iov_len ? (size_t)got : iov[0].iov_len;
	if (n > 1)
		v[1].iov_len = (size_t)got - v[0].iov_len;
	return (size_t)got;
}

static struct evbuffer *spare_for(size_t size)
{
	struct evbuffer **b = &spare[size > SMALL_READ_BYTES];

	if (!*b)
		*b = evbuffer_new();
	return *b;
}

ssize_t io_read(struct stream_io *io, struct evbuffer *in, size_t size)
{
	struct evbuffer_iovec v[2];
	struct evbuffer *into = in;
	int n, failed = IO_BLOCKED, filled;
	size_t got;

	if (io->read_end != 0)
		return io->read_end;
	if (size > 4 * CHAIN_HEAD_BYTES)
		size -= CHAIN_HEAD_BYTES;
	if (evbuffer_get_length(in) == 0)
		into = spare_for(size);
	n = into ? evbuffer_reserve_space(into, (ev_ssize_t)size, v, into == in ? 2 : 1) : -1;
	if (n < 1)
		return IO_ERROR;
	got = io->ssl ? tls_fill(io, v, n, size, &failed) : plain_fill(io, v, n, size, &failed);
	if (failed < 0)
		io->read_end = failed;
	if (got == 0)
		return failed;
	filled = n > 1 && got > v[0].iov_len ? 2 : 1;
	if (evbuffer_commit_space(into, v, filled) < 0 || (into != in && evbuffer_add_buffer(in, into) < 0))
		return IO_ERROR;
	return (ssize_t)got;
}

/* A short piece in front (a head, a chunk's framing) shares a record with what follows it: one record, one system call. */
static ssize_t tls_gathered(struct stream_io *io, struct evbuffer *out, size_t *offered)
{
	unsigned char record[RECORD_BYTES];
	ev_ssize_t n = evbuffer_copyout(out, record, sizeof record);
	int rc;

	if (n <= 0)
		return -1;
	*offered = (size_t)n;
	rc = SSL_write(io->ssl, record, (int)n);
	explicit_bzero(record, (size_t)n);
	return rc;
}

static ssize_t tls_write(struct stream_io *io, struct evbuffer *out)
{
	struct evbuffer_iovec v;
	size_t len = evbuffer_get_length(out), offered;
	ssize_t rc;

	if (evbuffer_peek(out, -1, NULL, &v, 1) < 1)
		return IO_ERROR;
	ERR_clear_error();
	if (v.iov_len < len && (v.iov_len < GATHER_BELOW_BYTES || v.iov_len < io->pending)) {
		rc = tls_gathered(io, out, &offered);
	} else {
		offered = v.iov_len < RECORD_BYTES ? v.iov_len : RECORD_BYTES;
		rc = SSL_write(io->ssl, v.iov_base, (int)offered);
	}
	if (rc > 0) {
		io->pending = 0;
		return rc;
	}
	/* OpenSSL wants at least as many bytes when the write is repeated. */
	io->pending = offered;
	rc = tls_failed(io, (int)rc, false);
	return rc == IO_EOF ? IO_ERROR : rc;
}

static ssize_t plain_write(struct stream_io *io, struct evbuffer *out)
{
	struct evbuffer_iovec v[WRITE_VECS];
	struct msghdr msg = { 0 };
	size_t offered = 0;
	ssize_t sent;
	int n = evbuffer_peek(out, -1, NULL, v, WRITE_VECS);

	if (n < 1)
		return IO_ERROR;
	if (n > WRITE_VECS)
		n = WRITE_VECS;
	for (int i = 0; i < n; i++)
		offered += v[i].iov_len;
	msg.msg_iov = (struct iovec *)v;
	msg.msg_iovlen = (size_t)n;
	do
		sent = sendmsg(io->sock.fd, &msg, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return IO_ERROR;
		io->can_write = false;
		return IO_BLOCKED;
	}
	if ((size_t)sent < offered)
		io->can_write = false; /* the socket's buffer is full: the kernel will report the next room */
	return sent;
}

ssize_t io_write(struct stream_io *io, struct evbuffer *out)
{
	ssize_t n = io->ssl ? tls_write(io, out) : plain_write(io, out);

	if (n > 0)
		evbuffer_drain(out, (size_t)n);
	return n;
}

int io_finish(struct stream_io *io)
{
	if (io->ssl) {
		int rc;

		ERR_clear_error();
		rc = SSL_shutdown(io->ssl);
		if (rc < 0) {
			rc = tls_failed(io, rc, false);
			return rc == IO_EOF ? IO_ERROR : rc;
		}
	}
	return shutdown(io->sock.fd, SHUT_WR) == 0 ? 1 : IO_ERROR;
}
