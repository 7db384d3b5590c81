"""A log and its witnesses as the C2SP specifications have them, written without a line of ours: a
tree of lines (RFC 9162), signed checkpoints, submissions, and the check of a cosignature."""
import base64
import hashlib
import http.client
import http.server
import os
import select
import struct
import subprocess
import threading
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from harness import BIN, SLOW

ED25519, COSIGNATURE = b"\x01", b"\x04"
DASH = "\u2014 "


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def b64(data):
    return base64.b64encode(data).decode()


def key_id(name, kind, public):
    return sha(name.encode() + b"\n" + kind + public)[:4]


def vkey(name, kind, public):
    return f"{name}+{key_id(name, kind, public).hex()}+{b64(kind + public)}"


def raw(private):
    return private.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )


def root_of(leaves):
    if not leaves:
        return sha()
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha(b"\1", root_of(leaves[:k]), root_of(leaves[k:]))


def subproof(m, leaves, whole):
    n = len(leaves)
    if m == n:
        return [] if whole else [root_of(leaves)]
    k = 1 << (n - 1).bit_length() - 1
    if m <= k:
        return subproof(m, leaves[:k], whole) + [root_of(leaves[k:])]
    return subproof(m - k, leaves[k:], False) + [root_of(leaves[:k])]


class Log:
    def __init__(self, origin="log.example/evidence", private=None):
        self.origin = origin
        self.private = private or Ed25519PrivateKey.generate()
        self.vkey = vkey(origin, ED25519, raw(self.private))
        self.leaves = []

    def fork(self, size):
        """Another history with the same key: the first lines are the same."""
        other = Log(self.origin, self.private)
        other.leaves = self.leaves[:size]
        return other

    def add(self, *lines):
        self.leaves += [sha(b"\0", line.encode()) for line in lines]
        return self

    def grow(self, n, word="line"):
        return self.add(*(f"{word} {len(self.leaves) + i}" for i in range(n)))

    def text(self, size=None):
        size = len(self.leaves) if size is None else size
        return f"{self.origin}\n{size}\n{b64(root_of(self.leaves[:size]))}\n"

    def note(self, size=None):
        text = self.text(size)
        signature = key_id(self.origin, ED25519, raw(self.private)) + self.private.sign(
            text.encode()
        )
        return f"{text}\n{DASH}{self.origin} {b64(signature)}\n"

    def submission(self, old, size=None, note=None):
        size = len(self.leaves) if size is None else size
        proof = subproof(old, self.leaves[:size], True) if 0 < old <= size else []
        lines = "".join(b64(p) + "\n" for p in proof)
        return f"old {old}\n{lines}\n{note or self.note(size)}".encode()


def cosignature(name, private, text, time_s):
    """A witness's line, dated as it likes, and its key."""
    message = f"cosignature/v1\ntime {time_s}\n{text}".encode()
    signed = struct.pack(">Q", time_s) + private.sign(message)
    blob = key_id(name, COSIGNATURE, raw(private)) + signed
    return f"{DASH}{name} {b64(blob)}\n", vkey(name, COSIGNATURE, raw(private))


def cosigned_at(key, text, lines):
    """The time that a cosignature of this key tells, if one of the lines is a right one."""
    name, _, data = key.split("+", 2)
    public = base64.b64decode(data)[1:]
    for line in lines.splitlines():
        who, _, signature = line.removeprefix(DASH).partition(" ")
        blob = base64.b64decode(signature)
        if who != name or blob[:4] != key_id(name, COSIGNATURE, public) or len(blob) != 76:
            continue
        (time_s,) = struct.unpack(">Q", blob[4:12])
        message = f"cosignature/v1\ntime {time_s}\n{text}".encode()
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(blob[12:], message)
            return time_s
        except InvalidSignature:
            pass
    return None


class Witness:
    """A timeglas-witness."""

    def __init__(self, folder, *logs, name="witness.example/w1"):
        self.folder = Path(folder)
        self.key = subprocess.run(
            [BIN / "timeglas-witness", "keygen", name, self.folder / "state"],
            stdout=subprocess.PIPE, check=True,
        ).stdout.decode().strip()
        self.conf = self.folder / "witness.conf"
        self.conf.write_text(
            f"listen = 127.0.0.1:0\nstate = {self.folder / 'state'}\n"
            + "".join(f"log = {log.vkey}\n" for log in logs)
        )
        self.proc = None

    def start(self, **env):
        self.err = open(self.folder / "stderr", "ab")
        self.proc = subprocess.Popen(
            [BIN / "timeglas-witness", "-c", self.conf],
            stdout=subprocess.PIPE, stderr=self.err, stdin=subprocess.DEVNULL,
            env={**os.environ, **env},
        )
        assert select.select([self.proc.stdout], [], [], 15 * SLOW)[0], self.said()
        line = self.proc.stdout.readline().decode()
        assert line.startswith("ready http://") and line.split()[2] == self.key, self.said()
        self.url = line.split()[1]
        self.address = self.url.removeprefix("http://")
        return self

    def said(self):
        return (self.folder / "stderr").read_text()

    def ask(self, method, path, body=None, headers=None):
        conn = http.client.HTTPConnection(self.address, timeout=10 * SLOW)
        try:
            conn.request(method, path, body, headers or {})
            answer = conn.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            conn.close()

    def add(self, body):
        return self.ask("POST", "/add-checkpoint", body)

    def latest(self, log):
        status, _, text = self.ask("GET", f"/latest/{log.origin}")
        return text if status == 200 else None

    def kill(self):
        if self.proc is not None:
            self.proc.kill()
            self.proc.wait()
            self.proc.stdout.close()
            self.err.close()
            self.proc = None

    def stop(self):
        self.proc.terminate()
        status = self.proc.wait(10 * SLOW)
        self.kill()
        assert status == 0, self.said()
        assert "Sanitizer" not in self.said() and "runtime error" not in self.said(), self.said()


class Hostile:
    """A witness that answers as it is told to."""

    def __init__(self, answer, tls=None):
        hostile = self
        self.asked = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                hostile.asked += 1
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                try:
                    answer(self, body)
                except OSError:
                    pass
                self.close_connection = True

            do_GET = do_POST

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def answering(raw):
    return lambda handler, body: handler.wfile.write(raw)
