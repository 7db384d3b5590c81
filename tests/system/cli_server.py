"""A scripted HTTPS server for the tests of the client: real TLS 1.3 with client certificates, but
answers that a real buffer would never give (broken off, mislabelled, oversized). The real server is
driven by the other system tests."""
import base64
import contextlib
import http.server
import json
import ssl
import subprocess
import threading


def make_pki(folder):
    """A throwaway authority, a server certificate for 127.0.0.1 and a client certificate. Returns
    the paths by name."""

    def run(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=folder)

    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for ca in ("ca", "otherca"):
        run(
            "req", "-x509", *new_key, "-keyout", f"{ca}.key", "-out", f"{ca}.pem", "-days", "2",
            "-subj", f"/CN=test {ca}",
        )
    for name, ext in (
        ("server", "subjectAltName=IP:127.0.0.1"),
        ("client", "extendedKeyUsage=clientAuth"),
    ):
        (folder / f"{name}.ext").write_text(ext + "\n")
        run(
            "req", *new_key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}"
        )
        run(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem",
        )
    return {
        n: str(folder / n)
        for n in ("ca.pem", "otherca.pem", "server.pem", "server.key", "client.pem", "client.key")
    }


class Answer:
    """What to say to one request. body: bytes, an object, or a function of (fields, content) of the
    request that gives one. cut: close after that many bytes of the body; length: send
    Content-Length; early: answer from the headers, without reading the body; hold: an Event to wait
    for in the middle of the body."""

    def __init__(
        self,
        status=200,
        body=b"",
        media="application/json",
        fields=(),
        cut=None,
        length=True,
        early=False,
        hold=None,
    ):
        self.hold = hold
        self.status, self.media, self.fields, self.cut, self.length, self.early = (
            status, media, dict(fields), cut, length, early,
        )
        self.make = body if callable(body) else None
        self.body = json.dumps(body).encode() if isinstance(body, (dict, list)) else body

    def made(self, fields, content):
        return (
            self
            if self.make is None
            else Answer(
                self.status, self.make(fields, content), self.media, self.fields, self.cut,
                self.length, self.early, self.hold,
            )
        )


def stored(known, status=201, **more):
    """The answer to an upload: known, with what the upload itself tells. more: what is told
    otherwise, and options of Answer."""
    options = {k: more.pop(k) for k in ("cut", "length", "early", "hold") if k in more}

    def make(fields, content):
        digest = fields.get("Content-Digest", "")
        told = {
            "kind": fields["Timeglas-Kind"],
            "issuer": fields["Timeglas-Issuer"],
            "session": fields["Timeglas-Session"],
            "size": len(content),
        }
        if digest:
            told["sha256"] = base64.b64decode(
                digest.removeprefix("sha-256=:").removesuffix(":")
            ).hex()
        if fields["Timeglas-Name"]:
            told["blob"] = "00" + fields["Timeglas-Name"]
        return {**known, **told, **more}

    return Answer(status, make, **options)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def read_body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while True:
                n = int(self.rfile.readline(), 16)
                body += self.rfile.read(n)
                self.server.chunks.append(n)
                self.rfile.readline()
                if n == 0:
                    return body
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self):
        script = self.server.script
        a = script.pop(0) if len(script) > 1 else script[0]
        content = None if a.early else self.read_body()
        self.server.seen.append((self.command, self.path, self.headers, content))
        a = a.made(self.headers, content)
        self.send_response(a.status)
        for name, value in {"Content-Type": a.media, **a.fields}.items():
            self.send_header(name, value)
        if a.length:
            self.send_header("Content-Length", len(a.body))
        if a.early or not a.length:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        body = a.body if a.cut is None else a.body[: a.cut]
        if a.hold is not None:
            self.wfile.write(body[: len(body) // 2])
            a.hold.wait(20)
            body = body[len(body) // 2 :]
        self.wfile.write(body)
        if a.cut is not None:
            self.close_connection = True

    do_GET = do_POST = do_DELETE = answer

    def handle_expect_100(self):
        if getattr(self.server.script[0], "early", False):
            return True
        return super().handle_expect_100()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # clients that refuse us are part of the tests


@contextlib.contextmanager
def serve(pki, *script, versions=(ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)):
    """Answers in the order of script, the last one for ever. Yields the server: .url, .seen
    (method, path, fields, body), .chunks (the sizes of those that have come, of chunked bodies).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = versions
    context.load_cert_chain(pki["server.pem"], pki["server.key"])
    context.load_verify_locations(pki["ca.pem"])
    context.verify_mode = ssl.CERT_REQUIRED
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.script, server.seen, server.chunks = list(script), [], []
    server.url = f"https://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
