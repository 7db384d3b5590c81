"""The clients' own account: what each uploader was told, what each verifier received, and in the
end the verdict over both and the evidence."""
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field

GRACE_S = 0.002  # a millisecond is the API's resolution, and another for asking
ENDS_OF_A_TAKE = {"consumed"}
ENDS_OF_A_CLAIM = {
    "consumed", "lease-expired", "session-closed", "session-idle", "session-expired", "erased",
}


@dataclass
class Blob:
    id: str
    tag: str
    deadline: float  # Unix seconds
    sha256: str
    size: int
    session: str = ""  # bound to it
    readers: dict = field(
        default_factory=dict
    )  # a take's number or a claim's token: (peer, "take" or "claim")
    receipts: list = field(default_factory=list)  # (cause, event)
    lease_end: float = 0.0


class Ledger:
    """Written by all clients' threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.blobs = {}  # by tag
        self.by_id = {}
        self.counts = Counter()
        self.violations = []
        self.takes = 0
        self.receipts = []  # as they were given

    def violation(self, text):
        with self.lock:
            self.violations.append(text)

    def count(self, what, n=1):
        with self.lock:
            self.counts[what] += n

    def stored(self, blob):
        """An uploader was told that it is stored; under an Idempotency-Key perhaps more than
        once."""
        with self.lock:
            known = self.blobs.setdefault(blob.tag, blob)
            self.by_id[blob.id] = known
            if (known.id, known.deadline) != (blob.id, blob.deadline):
                self.violations.append(f"{blob.tag}: two blobs under one tag")
            return known

    def first_byte(self, blob, peer, how, token, asked_at, limit):
        """The head of an answer with the blob's bytes has come. token: of the claim; None: a take.
        limit: when it had to have ended."""
        with self.lock:
            if token is None:
                self.takes += 1
                token = self.takes
            blob.readers[token] = (peer, how)
            if len(blob.readers) > 1:
                readers = sorted(f"{how} by {peer}" for peer, how in blob.readers.values())
                self.violations.append(f"{blob.tag}: delivered {len(readers)} times: {readers}")
            if asked_at > limit + GRACE_S:
                late_ms = 1000 * (asked_at - limit)
                self.violations.append(
                    f"{blob.tag}: {how} answered although asked {late_ms:.0f} ms after its end"
                )

    def receipt(self, answer):
        """A receipt out of an answer's JSON: one that must stand in the evidence just so."""
        with self.lock:
            self.receipts.append(answer)
            blob = self.by_id.get(answer["blob"])
            if blob:
                blob.receipts.append((answer["cause"], answer["event"]))

    # The verdict -----------------------------------------------------------
    def judge(self, events):
        """Compares with the evidence. Returns figures for the summary; what is wrong goes to
        violations."""
        stored, gone = defaultdict(list), defaultdict(list)
        ids = Counter(e.id for e in events)
        for e in events:
            if e.name in ("stored", "gone"):
                (stored if e.name == "stored" else gone)[e.tag].append(e)
        wrong = [f"event {i} stands {n} times in the evidence" for i, n in ids.items() if n > 1]
        wrong += [
            f"{tag}: acknowledged, but not in the evidence"
            for tag in self.blobs
            if tag not in stored
        ]
        wrong += [f"{tag}: {len(x)} times stored" for tag, x in stored.items() if len(x) != 1]
        wrong += [
            f"{tag}: {len(gone.get(tag, ()))} ends: {[e.cause for e in gone.get(tag, ())]}"
            for tag in stored
            if len(gone.get(tag, ())) != 1
        ]
        wrong += [f"{tag}: an end without a beginning" for tag in gone if tag not in stored]
        for tag, blob in self.blobs.items():
            if len(gone.get(tag, ())) == 1:
                wrong += self.contradictions(blob, gone[tag][0])
        self.violations += wrong
        ends = Counter(len(x) for x in gone.values())
        ends[0] = sum(tag not in gone for tag in stored)
        every = [e for x in gone.values() for e in x]
        return {
            "stored": len(stored),
            "unacknowledged": len(set(stored) - set(self.blobs)),
            "causes": Counter(e.cause for e in every),
            "ends_per_blob": +ends,
            "late_us": max((e.late_us for e in every), default=-1),
            "events": len(events),
        }

    @staticmethod
    def contradictions(blob, end):
        """What clients saw of a blob, against its one end."""
        said = (end.cause, end.id)
        wrong = [
            f"{blob.tag}: receipt says {r}, the evidence {said}" for r in blob.receipts if r != said
        ]
        for peer, how in blob.readers.values():
            allowed = ENDS_OF_A_TAKE if how == "take" else ENDS_OF_A_CLAIM
            if end.cause not in allowed or (end.cause == "consumed" and end.by != peer):
                wrong.append(
                    f"{blob.tag}: {peer} read it ({how}), the evidence says {end.cause} by"
                    f" {end.by!r}"
                )
        return wrong
