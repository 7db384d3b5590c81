"""The evidence of a server under test, and what timeglas audit says of it."""
import base64
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from harness import BIN, SLOW, wait_for

UNPINNED = 7  # timeglas audit verify: nothing is wrong, and no key was given


def audit(command, *args, home="/nonexistent"):
    done = subprocess.run(
        [str(BIN / "timeglas"), "audit", command, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        timeout=120,
    )
    assert (
        "Sanitizer" not in done.stderr.decode() and "runtime error" not in done.stderr.decode()
    ), done.stderr.decode()
    return done


def verify(*args):
    """(exit status, report); the status is 7 when nothing is wrong and no key was given"""
    done = audit("verify", "--json", *args)
    assert done.returncode in (0, 5, UNPINNED), done.stderr
    report = json.loads(done.stdout)
    assert report["verdict"] == {0: "GOOD", 5: "NOT GOOD", UNPINNED: "UNPINNED"}[done.returncode]
    assert report["good"] == (done.returncode == 0)
    return done.returncode, report


def log_of(server):
    return Path(server.env["TIMEGLAS_AUDIT_LOG"])


def key_of(server):
    return Path(server.env["TIMEGLAS_AUDIT_PUB"]).read_text().strip()


def recorder(server):
    """The pid of its recorder, or None for the moment."""
    return next(
        (
            p
            for p in server.children(server.proc.pid)
            if re.search(r"\brecorder\b", server.title(p))
        ),
        None,
    )


def lines_of(log):
    return [json.loads(line) for line in log.read_text().splitlines()]


def events_of(log):
    return [r for r in lines_of(log) if "event" in r]


def recorded(server, what, blob, timeout=5):
    return wait_for(
        lambda: [
            r
            for r in events_of(log_of(server))
            if r["event"] == what and r.get("tag") == blob["tag"]
        ],
        f"{what} of {blob['tag']} is recorded",
        timeout,
    )[0]


def finished(server, tmp_path):
    """Stops it in order, and returns a copy of its log, beside which those that were rotated and
    its tiles lie, and its public key."""
    log, copy = log_of(server), tmp_path / "audit.log"
    pub = key_of(server)
    server.close_connections()
    family = server.descendants()
    os.kill(server.proc.pid, signal.SIGTERM)
    status = server.proc.wait(10 * SLOW)
    for file in [log, *log.parent.glob("audit.log.0*")]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tiles = tmp_path / f"{log.name}.tiles"
    shutil.rmtree(tiles, ignore_errors=True)  # another server's, of a log of that name
    shutil.copytree(f"{log}.tiles", tiles)
    server.check_gone(status, family)
    return copy, pub


def root_of(leaves):
    """The root of a tree, as RFC 9162 defines it."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256().digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root_of(leaves[:k]) + root_of(leaves[k:])).digest()


class Forger:
    """Writes chains as a recorder would, with a key of its own."""

    def __init__(self, folder):
        self.dir = Path(folder)
        subprocess.run(
            ["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.dir / "k"], check=True
        )
        der = subprocess.run(
            ["openssl", "pkey", "-in", self.dir / "k", "-pubout", "-outform", "DER"],
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
        self.public = der[-32:].hex()

    def sign(self, message):
        (self.dir / "m").write_bytes(message)
        subprocess.run(
            [
                "openssl", "pkeyutl", "-sign", "-inkey", self.dir / "k", "-rawin", "-in",
                self.dir / "m", "-out", self.dir / "s",
            ],
            check=True,
        )
        return (self.dir / "s").read_bytes().hex()

    def tree(self, text, size, leaves):
        """A checkpoint's line with the root over the lines before it, and its note's signature."""
        told = json.loads(text)
        if "root" not in told:
            return text
        root = root_of(leaves)
        note = f"{told['origin']}\n{size}\n{base64.b64encode(root).decode()}\n"
        text = text.replace(told["root"].encode(), root.hex().encode())
        return text.replace(told["note"].encode(), self.sign(note.encode()).encode())

    def write(self, lines, tree=True):
        """The lines, numbered, hashed and signed anew; their tree, too, if so."""
        out, prev, leaves = [], "0" * 64, []
        for n, line in enumerate(lines, 1):
            text = re.sub(rb'"n":\d+', b'"n":%d' % n, line.rstrip(b"\n"), count=1)
            text = re.sub(rb'"prev":"[0-9a-f]{64}"', b'"prev":"' + prev.encode() + b'"', text)
            if b'"checkpoint"' in text:
                text = re.sub(
                    rb'"key":"[0-9a-f]{64}"', b'"key":"' + self.public.encode() + b'"', text
                )
                if tree:
                    text = self.tree(text, n - 1, leaves)
                signed = text[: text.index(b',"sig":"')]
                text = (
                    signed
                    + b',"sig":"'
                    + self.sign(b"timeglas-checkpoint-v1\n" + signed).encode()
                    + b'"}'
                )
            prev = hashlib.blake2b(text, digest_size=32).hexdigest()
            leaves.append(hashlib.sha256(b"\0" + text).digest())
            out.append(text + b"\n")
        return b"".join(out)
