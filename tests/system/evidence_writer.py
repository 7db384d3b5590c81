"""Chains of the evidence, written by the rules of docs/evidence.md without a line of ours: what
somebody with the recorder's key can say."""
import base64
import datetime
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from witness_log import ED25519, DASH, key_id, raw, root_of

T0 = 1_790_000_000_000
MEMBERS = (
    "id", "event", "tag", "kind", "dk", "subject", "size", "deadline", "lease", "cause", "late_us",
    "outcome", "uploader", "to", "by", "session", "reason", "first", "last", "count", "more",
    "prev",
)
TIMES = ("deadline", "lease", "first", "last")


def tag(i):
    return f"{i:032x}"


def time(ms):
    at = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=ms)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def compact(value):
    return json.dumps(value, separators=(",", ":"))


class Chain:
    """begins with a checkpoint; events are 10 ms apart. tree: with the roots of one, as all
    programs but the older ones have"""

    def __init__(self, private=None, origin="log.example/a", epoch="e" * 32, tree=True):
        self.tree = tree
        self.private = private or Ed25519PrivateKey.generate()
        self.public = raw(self.private)
        self.key = "timeglas-audit1" + self.public.hex()
        self.origin, self.epoch = origin, epoch
        self.prev, self.lines, self.leaves, self.pos, self.seq = "0" * 64, [], [], {}, 0
        self.now = T0
        self.check("begin")

    def put(self, text):
        line = text.encode()
        self.prev = hashlib.blake2b(line, digest_size=32).hexdigest()
        self.leaves.append(hashlib.sha256(b"\0" + line).digest())
        self.lines.append(line + b"\n")
        return self

    def head(self, text):
        return f'{{"n":{len(self.lines) + 1},"time":"{time(self.now)}",{text}'

    def check(self, reason="time"):
        root = root_of(self.leaves)
        note = f"{self.origin}\n{len(self.lines)}\n{base64.b64encode(root).decode()}\n"
        signed = self.private.sign(note.encode())
        line = base64.b64encode(key_id(self.origin, ED25519, self.public) + signed).decode()
        self.note = f"{note}\n{DASH}{self.origin} {line}\n"
        tree = f'"origin":"{self.origin}","root":"{root.hex()}","note":"{signed.hex()}",'
        text = self.head(
            f'"checkpoint":"{reason}","epoch":"{self.epoch}",'
            f'"positions":{compact({k: self.pos[k] for k in sorted(self.pos)})},'
            f'"prev":"{self.prev}",{tree if self.tree else ""}"key":"{self.public.hex()}"'
        )
        sig = self.private.sign(b"timeglas-checkpoint-v1\n" + text.encode())
        return self.put(f'{text},"sig":"{sig.hex()}"}}')

    def say(self, event, at=None, shard=0, own=False, **members):
        """own: without an id, as the recorder's own; None leaves a member out"""
        self.now = at if at is not None else self.now + 10
        if not own:
            self.seq += 1
            self.pos[f"{shard:02x}"] = f"{self.now}-{self.seq}"
            members["id"] = f"{shard:02x}-{self.now}-{self.seq}"
        members |= {"event": event, "prev": self.prev}
        told = [
            f'"{k}":{compact(time(members[k]) if k in TIMES else members[k])}'
            for k in MEMBERS
            if members.get(k) is not None
        ]
        return self.put(self.head(",".join(told)) + "}")

    def stored(self, i, ttl_ms=300_000, at=None, **members):
        due = (at if at is not None else self.now + 10) + ttl_ms
        said = {"kind": "video", "dk": False, "size": 1000, "uploader": "up", "to": "ver"}
        self.say("stored", at, tag=tag(i), **(said | {"deadline": due} | members))
        return due

    def gone(self, i, due, cause="erased", at=None, **members):
        said = {"kind": "video", "dk": False, "size": 1000, "uploader": "up", "deadline": due}
        by = {"erased": "up", "consumed": "ver"}.get(cause)
        return self.say("gone", at, tag=tag(i), **(said | {"cause": cause, "by": by} | members))

    def save(self, path):
        path.write_bytes(b"".join(self.lines))
        return path

    def finished(self, path):
        return self.check("exit").save(path)
