"""A log of evidence as a recorder writes it, in memory, and the proofs of its lines
(docs/evidence.md, C2SP tlog-proof): what a malicious server with the true key, or with one of its
own, can make."""
import base64
import hashlib
import json
import subprocess
from pathlib import Path

from audit import Forger, root_of


def tag_of(blob):
    return hashlib.sha256(b"timeglas evidence 1\n" + blob.encode()).hexdigest()[:32]


def path_of(leaves, index):
    """The inclusion proof of a leaf, from the bottom up (RFC 9162, section 2.1.3.1)."""
    if len(leaves) < 2:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if index < k:
        return path_of(leaves[:k], index) + [root_of(leaves[k:])]
    return path_of(leaves[k:], index - k) + [root_of(leaves[:k])]


class Log:
    origin = "timeglas/hostile"

    def __init__(self, folder):
        Path(folder).mkdir(exist_ok=True)
        self.forger, self.lines, self.made = Forger(folder), [], {}
        self.key = f"timeglas-audit1{self.forger.public}"
        self.named = {}
        self.add(event="attestation")

    def add(self, **members):
        """Appends a record with these members, in the order of docs/evidence.md; its index."""
        n = len(self.lines) + 1
        record = {"n": n, "time": members.pop("time", "2026-11-22T12:00:00.123Z"), **members}
        self.lines.append(
            json.dumps({**record, "prev": f"{n:064x}"}, separators=(",", ":")).encode()
        )
        return n - 1

    def end(self, name, blob, event="00-1-1", cause="erased", what="gone"):
        """Appends the end of a blob, and gives it a name."""
        self.named[name] = self.add(
            id=event, event=what, tag=tag_of(blob), kind="liveness", dk=False, cause=cause,
            uploader="uploader", by="uploader",
        )

    def proof_of(self, name):
        """The proof of a line that was given a name, in the tree of all lines."""
        if name not in self.made:
            self.made[name] = self.make(self.named[name], len(self.lines))
        return self.made[name]

    def erased(self, name, subject, event):
        """Appends the erasure of a subject, and gives it a name."""
        self.named[name] = self.add(
            id=event, event="subject-erased", subject=subject, uploader="uploader", by="uploader",
            more={"count": "1", "method": "overwrite"},
        )

    def name_of(self, event):
        return next(
            (n for n, i in self.named.items() if json.loads(self.lines[i])["id"] == event), None
        )

    def make(self, index, size):
        leaves = [hashlib.sha256(b"\0" + line).digest() for line in self.lines[:size]]
        head = f"{self.origin}\n{size}\n{base64.b64encode(root_of(leaves)).decode()}\n"
        public = bytes.fromhex(self.forger.public)
        key_id = hashlib.sha256(f"{self.origin}\n\1".encode() + public).digest()[:4]
        signature = base64.b64encode(key_id + bytes.fromhex(self.forger.sign(head.encode())))
        path = [base64.b64encode(p).decode() for p in path_of(leaves, index)]
        return "\n".join(
            [
                "c2sp.org/tlog-proof@v1",
                f"extra {base64.b64encode(self.lines[index]).decode()}",
                f"index {index}",
                *path,
                "",
                f"{head}",
                f"\u2014 {self.origin} {signature.decode()}",
                "",
            ]
        ).encode()
