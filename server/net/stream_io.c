/*
 * stream_io.c: optimistic reads and writes between a socket and evbuffers, with or without TLS. It
 * does not know events, and keeps no buffer per connection: an idle one costs its SSL object and
 * little else. Runs in every process that has streams.
 */
#include <errno.h>
#include <string.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <event2/event.h>
#include <openssl/err.h>
#include "base/clock.h"
#include "net/buffer_policy.h"
#include "net/read_space.h"
#include "net/stream_io.h"

#define RECORD_BYTES 16384u /* the most that one TLS record holds */
#define WRITE_VECS 64
#define SAFE_FREE_BUFFERS 0x300000e0ul /* 3.0.14 */
#define READ_RECORDS 64u               /* one read opens so many at most, however small they are */
#define RECORD_COST_BYTES 4096u        /* the cost of a record that holds less */
/* Key updates that are accepted of a peer in UPDATES_US. Each takes 10 us; an honest peer needs one
 * in hours. */
#define UPDATES_MAX 32u
#define UPDATES_US UINT64_C(60000000)

/* Periods of a minute follow each other: across the border of two, up to twice as many pass. */
static bool too_many_updates(struct stream_io *io)
{
	uint64_t now = clock_mono_us();

	if (io->updates == 0 || now - io->updates_us > UPDATES_US) {
		io->updates = 0;
		io->updates_us = now;
	}
	return ++io->updates > UPDATES_MAX;
}

/*
 * OpenSSL calls this for each record and each message. SSL_read() goes on by itself behind a record
 * without content: for as long as they come, and, when it reads ahead, also without
 * SSL_MODE_AUTO_RETRY. So they are counted here, within that call. When a peer has sent too many,
 * it is marked as having closed: that ends SSL_read() before the next record.
 */
static void on_message(
	int writing, int version, int type, const void *p, size_t n, SSL *ssl, void *arg)
{
	struct stream_io *io = arg;

	(void)version;
	if (writing)
		return;
	if (type == SSL3_RT_HEADER)
		io->records++;
	else if (type == SSL3_RT_HANDSHAKE && n > 0 &&
		*(const unsigned char *)p == SSL3_MT_KEY_UPDATE && too_many_updates(io)) {
		io->cut = true;
		SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_RECEIVED_SHUTDOWN);
	}
}

/*
 * OpenSSL's buffers stay with a busy connection, until stream_io_release_buffers(): to allocate and
 * free 16 KiB for every record would cost more than the record, as freed memory is overwritten.
 * They hold ciphertext, and plaintext that was read is cleansed. Reading ahead takes a record and
 * its head from the kernel in one call.
 */
bool stream_io_init(struct stream_io *io, int fd, SSL *ssl, bool server)
{
	BIO *b;

	*io = (struct stream_io){
		.sock = {.fd = fd, .readable = true, .writable = true, .left = SIZE_MAX},
		.ssl = ssl,
		.can_read = true,
		.can_write = true};
	if (!ssl)
		return true;
	if (server)
		io->sock.left = BUFFER_HANDSHAKE_BYTES;
	SSL_set_msg_callback(ssl, on_message);
	SSL_set_msg_callback_arg(ssl, io);
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

void stream_io_close(struct stream_io *io)
{
	SSL_free(io->ssl);
	io->ssl = NULL;
	sock_discard(&io->sock);
	if (io->sock.fd >= 0)
		close(io->sock.fd);
	io->sock.fd = -1;
}

void stream_io_event(struct stream_io *io, short what)
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

void stream_io_release_buffers(struct stream_io *io)
{
	/* Refused while a record is under way; but before 3.0.14 not while only a part of one has
	 * come (CVE-2024-4741). */
	if (io->ssl && OpenSSL_version_num() >= SAFE_FREE_BUFFERS)
		(void)SSL_free_buffers(io->ssl);
}

int stream_io_error(const struct stream_io *io)
{
	int e = 0;
	socklen_t len = sizeof e;

	if (getsockopt(io->sock.fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
		return errno;
	return e;
}

static int tls_failed(struct stream_io *io, int ret, bool reading)
{
	if (io->cut)
		return IO_TLS;
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

/* To be called before a call whose error will be asked for. To clear an empty queue takes longer
 * than to look at it. */
static void forget_errors(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

int stream_io_handshake(struct stream_io *io)
{
	int rc;

	forget_errors();
	rc = SSL_do_handshake(io->ssl);
	if (rc == 1) {
		io->sock.left = SIZE_MAX;
		return 1;
	}
	/* Either direction's edge may unblock it, so neither flag is kept: data behind the
	 * handshake must be tried, too. */
	rc = tls_failed(io, rc, true);
	io->can_read = io->can_write = true;
	io->read_wants_write = false;
	return rc == IO_EOF ? IO_TLS : rc;
}

/* Reads up to size bytes. Sets *failed to the IO_… that stopped it, and leaves it when READ_RECORDS
 * were opened: more may be there then. */
static size_t tls_fill(struct stream_io *io, unsigned char *p, size_t size, int *failed)
{
	size_t off = 0, got = 0;
	const unsigned before = io->records;

	while (off < size && io->records - before < READ_RECORDS) {
		forget_errors();
		if (SSL_read_ex(io->ssl, p + off, size - off, &got) != 1) {
			*failed = tls_failed(io, 0, true);
			break;
		}
		off += got;
	}
	return off;
}

/* The same of a plain socket, into n places. */
static size_t plain_fill(struct stream_io *io, const struct iovec *v, int n, int *failed)
{
	size_t want = 0;
	ssize_t got;

	for (int i = 0; i < n; i++)
		want += v[i].iov_len;
	do
		got = readv(io->sock.fd, v, n);
	while (got < 0 && errno == EINTR);
	if (got <= 0) {
		*failed = got == 0                              ? IO_EOF :
			errno == EAGAIN || errno == EWOULDBLOCK ? IO_BLOCKED :
								  IO_ERROR;
		if (*failed == IO_BLOCKED)
			io->can_read = false;
		return 0;
	}
	/* A short read: the socket is empty, and an end that is not reported yet will come with an
	 * edge of its own. */
	if ((size_t)got < want && !io->sock.hup)
		io->can_read = false;
	return (size_t)got;
}

/* Adds a copy in a chain of its own, although the last chain may have room. */
static bool add_apart(struct evbuffer *in, const void *p, size_t n)
{
	struct evbuffer *b = evbuffer_new();
	bool ok = b && evbuffer_add(b, p, n) == 0 && evbuffer_add_buffer(in, b) == 0;

	if (b)
		evbuffer_free(b);
	return ok;
}

size_t stream_io_charge(struct stream_io *io, ssize_t n)
{
	size_t least = (size_t)io->records * RECORD_COST_BYTES;

	io->records = 0;
	return n > 0 && (size_t)n > least ? (size_t)n : least;
}

ssize_t stream_io_read(struct stream_io *io, struct evbuffer *in, size_t size)
{
	unsigned char behind[BUFFER_BEHIND_BYTES];
	struct evbuffer_iovec v;
	int failed = IO_BLOCKED;
	size_t got, own;
	bool ok;

	if (io->read_end != 0)
		return io->read_end;
	if (size > BUFFER_SPACE_BYTES)
		size = BUFFER_SPACE_BYTES;
	if (io->unit > 0 && io->unit < size)
		size = io->unit;
	if (!read_space_get(&v))
		return IO_ERROR;
	const struct iovec to[] = {{v.iov_base, size}, {behind, sizeof behind}};
	got = io->ssl ? tls_fill(io, v.iov_base, size, &failed) :
			plain_fill(io, to, io->unit > 0 ? 2 : 1, &failed);
	if (failed < 0)
		io->read_end = failed;
	if (got == 0)
		return failed;
	own = got < size ? got : size;
	ok = read_space_keep(in, &v, own);
	if (got > own) {
		ok = ok && add_apart(in, behind, got - own);
		explicit_bzero(behind, got - own);
	}
	io->unit = io->unit > own ? io->unit - own : 0;
	return ok ? (ssize_t)got : IO_ERROR;
}

/* A short piece in front (a head, a chunk's framing) shares a record with what follows it: one
 * record, one system call. */
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
	forget_errors();
	if (v.iov_len < len && (v.iov_len < BUFFER_JOIN_BELOW_BYTES || v.iov_len < io->pending)) {
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
	struct msghdr msg = {0};
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
	io->sock.written += (uint64_t)sent;
	if ((size_t)sent < offered)
		/* the socket's buffer is full: the kernel will report the next room */
		io->can_write = false;
	return sent;
}

static ssize_t io_write(struct stream_io *io, struct evbuffer *out)
{
	ssize_t n = io->ssl ? tls_write(io, out) : plain_write(io, out);

	if (n > 0)
		evbuffer_drain(out, (size_t)n);
	return n;
}

/* Sends gathered records that the kernel had no room for. Returns whether all of them went. */
static bool send_kept(struct stream_io *io, ssize_t *failed)
{
	if (sock_flush(&io->sock) != 0)
		*failed = IO_ERROR;
	else if (sock_unsent(&io->sock) > 0) {
		io->can_write = false;
		*failed = IO_BLOCKED;
	} else {
		return true;
	}
	return false;
}

ssize_t stream_io_flush(struct stream_io *io, struct evbuffer *out, size_t budget)
{
	size_t total = 0;
	ssize_t n = IO_BLOCKED;
	bool gathers = io->ssl != NULL && evbuffer_get_length(out) > RECORD_BYTES;

	if (sock_unsent(&io->sock) > 0 && !send_kept(io, &n))
		return n;
	if (gathers)
		sock_gather(&io->sock);
	while (evbuffer_get_length(out) > 0 && total < budget && (n = io_write(io, out)) > 0)
		total += (size_t)n;
	if (gathers && n >= 0)
		(void)send_kept(io, &n);
	if (n < 0)
		sock_discard(&io->sock);
	return n < 0 ? n : (ssize_t)total;
}

size_t stream_io_unsent(const struct stream_io *io)
{
	return sock_unsent(&io->sock);
}

uint64_t stream_io_acked(const struct stream_io *io)
{
	int queued = 0;

	if (ioctl(io->sock.fd, SIOCOUTQ, &queued) < 0 || queued < 0)
		return 0;
	/* A FIN counts as a byte that was not written: then one too few is reported until it is
	 * acknowledged, too. */
	return (uint64_t)queued < io->sock.written ? io->sock.written - (uint64_t)queued : 0;
}

int stream_io_finish(struct stream_io *io)
{
	if (io->ssl) {
		int rc;

		forget_errors();
		rc = SSL_shutdown(io->ssl);
		if (rc < 0) {
			rc = tls_failed(io, rc, false);
			return rc == IO_EOF ? IO_ERROR : rc;
		}
	}
	return shutdown(io->sock.fd, SHUT_WR) == 0 ? 1 : IO_ERROR;
}
