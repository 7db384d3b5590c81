"""A malicious server: it has the certificates of a real one, speaks TLS 1.3 and enough HTTP/1.1,
and lies in one way at a time.

TABLE has every attack: what the server does, which command of the client meets it, and the exit
status that is due. An attack succeeds when the command ends otherwise, releases something that is
not the evidence that was asked for, prints a character that steers a terminal, or does not end in
time. test_hostile_server.py runs all of them. By itself, this file tells which attacks another
build of the client falls for:

    python3 tests/system/hostile_server.py build/release/timeglas
    python3 tests/system/hostile_server.py --table        # the rows of docs/hostile-server.md

The server that no attack changes is honest: all commands succeed with it, so that a refusal is the
attack's doing."""
import base64
import concurrent.futures
import contextlib
import hashlib
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

AT = "2026-11-22T12:00:00.123Z"
LATER = "2026-11-22T13:00:00.123Z"
SID = "sess-1"
OTHER_ID = "01" + "B" * 21 + "A"
TAG, EVENT = "ab" * 16, "00-1-1"
PROBLEM = "application/problem+json"
END = object()  # what a step returns when the connection is to end
HANGS_S = 8  # nothing here lasts longer: leases and time limits are of one second
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
# A control, a change of direction, a line separator and so on, where a terminal would see them.
STEERING = (
    "\x1b]0;x\x07",
    "\x1b[2J",
    "\x9b2J",
    "\x7f\x08",
    "\u202e",
    "\u2066",
    "\u200f",
    "\u061c",
    "\u2028",
    "\u2029",
    "\ufeff",
    "\x85",
)
HARMFUL = [
    (0, 0x1F),
    (0x7F, 0x9F),
    (0x61C, 0x61C),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0xFEFF, 0xFEFF),
    (0xE0000, 0xE0FFF),
]


# What is attacked ----------------------------------------------------------


def sender_key(text):
    """The 32 bytes of a "timeglas-sender1..." (Bech32, BIP 173)."""
    values = [BECH32.index(c) for c in text[text.rindex("1") + 1 : -6]]
    bits = "".join(f"{v:05b}" for v in values)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, 256, 8))


def name_of(sender, ref):
    """The last 22 characters of the id of what this sender sealed with this ref
    (docs/envelope.md)."""
    digest = hashlib.sha256(b"timeglas blob id 1\n" + sender + ref).digest()
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


@dataclass
class Evidence:
    data: bytes
    sealed: bytes
    kind: str
    issuer: str | None
    session: str | None
    id: str


class World:
    """Keys, certificates and evidence; made once. env: what `timeglasd --dev` writes for a
    shell."""

    def __init__(self, folder, env, client):
        self.folder, self.env, self.client = Path(folder), dict(env), str(Path(client).resolve())
        self.pki = Path(env["TIMEGLAS_CA"]).parent
        (self.folder / "home").mkdir()
        self.sender = sender_key(env["TIMEGLAS_SENDER"])
        self.right = self.seal(b"the evidence that was asked for".ljust(32) * 3000)
        self.other = self.seal(b"another person's evidence".ljust(32) * 3000)
        self.older = self.seal(b"an older picture of one's face".ljust(32) * 3000)
        self.big = self.seal(b"x" * 300_000)
        self.small = self.seal(b"small\n")
        self.kin = self.seal(b"a face in three dimensions\n" * 3000, kind="face3d")
        self.session = self.seal(b"of another session\n" * 3000, session="sess-9")
        self.in_session = self.seal(b"of this session\n" * 3000, session=SID)
        self.raw = self.seal(b"plain age\n" * 3000, raw=True)
        self.forged = self.seal(b"another's signature\n" * 3000, signer=self.stranger())

    def environment(self, state, peer, **more):
        env = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("TIMEGLAS_", "XDG_")) and "proxy" not in k.lower()
        }
        env.update(
            {
                k: self.env[k]
                for k in (
                    "TIMEGLAS_CA",
                    "TIMEGLAS_RECIPIENT",
                    "TIMEGLAS_IDENTITY",
                    "TIMEGLAS_SIGNING_KEY",
                    "TIMEGLAS_SENDER",
                )
            }
        )
        env.update(
            TIMEGLAS_CERT=self.env[f"TIMEGLAS_{peer}_CERT"],
            TIMEGLAS_KEY=self.env[f"TIMEGLAS_{peer}_KEY"],
            HOME=str(state),
            XDG_STATE_HOME=str(state),
            TMPDIR=str(state),
            TERM="xterm",
        )
        return {**env, **{k: str(v) for k, v in more.items()}}

    def run(self, *args, stdin=b""):
        return subprocess.run(
            [self.client, *args],
            input=stdin,
            stdout=subprocess.PIPE,
            check=True,
            stderr=subprocess.DEVNULL,
            env=self.environment(self.folder / "home", "UPLOADER"),
        ).stdout

    def stranger(self):
        path = self.folder / "stranger.key"
        self.run("keygen", "--sign", "-o", str(path))
        return str(path)

    def seal(self, data, kind="liveness", session=None, raw=False, signer=None):
        labels = (
            ["--raw"]
            if raw
            else [
                "--kind",
                kind,
                *(["--session", session] if session else []),
                *(["--sign", signer] if signer else []),
            ]
        )
        sealed = self.run("seal", *labels, stdin=data)
        if raw or signer:
            return Evidence(data, sealed, kind, None, session, OTHER_ID)
        out = self.folder / "opened"
        head = json.loads(self.run("open", "--json", "-o", str(out), stdin=sealed))
        head = head.get("head", head)
        return Evidence(
            data,
            sealed,
            kind,
            None,
            session,
            "00" + name_of(self.sender, bytes.fromhex(head["ref"])),
        )

    def certificate(self, name, extensions):
        """A certificate of the dev authority's with these extensions; (certificate, key)."""
        cert, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        if not cert.exists():
            ext, csr = self.folder / f"{name}.ext", self.folder / f"{name}.csr"
            ext.write_text(extensions + "\n")
            run = {"check": True, "capture_output": True}
            subprocess.run(
                [
                    "openssl",
                    "req",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:prime256v1",
                    "-nodes",
                    "-keyout",
                    key,
                    "-out",
                    csr,
                    "-subj",
                    f"/CN={name}",
                ],
                **run,
            )
            subprocess.run(
                [
                    "openssl",
                    "x509",
                    "-req",
                    "-in",
                    csr,
                    "-CA",
                    self.pki / "ca.pem",
                    "-CAkey",
                    self.pki / "ca.key",
                    "-set_serial",
                    "99",
                    "-days",
                    "2",
                    "-extfile",
                    ext,
                    "-out",
                    cert,
                ],
                **run,
            )
        return str(cert), str(key)

    def other_authority(self):
        cert, key = self.folder / "self.pem", self.folder / "self.key"
        if not cert.exists():
            subprocess.run(
                [
                    "openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:prime256v1",
                    "-nodes",
                    "-keyout",
                    key,
                    "-out",
                    cert,
                    "-days",
                    "2",
                    "-subj",
                    "/CN=127.0.0.1",
                    "-addext",
                    "subjectAltName=IP:127.0.0.1",
                ],
                check=True,
                capture_output=True,
            )
        return str(cert), str(key)


# The server ----------------------------------------------------------------


class Gone(Exception):
    """The client has hung up."""


class Request:
    def __init__(self, method, path, fields, body):
        self.method, self.path, self.fields, self.body = method, path, fields, body
        steps = (
            ("POST", "/claim", "claim"),
            ("POST", "/ack", "ack"),
            ("POST", "/take", "take"),
            ("GET", "/v1/claims/", "read"),
            ("GET", "/v1/blobs/", "stat"),
            ("DELETE", "/v1/blobs/", "rm"),
            ("POST", "/v1/blobs", "put"),
            ("POST", "/touch", "touch"),
            ("POST", "/v1/sessions", "session open"),
            ("GET", "/v1/sessions/", "session show"),
            ("DELETE", "/v1/sessions/", "session close"),
            ("GET", "/v1/policy", "policy"),
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


# The table -----------------------------------------------------------------


@dataclass
class Attack:
    name: str
    what: str  # what the server does
    command: list
    exits: tuple  # exit statuses that are due
    respond: object = None
    says: str = ""  # stands in stderr
    # True: the right content may be released (what came was good, what came after it a lie)
    released: bool = False
    evidence: str = "right"  # what the honest part holds
    outcome: str | None = None  # the ack that is due
    host: str = "127.0.0.1"
    certificate: object = None
    versions: tuple = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)
    alpn: list = field(default_factory=list)
    bare: object = None  # talks without TLS
    before_body: object = None  # instead of 100 Continue
    peer: str = "VERIFIER"
    stdin: bytes = b""
    check: object = None  # of the server afterwards: what is wrong, or None
    env: dict = field(default_factory=dict)


TABLE = []
GET = ["get", "{id}", "-o", "out", "--lease", "1"]
TAKE = ["take", "{id}", "-o", "out", "--timeout", "1"]
PUT = ["put", "--kind", "liveness", "in", "--timeout", "2"]
STAT, RM, POLICY = (
    ["stat", "{id}", "--timeout", "1"],
    ["rm", "{id}", "--timeout", "1"],
    ["policy", "--timeout", "1"],
)
OPEN, SHOW, CLOSE = (
    ["session", w, *rest, "--timeout", "1"]
    for w, *rest in (["open"], ["show", SID], ["close", SID])
)
SESSION_PUT = [*PUT, "--session", SID]


def attack(name, what, command, exits, respond=None, **more):
    TABLE.append(
        Attack(
            name, what, command, exits if isinstance(exits, tuple) else (exits,), respond, **more
        )
    )


def at(step, act):
    """At this step act(server, wire, request); honest before and after. What act returns, unless
    None, is what the step returns."""

    def respond(server, wire, req):
        if req.step != step:
            return None
        said = act(server, wire, req)
        return True if said is None else said

    return respond


def says(step, status, o, **more):
    """At this step a JSON answer; o may be a function of (honest server, request)."""
    return at(step, lambda s, w, r: w.json(status, o(s.honest, r) if callable(o) else o, **more))


def raw(step, data, then=END):
    """At this step bytes; data may be a function of the honest server."""

    def act(server, wire, req):
        wire.send(data(server.honest) if callable(data) else data)
        return then

    return at(step, act)


def breaks(after, second):
    """A read that breaks off after so many bytes, and second(server, wire, request) for the part
    that is asked for then."""

    def respond(server, wire, req):
        if req.step != "read":
            return None
        if req.first == 0:
            wire.answer(
                200,
                server.honest.e.sealed[:after],
                server.honest.labels(),
                length=len(server.honest.e.sealed),
            )
            return END
        second(server, wire, req)
        return END

    return respond


def part(lies=None, status=206, body=None, **labels):
    def second(server, wire, req):
        h = server.honest
        fields = {
            **h.labels(**labels),
            **h.range(req.first),
            **(lies(h, req.first) if lies else {}),
        }
        wire.answer(
            status,
            h.e.sealed[req.first :] if body is None else body(h, req.first),
            {k: v for k, v in fields.items() if v is not None},
        )

    return second


# Who it is, and what it speaks
attack(
    "tls-1.2",
    "offers TLS 1.2 at most",
    POLICY,
    3,
    versions=(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2),
)
attack(
    "other-authority",
    "has a certificate that it issued to itself",
    POLICY,
    3,
    certificate=World.other_authority,
)
attack(
    "other-host",
    "has a certificate of the right authority for another host",
    POLICY,
    3,
    certificate=lambda w: w.certificate(
        "elsewhere", "subjectAltName=DNS:elsewhere.example\nextendedKeyUsage=serverAuth"
    ),
)
attack(
    "client-certificate",
    (
        "is a hacked peer: its certificate, of the right authority and with the right address, is"
        " one for clients"
    ),
    POLICY,
    3,
    certificate=lambda w: w.certificate(
        "peer", "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=clientAuth"
    ),
)
attack(
    "no-tls",
    "answers without TLS",
    POLICY,
    3,
    bare=lambda s, w: w.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
)
attack(
    "slow-handshake",
    "sends a byte of the handshake now and then",
    POLICY,
    3,
    bare=lambda s, w: w.drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03" + b"x" * 500),
)
attack(
    "http-2",
    "chooses HTTP/2 and speaks it",
    POLICY,
    3,
    raw("policy", b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x64\0\4\x40\0\0\0\0\2\0\0\0\0"),
    alpn=["h2"],
)
attack(
    "http-0.9",
    "answers with content alone, without a head",
    POLICY,
    3,
    raw("policy", b'{"retention": []}\r\n'),
)
attack(
    "http-1.0",
    "answers with HTTP/1.0",
    POLICY,
    3,
    raw(
        "policy",
        b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    ),
)
attack(
    "http-1.2",
    "answers with a version that does not exist",
    POLICY,
    3,
    raw(
        "policy",
        b"HTTP/1.2 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    ),
)
attack(
    "switches-protocol",
    "answers 101 and goes on with its own words",
    POLICY,
    3,
    raw("policy", b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n{}"),
)
attack(
    "says-nothing",
    "takes the request and says nothing",
    POLICY,
    3,
    at("policy", lambda s, w, r: w.silence()),
)
attack("hangs-up", "takes the request and hangs up", POLICY, 3, at("policy", lambda s, w, r: END))

# Where it sends the client
for status in (301, 302, 307, 308):
    attack(
        f"redirect-{status}",
        f"answers {status}, to another path",
        STAT if status < 307 else PUT,
        3,
        at(
            "stat" if status < 307 else "put",
            lambda s, w, r, status=status: w.answer(status, b"", {"Location": "/v1/policy"}),
        ),
        peer="UPLOADER",
        check=lambda s: "followed" if len(s.seen) > 1 else None,
    )
attack(
    "redirect-of-a-take",
    "answers a take with 303, to another blob",
    TAKE,
    3,
    at("take", lambda s, w, r: w.answer(303, b"", {"Location": f"/v1/blobs/{OTHER_ID}/take"})),
    check=lambda s: "followed" if len(s.seen) > 1 else None,
)
attack(
    "cookies",
    "sets a cookie, HSTS, Alt-Svc and a challenge: nothing of it may come back",
    GET,
    0,
    says(
        "claim",
        201,
        lambda h, r: h.claim(),
        fields=[
            ("Set-Cookie", "a=b"),
            ("Strict-Transport-Security", "max-age=9"),
            ("Alt-Svc", 'h2=":1"'),
            ("WWW-Authenticate", "Basic realm=x"),
        ],
    ),
    released=True,
    check=lambda s: (
        "sent"
        if any({"cookie", "authorization", "upgrade"} & set(f) for _, _, f in s.seen)
        else None
    ),
)
attack(
    "proxy-of-the-environment",
    "is only reached when the proxy that the environment names is not asked",
    POLICY,
    0,
    env={"https_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"},
)

# Heads of answers
attack(
    "endless-fields",
    "sends fields without an end",
    POLICY,
    3,
    at(
        "policy",
        lambda s, w, r: w.send(b"HTTP/1.1 200 X\r\n")
        or [w.send(b"X-%d: y\r\n" % i * 100) for i in range(100_000)]
        and END,
    ),
)
attack(
    "endless-field",
    "sends one field without an end",
    POLICY,
    3,
    at(
        "policy",
        lambda s, w, r: w.send(b"HTTP/1.1 200 X\r\nX: ")
        or [w.send(b"y" * 65536) for _ in range(200)]
        and END,
    ),
)
attack(
    "dripping-head",
    "sends a byte of the head now and then",
    POLICY,
    3,
    at("policy", lambda s, w, r: w.drip(b"HTTP/1.1 200 X\r\nX: " + b"y" * 300)),
)
attack(
    "endless-100",
    "sends 100 Continue without an end",
    POLICY,
    3,
    at(
        "policy",
        lambda s, w, r: [w.send(b"HTTP/1.1 100 X\r\n\r\n" * 50) for _ in range(2000)] and END,
    ),
)
attack(
    "dripping-100",
    "sends a 100 Continue now and then",
    POLICY,
    3,
    at(
        "policy",
        lambda s, w, r: [w.drip(b"HTTP/1.1 100 X\r\n\r\n", 0.02) for _ in range(100)] and END,
    ),
)
attack(
    "early-hints",
    "sends 103 before its answer",
    POLICY,
    3,
    raw(
        "policy",
        (
            b"HTTP/1.1 103 X\r\nLink: </x>\r\n\r\nHTTP/1.1 200 X\r\nContent-Type:"
            b" application/json\r\nContent-Length: 2\r\n\r\n{}"
        ),
    ),
)
attack(
    "folded-field",
    "folds a field",
    POLICY,
    3,
    raw(
        "policy",
        (
            b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nX: a\r\n b\r\nContent-Length:"
            b" 2\r\n\r\n{}"
        ),
    ),
)
attack(
    "control-in-field",
    "sends a control character in a field",
    TAKE,
    3,
    at("take", lambda s, w, r: w.answer(200, s.honest.e.sealed, s.honest.labels(X=b"a\x1b[2Jb"))),
)
attack(
    "nul-in-field",
    "sends a NUL in a field",
    TAKE,
    3,
    at("take", lambda s, w, r: w.answer(200, s.honest.e.sealed, s.honest.labels(X=b"a\0b"))),
)
attack(
    "bare-lf",
    "ends its lines with LF alone",
    POLICY,
    3,
    raw("policy", b"HTTP/1.1 200 X\nContent-Type: application/json\nContent-Length: 2\n\n{}"),
)
attack(
    "expects-in-vain",
    "never says 100 Continue: the upload goes on without",
    [*PUT, "--raw"],
    0,
    before_body=lambda s, w, f: None,
    peer="UPLOADER",
)
attack(
    "refuses-expectations",
    "answers 417 for ever",
    PUT,
    1,
    before_body=lambda s, w, f: w.problem(417),
    peer="UPLOADER",
    respond=at("put", lambda s, w, r: w.problem(417)),
)
for name, value in (
    ("negative", "-1"),
    ("plus", "+7"),
    ("hex", "0x7"),
    ("list", "7, 7"),
    ("huge", "9" * 30),
    ("empty", ""),
    ("fraction", "7.0"),
):
    attack(
        f"length-{name}",
        f"sends Content-Length: {value[:20]}",
        TAKE,
        3,
        at(
            "take",
            lambda s, w, r, value=value: w.send(
                w.head(200, {**s.honest.labels(), "Content-Length": value}) + s.honest.e.sealed
            )
            or END,
        ),
    )
attack(
    "two-lengths",
    "sends two lengths that differ",
    TAKE,
    3,
    at(
        "take",
        lambda s, w, r: w.send(
            w.head(
                200,
                [
                    *s.honest.labels().items(),
                    ("Content-Length", "7"),
                    ("Content-Length", str(len(s.honest.e.sealed))),
                ],
            )
            + s.honest.e.sealed
        )
        or END,
    ),
)
attack(
    "no-length",
    "sends content until it hangs up",
    TAKE,
    3,
    at("take", lambda s, w, r: w.send(w.head(200, s.honest.labels()) + s.honest.e.sealed) or END),
)
attack(
    "chunked",
    "sends content in chunks, with no length",
    TAKE,
    3,
    at(
        "take",
        lambda s, w, r: w.send(
            w.head(200, {**s.honest.labels(), "Transfer-Encoding": "chunked"})
            + b"%x\r\n%s\r\n0\r\n\r\n" % (len(s.honest.e.sealed), s.honest.e.sealed)
        ),
    ),
)
attack(
    "chunked-and-length",
    "sends chunks and a length",
    TAKE,
    3,
    at(
        "take",
        lambda s, w, r: w.send(
            w.head(200, {**s.honest.labels(), "Transfer-Encoding": "chunked"}, 7)
            + b"%x\r\n%s\r\n0\r\n\r\n" % (len(s.honest.e.sealed), s.honest.e.sealed)
        ),
    ),
)
attack(
    "endless-chunks",
    "sends a JSON answer in chunks that do not end",
    POLICY,
    3,
    at(
        "policy",
        lambda s, w, r: w.send(
            w.head(200, {"Content-Type": "application/json", "Transfer-Encoding": "chunked"})
        )
        or [w.send(b"400\r\n" + b" " * 1024 + b"\r\n") for _ in range(100_000)]
        and END,
    ),
)
attack(
    "gzip",
    "says that the content is compressed",
    TAKE,
    3,
    at(
        "take",
        lambda s, w, r: w.answer(
            200, s.honest.e.sealed, s.honest.labels(**{"Content-Encoding": "gzip"})
        ),
    ),
)
attack(
    "gzip-json",
    "compresses a JSON answer",
    POLICY,
    3,
    at(
        "policy",
        lambda s, w, r: w.answer(
            200,
            __import__("gzip").compress(b'{"a":"' + b" " * 900_000 + b'"}'),
            {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        ),
    ),
)
attack(
    "two-kinds",
    "sends Timeglas-Kind twice",
    TAKE,
    3,
    at(
        "take",
        lambda s, w, r: w.answer(
            200, s.honest.e.sealed, [*s.honest.labels().items(), ("Timeglas-Kind", "face3d")]
        ),
    ),
)
attack(
    "no-kind",
    "sends no Timeglas-Kind",
    TAKE,
    3,
    at("take", lambda s, w, r: w.answer(200, s.honest.e.sealed, {"ETag": '"e"'})),
)
attack(
    "bidi-in-label",
    "names a session with a change of direction",
    TAKE,
    (3, 4),
    at(
        "take",
        lambda s, w, r: w.answer(
            200, s.honest.e.sealed, s.honest.labels(**{"Timeglas-Session": "a\u202eb"})
        ),
    ),
)

# Status
attack(
    "status-999",
    "answers 999",
    POLICY,
    3,
    raw(
        "policy", b"HTTP/1.1 999 X\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    ),
)
attack(
    "session-200",
    "answers 200 where 201 belongs: no session was opened",
    OPEN,
    3,
    says("session open", 200, lambda h, r: h.session()),
    peer="UPLOADER",
)
attack(
    "put-200",
    "answers 200 to an upload that cannot be a repeat",
    ["put", "--kind", "liveness", "--raw", "-"],
    3,
    says("put", 200, lambda h, r: h.stored(r)),
    peer="UPLOADER",
    stdin=b"x" * 1000,
)
attack(
    "stat-201",
    "answers 201 where 200 belongs",
    STAT,
    3,
    says("stat", 201, lambda h, r: h.stat()),
    peer="UPLOADER",
)
attack(
    "ack-202",
    "answers an ack with 202: it has erased nothing yet",
    GET,
    3,
    says("ack", 202, lambda h, r: h.receipt()),
    released=True,
)
attack(
    "rm-204",
    "answers an erasure with 204 and no receipt",
    RM,
    3,
    raw("rm", b"HTTP/1.1 204 X\r\n\r\n"),
    peer="UPLOADER",
)
attack(
    "take-206",
    "answers a take with a part",
    TAKE,
    3,
    at(
        "take",
        lambda s, w, r: w.answer(
            206, s.honest.e.sealed[100:], {**s.honest.labels(), **s.honest.range(100)}
        ),
    ),
)

# Ranges
attack(
    "range-whole",
    "answers a resumption with all of it",
    GET,
    3,
    breaks(5000, part(lambda h, n: {"Content-Range": None}, 200, lambda h, n: h.e.sealed)),
)
attack(
    "range-other-start",
    "answers a resumption with another part",
    GET,
    3,
    breaks(5000, part(lambda h, n: h.range(n - 1000), body=lambda h, n: h.e.sealed[n - 1000 :])),
)
attack(
    "range-other-end",
    "answers a resumption with a shorter part",
    GET,
    3,
    breaks(
        5000,
        part(
            lambda h, n: {"Content-Range": f"bytes {n}-{n + 99}/{len(h.e.sealed)}"},
            body=lambda h, n: h.e.sealed[n : n + 100],
        ),
    ),
)
attack(
    "range-other-total",
    "changes the total between two parts",
    GET,
    3,
    breaks(
        5000,
        part(
            lambda h, n: {"Content-Range": f"bytes {n}-{len(h.e.sealed) - 1}/{len(h.e.sealed) + 7}"}
        ),
    ),
)
attack(
    "range-none",
    "sends a part that does not say where it belongs",
    GET,
    3,
    breaks(5000, part(lambda h, n: {"Content-Range": None})),
)
attack(
    "range-prefix",
    "sends a part whose range only begins as the one that was asked for",
    GET,
    3,
    breaks(5000, part(lambda h, n: {"Content-Range": f"bytes {n}-junk"})),
)
attack("etag-changes", "changes the ETag between two parts", GET, 3, breaks(5000, part(ETag='"f"')))
attack(
    "etag-vanishes", "sends the second part without the ETag", GET, 3, breaks(5000, part(ETag=None))
)
attack(
    "multipart",
    "sends a part as multipart/byteranges",
    GET,
    3,
    breaks(
        5000,
        part(
            lambda h, n: {"Content-Range": None, "Content-Type": "multipart/byteranges; boundary=x"}
        ),
    ),
)
attack(
    "part-of-another",
    "sends the second half of another blob",
    GET,
    4,
    breaks(5000, part(body=lambda h, n: h.world.other.sealed[n:])),
)

# Sizes and times
attack(
    "claim-too-small",
    "claims to have fewer bytes than it sends",
    GET,
    3,
    says("claim", 201, lambda h, r: h.claim(size=len(h.e.sealed) - 1)),
)
attack(
    "claim-too-large",
    "claims to have more bytes than it sends",
    GET,
    3,
    says("claim", 201, lambda h, r: h.claim(size=len(h.e.sealed) + 1)),
)
for name, value in (
    ("zero", 0),
    ("negative", -1),
    ("text", "97"),
    ("real", 97.5),
    ("null", None),
    ("max", 2**63),
    ("list", [97]),
):
    attack(
        f"claim-size-{name}",
        f"claims a size of {value!r}",
        GET,
        3,
        says("claim", 201, lambda h, r, value=value: h.claim(size=value)),
    )
attack(
    "claim-over-max-size",
    "claims to have more than is accepted",
    [*GET, "--max-size", "1000"],
    1,
    check=lambda s: "read" if s.count.get("read") else None,
)
attack(
    "take-over-max-size",
    "sends more than is accepted",
    [*TAKE, "--max-size", "1000"],
    1,
    says="take",
)
attack(
    "take-of-exabytes",
    "announces exabytes",
    TAKE,
    1,
    at(
        "take",
        lambda s, w, r: w.send(w.head(200, s.honest.labels(), 2**62))
        or [w.send(b"x" * 65536) for _ in range(100_000)]
        and END,
    ),
    says="take",
)
attack(
    "endless-read",
    "announces exabytes in claim and read, and sends without an end",
    [*GET, "--max-size", "1MiB"],
    (1, 3),
    at("claim", lambda s, w, r: w.json(201, s.honest.claim(size=2**62))),
)
attack(
    "short",
    "hangs up in the middle of a take",
    TAKE,
    3,
    at(
        "take",
        lambda s, w, r: w.answer(
            200, s.honest.e.sealed[:5000], s.honest.labels(), length=len(s.honest.e.sealed)
        )
        or END,
    ),
)
attack(
    "long",
    "sends more behind the content",
    TAKE,
    0,
    at(
        "take",
        lambda s, w, r: w.send(
            w.head(200, s.honest.labels(), len(s.honest.e.sealed))
            + s.honest.e.sealed
            + b"junk" * 1000
        )
        or END,
    ),
    released=True,
)
attack(
    "dripping-take",
    "sends a byte of a take now and then",
    TAKE,
    3,
    at(
        "take",
        lambda s, w, r: w.send(w.head(200, s.honest.labels(), len(s.honest.e.sealed)))
        or w.drip(s.honest.e.sealed),
    ),
)
attack(
    "dripping-read",
    "sends a byte of a read now and then: the lease ends",
    GET,
    3,
    at(
        "read",
        lambda s, w, r: w.send(w.head(200, s.honest.labels(), len(s.honest.e.sealed)))
        or w.drip(s.honest.e.sealed),
    ),
)
attack(
    "dripping-parts",
    "sends ten bytes and hangs up, again and again: the lease ends",
    GET,
    3,
    at(
        "read",
        lambda s, w, r: w.send(
            w.head(
                206 if r.first else 200,
                {**s.honest.labels(), **(s.honest.range(r.first) if r.first else {})},
                len(s.honest.e.sealed) - r.first,
            )
            + s.honest.e.sealed[r.first : r.first + 10]
        )
        or END,
    ),
)
attack(
    "dripping-json",
    "sends a byte of a JSON answer now and then",
    POLICY,
    3,
    at(
        "policy",
        lambda s, w, r: w.send(w.head(200, {"Content-Type": "application/json"}, 900))
        or w.drip(b" " * 900),
    ),
)
attack(
    "dripping-claim",
    "sends a byte of a claim now and then",
    [*GET, "--timeout", "1"],
    3,
    at(
        "claim",
        lambda s, w, r: w.send(w.head(201, {"Content-Type": "application/json"}, 900))
        or w.drip(b" " * 900),
    ),
)
attack(
    "dripping-problem",
    "sends a byte of a refusal now and then",
    POLICY,
    3,
    at(
        "policy",
        lambda s, w, r: w.send(w.head(500, {"Content-Type": PROBLEM}, 900)) or w.drip(b" " * 900),
    ),
)
attack(
    "reads-slowly",
    "does not answer an upload that it has read",
    PUT,
    3,
    at("put", lambda s, w, r: w.silence()),
    peer="UPLOADER",
)
attack(
    "lease-nonsense",
    "names a lease deadline that is no time",
    GET,
    3,
    says("claim", 201, lambda h, r: h.claim(lease_deadline="soon")),
)
attack(
    "lease-none",
    "names no lease deadline",
    GET,
    3,
    says("claim", 201, lambda h, r: h.claim(lease_deadline=None)),
)
attack(
    "lease-of-a-year",
    "grants a lease of a year and drips: the lease that was asked for ends it",
    GET,
    3,
    lambda s, w, r: (
        (w.json(201, s.honest.claim(lease_deadline="2027-11-22T12:00:00.000Z")) or True)
        if r.step == "claim"
        else (
            (
                w.send(w.head(200, s.honest.labels(), len(s.honest.e.sealed)))
                or w.drip(s.honest.e.sealed)
            )
            if r.step == "read"
            else None
        )
    ),
)
attack(
    "claim-of-another",
    "gives the claim of another blob",
    GET,
    3,
    says("claim", 201, lambda h, r: h.claim(claim=h.claim_token(OTHER_ID))),
)
attack(
    "claim-token-path",
    "gives a claim that is a path",
    GET,
    3,
    says("claim", 201, lambda h, r: h.claim(claim="../blobs/x")),
)
attack(
    "patience",
    "asks for patience without an end",
    [*GET, "--timeout", "1"],
    6,
    at(
        "claim",
        lambda s, w, r: w.problem(503, [("Retry-After", "1")], type="/problems/store-unreachable"),
    ),
)

# JSON
attack(
    "json-endless",
    "announces a JSON answer of exabytes",
    POLICY,
    3,
    at(
        "policy",
        lambda s, w, r: w.send(w.head(200, {"Content-Type": "application/json"}, 2**62))
        or [w.send(b" " * 65536) for _ in range(100_000)]
        and END,
    ),
)
attack(
    "json-deep", "nests a million arrays", POLICY, 3, says("policy", 200, b'{"a":' + b"[" * 900_000)
)
attack(
    "json-deep-and-whole",
    "nests a thousand objects",
    POLICY,
    3,
    says("policy", 200, b'{"a":' * 1000 + b"1" + b"}" * 1000),
)
attack(
    "json-many",
    "sends half a million elements",
    POLICY,
    3,
    says("policy", 200, b'{"a":[' + b"0," * 450_000 + b"0]}"),
)
attack(
    "json-twice",
    "names a member twice, with another value",
    STAT,
    3,
    says("stat", 200, lambda h, r: json.dumps(h.stat())[:-1].encode() + b',"state":"gone"}'),
    peer="UPLOADER",
)
attack(
    "json-nul",
    "sends a NUL in a text",
    STAT,
    3,
    says("stat", 200, lambda h, r: h.stat(state="live\0x")),
    peer="UPLOADER",
)
attack(
    "json-nul-in-name",
    "sends a NUL in a member's name",
    STAT,
    3,
    says("stat", 200, lambda h, r: h.stat(**{"a\0b": 1})),
    peer="UPLOADER",
)
attack(
    "json-not-utf-8",
    "sends bytes that are no UTF-8",
    STAT,
    3,
    says(
        "stat", 200, lambda h, r: json.dumps(h.stat(more="XX")).encode().replace(b"XX", b"\xff\x9b")
    ),
    peer="UPLOADER",
)
attack(
    "json-number",
    "sends a number that nothing can hold",
    STAT,
    3,
    says(
        "stat",
        200,
        lambda h, r: json.dumps(h.stat(size=7)).encode().replace(b": 7", b": " + b"9" * 999),
    ),
    peer="UPLOADER",
)
attack("json-array", "sends an array", POLICY, 3, says("policy", 200, b"[]"))
attack("json-cut", "sends half an object", POLICY, 3, says("policy", 200, b'{"retention": ['))
attack(
    "json-more",
    "sends something behind the object",
    POLICY,
    3,
    says("policy", 200, b'{"retention": []} {}'),
)
attack(
    "json-html", "sends HTML", POLICY, 3, says("policy", 200, b"<html>{}</html>", media="text/html")
)
attack(
    "json-as-text",
    "sends an object that it calls text",
    POLICY,
    3,
    says("policy", 200, b"{}", media="text/plain"),
)

# Receipts
for name, what, lies in (
    ("of-another", "for another blob", {"blob": OTHER_ID}),
    ("nameless", "for no blob", {"blob": None}),
    ("timeless", "without a time", {"erased_at": None}),
    ("time-nonsense", "with a time that is none", {"erased_at": "soon"}),
    ("number", "whose blob is a number", {"blob": 7}),
    ("long", "whose blob is endless", {"blob": "A" * 9000}),
    ("tagless", "without a tag", {"ref": None, "tag": None}),
    ("tag-nonsense", "whose tag is none", {"ref": "x" * 32, "tag": "x" * 32}),
    ("eventless", "without an event", {"event": None}),
    ("causeless", "without a cause", {"cause": None}),
):
    attack(
        f"ack-receipt-{name}",
        f"answers an ack with a receipt {what}",
        GET,
        3,
        says("ack", 200, lambda h, r, lies=lies: h.receipt(**lies)),
        released=True,
    )
    if name in ("of-another", "nameless", "timeless", "tag-nonsense"):
        attack(
            f"rm-receipt-{name}",
            f"answers an erasure with a receipt {what}",
            RM,
            3,
            says("rm", 200, lambda h, r, lies=lies: h.receipt(**lies)),
            peer="UPLOADER",
        )
attack(
    "ack-no-receipt",
    "answers an ack with an empty object",
    GET,
    3,
    says("ack", 200, {}),
    released=True,
)
attack(
    "ack-receipts",
    "answers an ack with somebody's list of receipts",
    GET,
    3,
    says("ack", 200, lambda h, r: {"receipts": [h.receipt(blob=OTHER_ID)]}),
    released=True,
)
attack(
    "ack-other-outcome",
    "acknowledges another outcome than was sent",
    GET,
    3,
    says("ack", 200, lambda h, r: h.receipt(outcome="rejected")),
    released=True,
)
attack(
    "rm-no-receipt",
    "answers an erasure with what it knows of the blob",
    RM,
    3,
    says("rm", 200, lambda h, r: h.stat()),
    peer="UPLOADER",
)
attack(
    "rm-empty",
    "answers an erasure with an empty object",
    RM,
    3,
    says("rm", 200, {}),
    peer="UPLOADER",
)
attack(
    "close-no-receipts",
    "ends a session without receipts",
    CLOSE,
    3,
    says("session close", 200, lambda h, r: h.session(state="closed")),
    peer="UPLOADER",
)
attack(
    "close-broken-receipt",
    "ends a session with a receipt that says nothing",
    CLOSE,
    3,
    says("session close", 200, lambda h, r: h.session(state="closed", receipts=[h.receipt(), {}])),
    peer="UPLOADER",
)
attack(
    "close-still-open",
    "says that a session which was to end is open",
    CLOSE,
    3,
    says("session close", 200, lambda h, r: h.session(receipts=[])),
    peer="UPLOADER",
)
attack(
    "close-of-another",
    "ends another session",
    CLOSE,
    3,
    says(
        "session close", 200, lambda h, r: h.session(session="sess-2", state="closed", receipts=[])
    ),
    peer="UPLOADER",
)

# What it says that it holds
for name, what, lies in (
    ("other-name", "under another name than was sent", {"blob": OTHER_ID}),
    ("size", "of another size", {"size": 7}),
    ("size-null", "of no size", {"size": None}),
    ("kind", "of another kind", {"kind": "face3d"}),
    ("session", "of another session", {"session": "sess-9"}),
    ("no-session", "of no session", {"session": None}),
    ("deadline", "until a time that is none", {"deadline": "tomorrow"}),
    ("deadline-null", "for ever", {"deadline": None}),
    ("path", "under an id that is a path", {"blob": "../../etc"}),
    ("shell", "under an id that is a command", {"blob": "$(id)"}),
    ("state", "in a state that steers the terminal", {"state": "live\x1b[2J"}),
):
    attack(
        f"put-{name}",
        f"says that it holds the upload {what}",
        SESSION_PUT,
        3,
        says("put", 201, lambda h, r, lies=lies: h.stored(r, **lies)),
        peer="UPLOADER",
    )
attack(
    "put-issuer",
    "says that it holds the passport of another issuer",
    ["put", "--kind", "passport", "--issuer", "UTO", "in"],
    3,
    says("put", 201, lambda h, r: h.stored(r, issuer="DNK")),
    peer="UPLOADER",
)
attack(
    "put-digest",
    "says that it holds other bytes",
    ["put", "--kind", "liveness", "--sealed", "in.age"],
    3,
    says("put", 201, lambda h, r: h.stored(r, sha256="0" * 64)),
    peer="UPLOADER",
)
attack(
    "put-gone",
    "says of a first upload that it is gone already, under another name",
    PUT,
    3,
    says(
        "put",
        200,
        lambda h, r: {"blob": OTHER_ID, "state": "gone", "cause": "erased", "gone_at": AT},
    ),
    peer="UPLOADER",
)
attack(
    "stat-of-another",
    "tells of another blob",
    STAT,
    3,
    says("stat", 200, lambda h, r: h.stat(blob=OTHER_ID)),
    peer="UPLOADER",
)
attack(
    "stat-time",
    "tells a deadline that is none",
    STAT,
    3,
    says("stat", 200, lambda h, r: h.stat(deadline="\x1b[2J")),
    peer="UPLOADER",
)
attack(
    "session-of-another",
    "tells of another session",
    SHOW,
    3,
    says("session show", 200, lambda h, r: h.session(session="sess-2")),
    peer="UPLOADER",
)
attack(
    "session-id",
    "gives a session an id that is a command",
    OPEN,
    3,
    says("session open", 201, lambda h, r: h.session(session="a;id")),
    peer="UPLOADER",
)
attack(
    "session-timeless",
    "opens a session without an end",
    OPEN,
    3,
    says("session open", 201, lambda h, r: h.session(deadline=None)),
    peer="UPLOADER",
)

# What reaches the terminal: every text of a server's, in names as in values, for people and with
# --json
EVIL = "".join(STEERING)
for suffix, json_too in (("", []), ("-json", ["--json"])):
    attack(
        f"terminal-problem{suffix}",
        "steers the terminal from every member of a refusal",
        [*STAT, *json_too],
        1,
        at(
            "stat",
            lambda s, w, r: w.problem(
                409,
                type="/problems/" + EVIL,
                title="a" + EVIL,
                detail="b" + EVIL,
                cause="c" + EVIL,
                gone_at="d" + EVIL,
                instance=EVIL,
            ),
        ),
    )
    attack(
        f"terminal-names{suffix}",
        "steers the terminal from the names of members",
        [*STAT, *json_too],
        0,
        says(
            "stat",
            200,
            lambda h, r: h.stat(
                **{EVIL: "x", "list" + EVIL: [{EVIL: "y"}], "object": {EVIL: EVIL}}
            ),
        ),
    )
    attack(
        f"terminal-values{suffix}",
        "steers the terminal from values that nobody knows",
        [*STAT, *json_too],
        0,
        says("stat", 200, lambda h, r: h.stat(more=EVIL, rows=[{"a": EVIL}, {"a": [EVIL]}])),
    )
    attack(
        f"terminal-policy{suffix}",
        "steers the terminal from the policy",
        [*POLICY, *json_too],
        0,
        says("policy", 200, lambda h, r: {"retention": [{"kind": EVIL, EVIL: 1}], EVIL: EVIL}),
    )
    attack(
        f"terminal-session{suffix}",
        "steers the terminal from a session's list",
        [*SHOW, *json_too],
        0,
        says("session show", 200, lambda h, r: h.session(blobs=[{"blob": EVIL, EVIL: 1}])),
    )
    attack(
        f"terminal-receipt{suffix}",
        "steers the terminal from a receipt",
        [*RM, *json_too],
        0,
        says("rm", 200, lambda h, r: h.receipt(more=EVIL, head={EVIL: EVIL})),
    )
attack(
    "terminal-not-utf-8",
    "sends a refusal that is no UTF-8",
    STAT,
    1,
    at("stat", lambda s, w, r: w.json(409, b'{"title":"\x9b2J\xff"}', PROBLEM)),
)
attack(
    "terminal-fields",
    "steers the terminal from the fields of a take",
    TAKE,
    (3, 4),
    at(
        "take",
        lambda s, w, r: w.answer(
            200,
            s.honest.e.sealed,
            s.honest.labels(**{"Timeglas-Kind": b"live\xc2\x9b2J", "Timeglas-Session": "\u202e"}),
        ),
    ),
)
attack(
    "terminal-reason",
    "steers the terminal from the reason behind the status",
    STAT,
    (1, 3),
    raw(
        "stat",
        (
            b"HTTP/1.1 404 \xc2\x9b2J\xe2\x80\xae\r\nContent-Type: text/html\r\nContent-Length:"
            b" 1\r\n\r\nx"
        ),
    ),
)
attack(
    "terminal-certificate",
    "steers the terminal from its certificate",
    POLICY,
    3,
    certificate=lambda w: w.certificate("a\u202eb", "subjectAltName=DNS:elsewhere.example"),
)
attack(
    "names-without-end",
    "names a member with half a million characters",
    POLICY,
    0,
    says("policy", 200, lambda h, r: {"a" * 500_000: 1, **{f"k{i}": i for i in range(500)}}),
    check=lambda s: "blown up" if len(s.stdout) > 500_000 else None,
)

# Refusals
for name, value in (
    ("huge", "9" * 40),
    ("negative", "-5"),
    ("date", "Fri, 31 Dec 1999 23:59:59 GMT"),
    ("escape", "5\u202e"),
):
    attack(
        f"retry-after-{name}",
        f"asks for a retry after {value[:12]!r}",
        STAT,
        6,
        at("stat", lambda s, w, r, value=value: w.problem(503, [("Retry-After", value)])),
        check=lambda s: "printed" if b"try again in" in s.stderr else None,
    )
attack(
    "refuses-429",
    "refuses for now",
    STAT,
    6,
    at("stat", lambda s, w, r: w.problem(429, [("Retry-After", "7")])),
    says="7 s",
)
attack(
    "refuses-types",
    "refuses with members of other types",
    STAT,
    1,
    at(
        "stat",
        lambda s, w, r: w.json(
            404, {"type": 3, "title": ["x"], "detail": {}, "status": "x"}, PROBLEM
        ),
    ),
)
attack(
    "refuses-oddly",
    "calls a success a problem",
    STAT,
    3,
    says("stat", 200, {"type": "/problems/gone", "title": "gone"}, media=PROBLEM),
)


# Another content than was asked for
def exchange(name, what, evidence, relabelled=False, exits=4, outcome="mislabelled"):
    """The server gives out evidence under the id of the right one; labels that fit what it gives
    out when relabelled."""

    def respond(s, w, r):
        e, h = getattr(s.world, evidence), Honest(s.world, getattr(s.world, evidence))
        if r.step == "claim":
            w.json(201, h.claim(claim=s.honest.claim_token()))
        elif r.step in ("take", "read"):
            w.answer(200, e.sealed, h.labels() if relabelled else s.honest.labels())
        else:
            return None
        return True

    attack(f"get-{name}", what, GET, exits, respond, outcome=outcome)
    attack(f"take-{name}", what, TAKE, exits, respond)


exchange("swapped", "gives another person's evidence, with the same labels and size", "other")
exchange("swapped-size", "gives another person's evidence, of several chunks", "big")
exchange("swapped-small", "gives another person's evidence, of a few bytes", "small")
exchange("older", "gives what the same sender sealed earlier", "older")
exchange("other-kind", "gives another kind's evidence", "kin")
exchange("other-kind-relabelled", "gives another kind's evidence, and says so", "kin", True)
exchange("other-session", "gives another session's evidence", "session")
exchange(
    "other-session-relabelled", "gives another session's evidence, and says so", "session", True
)
exchange("unsigned", "gives a plain age file", "raw", outcome="bad-signature")
exchange("forged", "gives what another has signed", "forged", outcome="bad-signature")
for label, value in (("Kind", "face3d"), ("Session", "sess-9"), ("Issuer", "DNK")):
    attack(
        f"relabels-{label.lower()}",
        f"gives the right evidence with another {label.lower()}",
        GET,
        4,
        at(
            "read",
            lambda s, w, r, n=f"Timeglas-{label}", v=value: w.answer(
                200, s.honest.e.sealed, s.honest.labels(**{n: v})
            ),
        ),
        outcome="mislabelled",
    )
attack(
    "unlabels-session",
    "keeps silent about the session",
    TAKE,
    4,
    at(
        "take",
        lambda s, w, r: w.answer(
            200,
            s.honest.e.sealed,
            {k: v for k, v in s.honest.labels().items() if k != "Timeglas-Session"},
        ),
    ),
    evidence="in_session",
)
attack(
    "flipped-bit",
    "changes one bit",
    GET,
    4,
    at(
        "read",
        lambda s, w, r: w.answer(
            200,
            s.honest.e.sealed[:-9] + bytes([s.honest.e.sealed[-9] ^ 1]) + s.honest.e.sealed[-8:],
            s.honest.labels(),
        ),
    ),
    outcome="decrypt-failed",
)
attack(
    "cut",
    "leaves the end out, and lies about the size",
    GET,
    4,
    lambda s, w, r: (
        (w.json(201, s.honest.claim(size=len(s.honest.e.sealed) - 40, sha256=None)) or True)
        if r.step == "claim"
        else (
            (w.answer(200, s.honest.e.sealed[:-40], s.honest.labels()) or True)
            if r.step == "read"
            else None
        )
    ),
    outcome="decrypt-failed",
)
attack(
    "other-digest",
    "claims a digest that differs",
    GET,
    4,
    says("claim", 201, lambda h, r: h.claim(sha256="0" * 64)),
    outcome="decrypt-failed",
)
attack(
    "digest-nonsense",
    "claims a digest that is none",
    GET,
    3,
    says("claim", 201, lambda h, r: h.claim(sha256="z" * 64)),
)
attack(
    "digest-short",
    "claims half a digest",
    GET,
    3,
    says("claim", 201, lambda h, r: h.claim(sha256="0" * 32)),
)
attack(
    "empty",
    "gives nothing",
    TAKE,
    (3, 4),
    at("take", lambda s, w, r: w.answer(200, b"", s.honest.labels())),
)

HONEST = [
    Attack(
        f"honest-{c[0]}-{c[1] if c[0] == 'session' else i}", "none", c, (0,), peer=p, released=True
    )
    for i, (c, p) in enumerate(
        [
            (GET, "VERIFIER"),
            (TAKE, "VERIFIER"),
            (PUT, "UPLOADER"),
            (SESSION_PUT, "UPLOADER"),
            (STAT, "UPLOADER"),
            (RM, "UPLOADER"),
            (POLICY, "VERIFIER"),
            (OPEN, "UPLOADER"),
            (SHOW, "UPLOADER"),
            (CLOSE, "UPLOADER"),
        ]
    )
]


# Running one ---------------------------------------------------------------


def harmful(text):
    return sorted({c for c in text if c != "\n" and any(a <= ord(c) <= b for a, b in HARMFUL)})


def faults_of(a, server, status, out, err, released, expected):
    """What went wrong: a list of sentences, empty when the attack got nowhere."""
    faults = []
    if status not in a.exits:
        faults.append(f"exit status {status} instead of {a.exits}")
    for name, stream in (("stdout", out), ("stderr", err)):
        try:
            if bad := harmful(stream.decode()):
                faults.append(f"{name} has {bad}")
        except UnicodeDecodeError:
            faults.append(f"{name} is no UTF-8")
    if b"Sanitizer" in err or b"runtime error" in err:
        faults.append("a sanitizer complains: " + err.decode(errors="replace")[-2000:])
    if released is not None and (not a.released or released != expected):
        faults.append(
            "content was released that is not what was asked for"
            if released != expected
            else "content was released"
        )
    if status == 3 and out:
        faults.append("a failure came with output")
    if a.says and a.says not in err.decode(errors="replace"):
        faults.append(f"stderr does not say {a.says!r}")
    if a.outcome and server.outcomes != [a.outcome]:
        faults.append(f"acked {server.outcomes} instead of {a.outcome}")
    if a.check and (said := a.check(server)):
        faults.append(said)
    return faults


def run(world, a, client=None, slow=1, without=()):
    """Runs one attack. without: options that an older client lacks. Returns (faults, stderr,
    seconds)."""
    folder = Path(tempfile.mkdtemp(prefix="run", dir=world.folder))
    evidence = getattr(world, a.evidence)
    (folder / "in").write_bytes(b"content that goes up\n" * 5000)
    (folder / "in.age").write_bytes(evidence.sealed)
    server = Server(world, a)
    args = [x.replace("{id}", evidence.id) for x in a.command]
    for option in without:
        while option in args:
            del args[args.index(option) : args.index(option) + 2]
    env = world.environment(folder, a.peer, TIMEGLAS_URL=f"https://{a.host}:{server.port}", **a.env)
    began = time.monotonic()
    try:
        try:
            done = subprocess.run(
                [client or world.client, *args],
                input=a.stdin,
                capture_output=True,
                cwd=folder,
                env=env,
                timeout=HANGS_S * slow,
            )
            status, out, err = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired as e:
            status, out, err = f"none within {HANGS_S * slow} s", e.stdout or b"", e.stderr or b""
    finally:
        server.stop()
    server.stdout, server.stderr = out, err
    target = folder / "out"
    return (
        faults_of(
            a,
            server,
            status,
            out,
            err,
            target.read_bytes() if target.exists() else None,
            evidence.data,
        ),
        err.decode(errors="replace"),
        time.monotonic() - began,
    )


def rows():
    """The table of docs/hostile-server.md."""
    return [
        f"| `{a.name}` | {a.what.replace('|', '/').encode('ascii', 'backslashreplace').decode()} |"
        f" {' '.join(a.command[:2] if a.command[0] == 'session' else a.command[:1])} |"
        f" {' or '.join(map(str, a.exits))} |"
        for a in TABLE
    ]


def main():
    if sys.argv[1] == "--table":
        print("\n".join(rows()))
        return
    from harness import Server as Timeglasd  # pylint: disable=import-outside-toplevel

    client = Path(sys.argv[1]).resolve()
    wanted = sys.argv[2:]
    buffer = Timeglasd(workers=1)
    table = [a for a in TABLE if not wanted or a.name in wanted]
    with tempfile.TemporaryDirectory(prefix="tgh") as folder, concurrent.futures.ThreadPoolExecutor(
        6
    ) as pool:
        try:
            world = World(folder, buffer.env, client)
            text = subprocess.run(
                [client, "get", "--help"], capture_output=True, check=True
            ).stdout.decode()
            without = [o for o in ("--timeout", "--max-size") if o not in text]
            results = list(pool.map(lambda a: run(world, a, without=without), table))
        finally:
            buffer.kill()
    for a, (faults, err, seconds) in zip(table, results):
        if faults or wanted:
            print(
                f"{a.name}: {'; '.join(faults) or 'got nowhere'} ({seconds:.1f} s)"
                + (f"\n    {err.strip()}" if wanted else "")
            )
    print(f"{len(table)} attacks, {sum(bool(r[0]) for r in results)} of them succeeded")


if __name__ == "__main__":
    main()
