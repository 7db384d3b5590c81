"""Uploaders and verifiers that go on whatever happens to the server, and tell the ledger what they
were told.

Real TLS clients, one connection each. What became of a request whose answer is lost is unknown: an
upload, a claim or an ack under an Idempotency-Key is repeated; a take is offered to both verifiers,
who must not both have it."""
import hashlib
import heapq
import itertools
import json
import os
import queue
import random
import subprocess
import threading
import time
import traceback

from evidence import moment
from ledger import Blob
from wire import Closed, Conn, Response

TIMEOUT_S = 20  # a server that is silent for that long counts as wrong
RETRY_S = 0.03
VERIFIERS = ("verifier", "verifier2")


class Envelopes:
    """Bodies that are all different: one header of the age command's, and random bytes in the form
    of a payload (a server without a key cannot tell)."""

    def __init__(self, recipient):
        sealed = subprocess.run(
            ["age", "-r", recipient], input=b"x", stdout=subprocess.PIPE, check=True
        ).stdout
        self.header = sealed[: sealed.index(b"\n", sealed.index(b"\n--- ") + 1) + 1]

    def make(self, size):
        length = max(17, size)
        if length % 65552 in range(1, 17):
            length += 17
        return self.header + os.urandom(16 + length)


class Offers:
    """What the verifiers are to do next: by peer, in the order of time."""

    def __init__(self):
        self.queues = {peer: queue.PriorityQueue() for peer in VERIFIERS}
        self.number = itertools.count()
        self.open = 0  # offered and not done
        self.lock = threading.Lock()

    def offer(self, blob, how, peers, at=0.0):
        for peer in peers:
            with self.lock:
                self.open += 1
            self.queues[peer].put((at, next(self.number), how, blob))

    def next(self, peer):
        """(how, blob), or None when there is nothing to do yet."""
        try:
            item = self.queues[peer].get(timeout=0.05)
        except queue.Empty:
            return None
        if item[0] > time.time():
            self.queues[peer].put(item)
            time.sleep(0.005)
            return None
        return item[2], item[3]

    def done(self):
        with self.lock:
            self.open -= 1


class Client(threading.Thread):
    def __init__(self, load, peer, name, seed):
        super().__init__(name=name, daemon=True)
        self.load, self.peer, self.ledger = load, peer, load.ledger
        self.rng = random.Random(f"{seed}/{name}")
        self.conn = None
        self.asked = False  # the last request may have reached the server

    def run(self):
        try:
            while self.step():
                pass
        except Exception:  # whatever ends a client early must fail the run
            self.ledger.violation(f"{self.name}: {traceback.format_exc()}")
        self.drop()

    def drop(self, reset=False):
        if self.conn:
            self.conn.reset() if reset else self.conn.close()
        self.conn = None

    def connected(self):
        if self.conn is None:
            self.conn = Conn(self.load.address, self.load.contexts[self.peer], timeout=TIMEOUT_S)
        return self.conn

    def lost(self, what, error):
        self.drop()
        if isinstance(error, TimeoutError):
            self.ledger.violation(f"{self.name}: {what}: no answer in {TIMEOUT_S} s")
        self.ledger.count(
            "connection refused" if isinstance(error, ConnectionRefusedError) else "answer lost"
        )

    def exchange(self, method, target, fields=(), body=None, on_head=None):
        """The answer, or None when there is none. on_head(status) is called before its content is
        read."""
        self.asked = False
        try:
            conn = self.connected()
            self.asked = True
            fields = [*fields, ("Content-Length", len(body))] if body is not None else fields
            conn.send(conn.head(method, target, fields))
            if body:
                conn.send_until_answered(body)
            status, reason, head = conn.response_head()
            if on_head:
                on_head(status)
            answer = Response(status, reason, head, conn.content(head))
            if conn.broken or "close" in answer.all("Connection"):
                self.drop()
            return answer
        except (Closed, OSError) as e:
            self.lost(f"{method} {target}", e)
            return None

    def persist(self, until, wanted, *request):
        """Repeats a request under an Idempotency-Key until the answer is not "not now"; None when
        time is over."""
        while True:
            answer = self.exchange(*request)
            if answer is not None and answer.status not in (409, 429, 503):
                return answer
            if (
                answer is not None
                and answer.status == 409
                and answer.json()["type"] != "/problems/in-flight"
            ):
                return answer
            if answer is not None and answer.status == 503:
                self.ledger.count("503")
            if time.time() > until or self.load.hurry.is_set():
                self.ledger.count(f"{wanted}: given up")
                return None
            time.sleep(self.rng.uniform(0, 2 * RETRY_S))

    def unexpected(self, what, answer):
        self.ledger.violation(f"{self.name}: {what}: {answer!r}")


class Uploader(Client):
    def __init__(self, *args):
        super().__init__(*args)
        self.session, self.session_left = None, 0
        self.erasures = []

    def step(self):
        if self.load.stop_uploads.is_set():
            return False
        if self.erasures and self.erasures[0][0] <= time.time():
            self.erase(heapq.heappop(self.erasures)[2])
        what = self.rng.random()
        if what < 0.03:
            self.break_off()
        elif what < 0.25:
            self.upload_bound()
        else:
            self.upload("liveness" if what < 0.7 else "passport", None)
        time.sleep(self.rng.uniform(0, 2 * self.load.pause_s))
        return True

    def size(self):
        low, high = self.rng.choices(
            [(200, 60_000), (65_000, 330_000), (330_000, 900_000)], [75, 20, 5]
        )[0]
        return self.rng.randrange(low, high)

    def upload_bound(self):
        if self.session is None:
            idle = json.dumps({"idle_s": self.rng.randrange(1, 4)}).encode()
            answer = self.exchange("POST", "/v1/sessions", (), idle)
            if answer is None or answer.status == 503:
                return
            if answer.status != 201:
                self.unexpected("open a session", answer)
            self.session, self.session_left = answer.json()["session"], self.rng.randrange(1, 12)
        self.upload("danish", self.session)
        self.session_left -= 1
        if self.session and self.session_left == 0:
            if self.rng.random() < 0.6:
                self.close()
            self.session = None  # or it ends by being idle

    def close(self):
        answer = self.exchange("DELETE", f"/v1/sessions/{self.session}")
        if answer is not None and answer.status == 200:
            for receipt in answer.json()["receipts"]:
                self.ledger.receipt(receipt)
        elif answer is not None and answer.status != 503:
            self.unexpected("close a session", answer)

    def erase(self, blob):
        answer = self.exchange("DELETE", f"/v1/blobs/{blob.id}")
        if answer is not None and answer.status == 200:
            self.ledger.receipt(answer.json())
        elif answer is not None and answer.status not in (410, 503):
            self.unexpected("erase", answer)

    def break_off(self):
        """Vanish in the middle of an upload."""
        try:
            conn = self.connected()
            body = self.load.envelopes.make(self.rng.randrange(100_000, 400_000))
            conn.send(
                conn.head(
                    "POST",
                    "/v1/blobs",
                    [("Timeglas-Kind", "liveness"), ("Content-Length", len(body))],
                )
                + body[: self.rng.randrange(1, len(body))]
            )
        except (Closed, OSError) as e:
            self.lost("an upload", e)
        self.drop(reset=self.rng.random() < 0.5)
        self.ledger.count("uploads broken off")

    def upload(self, kind, session):
        fate = self.rng.choices(
            ["expire", "late", "take", "race", "claim", "erase"], [25, 15, 20, 15, 17, 8]
        )[0]
        ttl = self.rng.randrange(1, 4) if fate in ("expire", "late") else self.load.ttl_s
        key = os.urandom(12).hex() if self.rng.random() < 0.6 else None
        fields = {
            "liveness": [("Timeglas-Kind", "liveness")],
            "passport": [("Timeglas-Kind", "passport"), ("Timeglas-Issuer", "SWE")],
            "danish": [
                ("Timeglas-Kind", "passport"),
                ("Timeglas-Issuer", "DNK"),
                ("Timeglas-Session", session),
            ],
        }[kind]
        fields = fields + [("Timeglas-Ttl", ttl)] + ([("Idempotency-Key", key)] if key else [])
        body = self.load.envelopes.make(self.size())
        self.ledger.count("uploads tried")
        request = ("POST", "/v1/blobs", fields, body)
        answer = (
            self.persist(time.time() + self.load.ttl_s, "upload", *request)
            if key
            else self.exchange(*request)
        )
        if answer is None or answer.status == 503:
            return
        if answer.status == 422 and session:  # it has been idle for too long
            self.session = None
            return
        if answer.status not in (200, 201):
            self.unexpected("upload", answer)
        elif "deadline" in answer.json():
            self.acknowledged(answer.json(), body, session, fate)
        else:
            self.ledger.count("uploads that had ended before their answer")

    def acknowledged(self, told, body, session, fate):
        blob = self.ledger.stored(
            Blob(
                told["blob"], told["tag"], moment(told["deadline"]),
                hashlib.sha256(body).hexdigest(), len(body), session or "",
            )
        )
        self.ledger.count("uploads acknowledged")
        now, offer = time.time(), self.load.offers.offer
        one, some = [self.rng.choice(VERIFIERS)], VERIFIERS[: self.rng.randrange(1, 3)]
        if fate == "late":
            offer(blob, "take", some, blob.deadline + self.rng.uniform(0.003, 0.8))
        elif fate == "take":
            offer(blob, "take", one, now + self.rng.uniform(0, 1))
        elif fate == "race":
            offer(
                blob, self.rng.choice(["take", "claim"]), VERIFIERS, now + self.rng.uniform(0, 0.3)
            )
        elif fate == "claim":
            offer(blob, "claim", some, now + self.rng.uniform(0, 0.5))
        elif fate == "erase":
            heapq.heappush(
                self.erasures, (now + self.rng.uniform(0, 2), next(self.load.offers.number), blob)
            )


class Verifier(Client):
    def step(self):
        task = self.load.offers.next(self.peer)
        if task is None:
            return not self.load.stop_verifiers.is_set()
        getattr(self, task[0])(task[1])
        self.load.offers.done()
        return True

    def whole(self, blob, content):
        if hashlib.sha256(content).hexdigest() != blob.sha256:
            self.ledger.violation(
                f"{blob.tag}: {self.peer} received other bytes than were uploaded"
            )

    def refused(self, what, blob, answer):
        """A refusal that may be: 409 and 410. Anything else, and a 404 above all, is wrong."""
        if answer.status in (409, 410):
            self.ledger.count(f"{what} refused with {answer.status}")
        elif answer.status == 503:
            self.ledger.count("503")
            self.load.offers.offer(blob, what, [self.peer], time.time() + RETRY_S)
        else:
            self.unexpected(f"{what} of {blob.tag}", answer)

    def take(self, blob):
        asked_at, seen = time.time(), []

        def on_head(status):
            seen.append(status)
            if status == 200:
                self.ledger.first_byte(blob, self.peer, "take", None, asked_at, blob.deadline)

        answer = self.exchange("POST", f"/v1/blobs/{blob.id}/take", on_head=on_head)
        if answer is None and not self.asked:
            self.load.offers.offer(
                blob, "take", [self.peer], time.time() + self.rng.uniform(0, 4 * RETRY_S)
            )
        elif answer is None:
            self.ledger.count("takes cut off" if 200 in seen else "takes without an answer")
            self.load.offers.offer(
                blob, "take", VERIFIERS, time.time() + self.rng.uniform(0, 4 * RETRY_S)
            )
        elif answer.status == 200:
            self.ledger.count("takes whole")
            self.whole(blob, answer.body)
        else:
            self.refused("take", blob, answer)

    def claim(self, blob):
        key, asked_at = [("Idempotency-Key", os.urandom(12).hex())], time.time()
        lease = json.dumps({"lease_s": self.rng.randrange(1, 6)}).encode()
        answer = self.persist(
            blob.deadline, "claim", "POST", f"/v1/blobs/{blob.id}/claim", key, lease
        )
        if answer is None:
            return
        if answer.status not in (200, 201):
            self.refused("claim", blob, answer)
            return
        told = answer.json()
        blob.lease_end = moment(told["lease_deadline"])
        self.ledger.first_byte(blob, self.peer, "claim", told["claim"], asked_at, blob.deadline)
        self.ledger.count("claims")
        content = self.read(blob, told["claim"])
        if content is not None:
            self.whole(blob, content)
            self.ledger.count("claims read whole")
        if self.rng.random() < 0.8:
            self.ack(blob, told["claim"])

    def read(self, blob, token):
        """The claim's bytes, resumed as often as need be; None when it has ended meanwhile."""
        have = b""
        while len(have) < blob.size:
            asked_at = time.time()
            status, more = self.part(token, have, cut=self.rng.random() < 0.3)
            if status in (200, 206):
                self.ledger.first_byte(blob, self.peer, "claim", token, asked_at, blob.lease_end)
                have = more if status == 200 else have + more
            elif status == 410:
                self.ledger.count("claims that ended while being read")
                return None
            elif status not in (None, 503):
                self.ledger.violation(f"{blob.tag}: {status} for its claim's bytes")
                return None
            if len(have) < blob.size:
                if time.time() > blob.lease_end + 5:
                    self.ledger.count("claims not read to the end")
                    return None
                self.ledger.count("claims resumed")
                time.sleep(self.rng.uniform(0, RETRY_S))
        return have

    def part(self, token, have, cut):
        """(status or None, the bytes that came before it broke off, by us or by the server)."""
        status, conn = None, None
        try:
            conn = self.connected()
            conn.send(
                conn.head(
                    "GET", f"/v1/claims/{token}", [("Range", f"bytes={len(have)}-")] if have else []
                )
            )
            status, _, fields = conn.response_head()
            need = int(dict((n.lower(), v) for n, v in fields)["content-length"])
            stop = self.rng.randrange(0, need + 1) if cut and status in (200, 206) else need
            while len(conn.buf) < stop:
                conn.more()
            got, conn.buf = conn.buf[:stop], conn.buf[stop:]
            if stop < need:
                self.drop(reset=self.rng.random() < 0.5)
            return status, got
        except (Closed, OSError) as e:
            self.lost("a claim's bytes", e)
            return status, conn.buf if conn and status in (200, 206) else b""

    def ack(self, blob, token):
        key = [("Idempotency-Key", os.urandom(12).hex())]
        answer = self.persist(
            blob.lease_end + 5, "ack", "POST", f"/v1/claims/{token}/ack", key, b'{"outcome":"ok"}'
        )
        if answer is not None and answer.status == 200:
            self.ledger.count("acks")
            self.ledger.receipt(answer.json())
        elif answer is not None and answer.status == 410:
            self.ledger.count("acks that came too late")
        elif answer is not None:
            self.unexpected(f"ack of {blob.tag}", answer)


class Load:
    """uploaders and verifiers: threads of each (verifiers: of each of the two peers)."""

    def __init__(
        self,
        ledger,
        address,
        contexts,
        recipient,
        seed,
        uploaders=4,
        verifiers=3,
        pause_s=0.02,
        ttl_s=8,
    ):
        self.ledger, self.address, self.contexts = ledger, address, contexts
        self.envelopes, self.offers = Envelopes(recipient), Offers()
        self.pause_s, self.ttl_s = pause_s, ttl_s
        self.stop_uploads, self.stop_verifiers, self.hurry = (
            threading.Event(),
            threading.Event(),
            threading.Event(),
        )
        self.uploaders = [
            Uploader(self, "uploader", f"uploader {i}", seed) for i in range(uploaders)
        ]
        self.verifiers = [
            Verifier(self, peer, f"{peer} {i}", seed)
            for peer in VERIFIERS
            for i in range(verifiers)
        ]

    def start(self):
        for thread in self.uploaders + self.verifiers:
            thread.start()

    def finish(self, limit_s=40):
        """No more uploads; what was offered is done; then nobody asks any more."""
        self.stop_uploads.set()
        end = time.monotonic() + limit_s
        while (
            self.offers.open > 0
            and time.monotonic() < end
            and any(v.is_alive() for v in self.verifiers)
        ):
            time.sleep(0.05)
        self.hurry.set()
        self.stop_verifiers.set()
        for thread in self.uploaders + self.verifiers:
            thread.join(TIMEOUT_S + 10)
            if thread.is_alive():
                self.ledger.violation(f"{thread.name} hangs")
