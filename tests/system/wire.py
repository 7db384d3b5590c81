"""A byte-exact HTTP/1.1 client on Python's ssl sockets, strict about what the server sends.

It does not retry, follow or repair anything: a test must see what stood on the wire.
"""
import json
import select
import socket
import ssl

TIMEOUT_S = 20


class Closed(Exception):
    """The server ended the connection where an answer was due."""


class Response:
    def __init__(self, status, reason, fields, body):
        self.status, self.reason, self.fields, self.body = status, reason, fields, body

    def __repr__(self):
        return f"<{self.status} {self.reason} {self.fields} {self.body[:300]!r}>"

    def __getitem__(self, name):
        """The value of a field that stands exactly once."""
        values = self.all(name)
        assert len(values) == 1, f"{name}: {values} in {self!r}"
        return values[0]

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def has(self, name):
        return bool(self.all(name))

    def json(self):
        assert self["Content-Type"].split(";")[0] in (
            "application/json",
            "application/problem+json",
        ), self
        return json.loads(self.body)


class Conn:
    """One TLS connection. Context manager; reads and writes from one thread only."""

    def __init__(self, address, context, rcvbuf=None, timeout=TIMEOUT_S):
        raw = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            if rcvbuf:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
            raw.settimeout(timeout)
            raw.connect(address)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock = context.wrap_socket(raw, server_hostname=address[0])
        except BaseException:
            raw.close()
            raise
        self.host = f"{address[0]}:{address[1]}"
        self.buf = b""
        self.broken = False  # a write failed: the server closed before it had read everything

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        """Vanish without a goodbye: RST instead of FIN and close_notify."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    # Sending ---------------------------------------------------------------
    def send(self, data):
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.broken = True

    def send_until_answered(self, data, block=65536):
        """Send data, but stop as soon as the server says something. Returns the bytes that were
        sent."""
        sent = 0
        while sent < len(data) and not self.readable(0) and not self.broken:
            self.send(data[sent : sent + block])
            sent += min(block, len(data) - sent)
        return sent

    def readable(self, timeout):
        return (
            bool(self.buf)
            or self.sock.pending() > 0
            or bool(select.select([self.sock], [], [], timeout)[0])
        )

    def head(self, method, target, fields=()):
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host}"]
        lines += [f"{n}: {v}" for n, v in (fields.items() if isinstance(fields, dict) else fields)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def request(self, method, target, fields=(), body=None, chunked=0):
        """One exchange. chunked: size of the chunks, 0: Content-Length."""
        fields = list(fields.items() if isinstance(fields, dict) else fields)
        if body is not None:
            fields.append(
                ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body)))
            )
        self.send(self.head(method, target, fields))
        if body:
            self.send_until_answered(chunk(body, chunked) if chunked else body)
        elif body is not None and chunked:
            self.send(b"0\r\n\r\n")
        return self.response(no_content=method == "HEAD")

    # Receiving -------------------------------------------------------------
    def more(self):
        try:
            data = self.sock.recv(262144)
        except ConnectionResetError as e:
            raise Closed("reset") from e
        if not data:
            raise Closed("end")
        self.buf += data

    def response(self, no_content=False):
        """The next final or interim answer."""
        status, reason, fields = self.response_head()
        body = b"" if no_content or status < 200 or status == 204 else self.content(fields)
        return Response(status, reason, fields, body)

    def response_head(self):
        while b"\r\n\r\n" not in self.buf:
            assert len(self.buf) < 65536, "an endless response head"
            self.more()
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        first, *rest = head.decode("latin-1").split("\r\n")
        version, status, reason = (first + " ").split(" ", 2)
        assert version == "HTTP/1.1" and len(status) == 3, first
        fields = []
        for line in rest:
            name, colon, value = line.partition(":")
            assert (
                colon and name and name == name.strip() and "\n" not in line and "\r" not in line
            ), repr(line)
            fields.append((name, value.strip()))
        return int(status), reason.strip(), fields

    def content(self, fields):
        lengths = [v for n, v in fields if n.lower() == "content-length"]
        assert len(lengths) == 1 and lengths[0].isdigit(), f"one Content-Length is due: {fields}"
        need = int(lengths[0])
        parts, got = [self.buf], len(self.buf)
        while got < need:
            self.buf = b""
            self.more()
            parts.append(self.buf)
            got += len(self.buf)
        whole = b"".join(parts)
        self.buf = whole[need:]
        return whole[:need]

    def ended(self, timeout=TIMEOUT_S):
        """True when the server closes (in order or not) without another byte."""
        self.sock.settimeout(timeout)
        try:
            self.more()
        except Closed:
            return True
        except (ssl.SSLError, OSError) as e:
            assert not isinstance(e, TimeoutError), "the server did not close"
            return True
        return False


def chunk(body, size):
    """body in Transfer-Encoding: chunked, in chunks of that size."""
    parts = []
    for at in range(0, len(body), size):
        piece = body[at : at + size]
        parts.append(b"%x\r\n%s\r\n" % (len(piece), piece))
    return b"".join(parts) + b"0\r\n\r\n"
