"""The malicious server of hostile_server.py on the wire: TLS, enough of HTTP/1.1, and the honest
answers from which an attack departs."""
import base64
import contextlib
import hashlib
import json
import socket
import ssl
import threading

from hostile_evidence import ERASED, SID, SUBJECT, subject_of

AT = "2026-11-22T12:00:00.123Z"
LATER = "2026-11-22T13:00:00.123Z"
TAG, EVENT = "ab" * 16, "00-1-1"
PROBLEM = "application/problem+json"
END = object()  # what a step returns when the connection is to end
HANGS_S = 8  # nothing here lasts longer: leases and time limits are of one second


class Gone(Exception):
    """The client has hung up."""


class Request:
    def __init__(self, method, path, fields, body):
        self.method, self.path, self.fields, self.body = method, path, fields, body
        steps = (
            ("POST", "/claim", "claim"), ("POST", "/ack", "ack"), ("POST", "/take", "take"),
            ("GET", "/v1/claims/", "read"), ("GET", "/v1/blobs/", "stat"),
            ("DELETE", "/v1/blobs/", "rm"), ("POST", "/v1/blobs", "put"),
            ("POST", "/touch", "touch"), ("POST", "/v1/sessions", "session open"),
            ("GET", "/v1/sessions/", "session show"), ("DELETE", "/v1/sessions/", "session close"),
            ("GET", "/v1/subjects/", "subject show"), ("DELETE", "/v1/subjects/", "subject erase"),
            ("POST", "/freeze", "subject freeze"), ("POST", "/release", "subject release"),
            ("GET", "/v1/policy", "policy"), ("GET", "/v1/receipts/", "proof"),
        )
        self.step = next(
            (
                s
                for m, part, s in steps
                if m == method
                and (
                    path.endswith(part) if s in ("claim", "ack", "take", "touch") else part in path
                )
            ),
            None,
        )
        self.first = int(fields.get("range", "bytes=0-").removeprefix("bytes=").split("-")[0])


class Wire:
    def __init__(self, sock, server):
        self.sock, self.server, self.buf = sock, server, b""

    def send(self, data):
        try:
            self.sock.sendall(data)
        except (OSError, ssl.SSLError) as e:
            raise Gone from e

    def more(self):
        try:
            data = self.sock.recv(65536)
        except (OSError, ssl.SSLError) as e:
            raise Gone from e
        if not data:
            raise Gone
        self.buf += data

    def take(self, n):
        while len(self.buf) < n:
            self.more()
        out, self.buf = self.buf[:n], self.buf[n:]
        return out

    def line(self):
        while b"\r\n" not in self.buf:
            self.more()
        line, self.buf = self.buf.split(b"\r\n", 1)
        return line.decode("latin-1")

    def request(self):
        method, path, _ = self.line().split(" ", 2)
        fields = {}
        while line := self.line():
            name, value = line.split(":", 1)
            fields[name.lower()] = value.strip()
        self.server.seen.append((method, path, fields))
        self.server.before_body(self, method, path, fields)
        body = b""
        if fields.get("transfer-encoding") == "chunked":
            while n := int(self.line(), 16):
                body += self.take(n)
                self.line()
            self.line()
        else:
            body = self.take(int(fields.get("content-length", 0)))
        return Request(method, path, fields, body)

    def head(self, status=200, fields=(), length=None):
        """Fields may be a dictionary or pairs, values texts or bytes. length None: no
        Content-Length."""
        pairs = list(fields.items()) if isinstance(fields, dict) else list(fields)
        if length is not None:
            pairs.append(("Content-Length", str(length)))
        lines = [
            n.encode() + b": " + (v if isinstance(v, bytes) else v.encode()) + b"\r\n"
            for n, v in pairs
        ]
        return f"HTTP/1.1 {status} X\r\n".encode() + b"".join(lines) + b"\r\n"

    def answer(self, status=200, body=b"", fields=(), length=None):
        self.send(self.head(status, fields, len(body) if length is None else length) + body)

    def json(self, status, o, media="application/json", fields=()):
        body = o if isinstance(o, bytes) else json.dumps(o).encode()
        self.answer(status, body, [("Content-Type", media), *fields])

    def problem(self, status, fields=(), **members):
        self.json(
            status,
            {"type": "/problems/internal", "title": "no", "status": status, **members},
            PROBLEM,
            fields,
        )

    def drip(self, data, every=0.1):
        for i in range(len(data)):
            self.send(data[i : i + 1])
            if self.server.ending.wait(every):
                raise Gone

    def silence(self):
        self.server.ending.wait(HANGS_S * 4)
        raise Gone


class Honest:
    """The answers of a real buffer that holds one blob. Attacks change some."""

    def __init__(self, world, evidence):
        self.world, self.e = world, evidence

    def claim_token(self, blob=None):
        return (blob or self.e.id) + "C" * 22

    def claim(self, **lies):
        return {
            "claim": self.claim_token(),
            "size": len(self.e.sealed),
            "sha256": hashlib.sha256(self.e.sealed).hexdigest(),
            "lease_deadline": LATER,
            **lies,
        }

    def receipt(self, **lies):
        return {
            "blob": self.e.id,
            "ref": TAG,
            "tag": TAG,
            "cause": "consumed",
            "erased_at": AT,
            "event": EVENT,
            "head": None,
            **lies,
        }

    def labels(self, **lies):
        pairs = {
            "Content-Type": "application/octet-stream",
            "Timeglas-Kind": self.e.kind,
            "Timeglas-Stored-At": AT,
            "ETag": '"e"',
        }
        if self.e.issuer:
            pairs["Timeglas-Issuer"] = self.e.issuer
        if self.e.session:
            pairs["Timeglas-Session"] = self.e.session
        return {**pairs, **lies}

    def range(self, first):
        n = len(self.e.sealed)
        return {"Content-Range": f"bytes {first}-{n - 1}/{n}"}

    def stored(self, req, **lies):
        f = req.fields
        known = {
            "blob": "00" + f.get("timeglas-name", self.e.id[2:]),
            "state": "live",
            "ref": TAG,
            "tag": TAG,
            "kind": f.get("timeglas-kind"),
            "issuer": f.get("timeglas-issuer"),
            "session": f.get("timeglas-session"),
            "size": len(req.body),
            "sha256": None,
            "stored_at": AT,
            "deadline": LATER,
        }
        if digest := f.get("content-digest"):
            known["sha256"] = base64.b64decode(digest[9:-1]).hex()
        return {**known, **lies}

    def stat(self, **lies):
        return {
            "blob": self.e.id,
            "state": "live",
            "ref": TAG,
            "tag": TAG,
            "kind": self.e.kind,
            "issuer": None,
            "session": None,
            "size": len(self.e.sealed),
            "sha256": None,
            "stored_at": AT,
            "deadline": LATER,
            **lies,
        }

    def session(self, **lies):
        return {
            "session": SID,
            "state": "open",
            "opened_at": AT,
            "deadline": LATER,
            "idle_s": 600,
            **lies,
        }

    @staticmethod
    def subject(digits=SUBJECT, **members):
        return {
            "subject": subject_of(digits),
            "uploader": "uploader",
            **members,
        }

    def erased(self, **lies):
        return self.subject(
            **{
                "erased_at": AT,
                "count": 1,
                "method": "overwrite",
                "by": "uploader",
                "tool": "timeglasd 0.1.0",
                "event": ERASED,
                "receipts": [self.receipt(cause="erased")],
                **lies,
            }
        )

    def answer(self, wire, req):
        e, step = self.e, req.step
        if step == "claim":
            wire.json(201, self.claim())
        elif step == "ack":
            wire.json(200, self.receipt())
        elif step in ("take", "read"):
            fields = {**self.labels(), **(self.range(req.first) if req.first else {})}
            wire.answer(206 if req.first else 200, e.sealed[req.first :], fields)
        elif step == "put":
            wire.json(201, self.stored(req))
        elif step == "stat":
            wire.json(200, self.stat())
        elif step == "rm":
            wire.json(200, self.receipt(cause="erased"))
        elif step == "session open":
            wire.json(201, self.session())
        elif step in ("session show", "touch"):
            wire.json(200, self.session(blobs=[]))
        elif step == "session close":
            wire.json(200, self.session(state="closed", receipts=[self.receipt()]))
        elif step == "subject show":
            wire.json(200, self.subject(frozen_until=None, live=[], ended=[], more=False))
        elif step == "subject erase":
            wire.json(200, self.erased())
        elif step == "subject freeze":
            wire.json(200, self.subject(frozen_until=LATER, event=EVENT))
        elif step == "subject release":
            wire.json(200, self.subject(frozen_until=None, event=EVENT))
        elif step == "proof":
            wire.answer(
                200, self.world.log.proof_of(self.world.log.name_of(req.path.split("/")[-1])),
                {"Content-Type": "text/plain; charset=utf-8"},
            )
        elif step == "policy":
            wire.json(
                200,
                {
                    "retention": [
                        {
                            "kind": "liveness",
                            "issuer": None,
                            "ceiling_s": 86400,
                            "session_bound": False,
                        }
                    ],
                    "lease_max_s": 900,
                },
            )
        else:
            wire.problem(404)


class Server:
    """Serves one run of a command. attack.respond(server, wire, request) says END, or True when it
    has answered; otherwise the answer is honest."""

    def __init__(self, world, attack):
        self.world, self.attack = world, attack
        self.honest = Honest(world, getattr(world, attack.evidence))
        self.seen, self.outcomes, self.count, self.ending, self.threads = (
            [],
            [],
            {},
            threading.Event(),
            [],
        )
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        cert, key = (
            attack.certificate(world)
            if attack.certificate
            else (world.pki / "server.pem", world.pki / "server.key")
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version, self.context.maximum_version = attack.versions
        self.context.load_cert_chain(cert, key)
        self.context.load_verify_locations(world.env["TIMEGLAS_CA"])
        self.context.verify_mode = ssl.CERT_REQUIRED
        if attack.alpn:
            self.context.set_alpn_protocols(attack.alpn)
        self.threads.append(threading.Thread(target=self.accept, daemon=True))
        self.threads[0].start()

    def before_body(self, wire, method, path, fields):
        if self.attack.before_body:
            self.attack.before_body(self, wire, fields)
        elif fields.get("expect") == "100-continue":
            wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            if self.ending.is_set():
                sock.close()
                return
            sock.settimeout(HANGS_S * 4)
            thread = threading.Thread(target=self.talk, args=(sock,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def talk(self, sock):
        with contextlib.suppress(Gone, OSError, ssl.SSLError, ValueError), contextlib.closing(sock):
            if self.attack.bare:
                self.attack.bare(self, Wire(sock, self))
                return
            with self.context.wrap_socket(sock, server_side=True) as tls:
                wire = Wire(tls, self)
                while True:
                    req = wire.request()
                    self.count[req.step] = self.count.get(req.step, 0) + 1
                    if req.step == "ack":
                        self.outcomes.append(json.loads(req.body).get("outcome"))
                    said = self.attack.respond(self, wire, req) if self.attack.respond else None
                    if said is END:
                        return
                    if not said:
                        self.honest.answer(wire, req)

    def stop(self):
        self.ending.set()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            pass
        self.listener.close()
        for t in self.threads:
            t.join(5)
