"""A signed upload whose answer is lost is sent again under its name, without a key, until it is
answered: one blob each, whole, whatever became of the attempts before."""
import base64
import os
import random
import re
import signal
import ssl
import time
from collections import Counter

import pytest

from harness import digest, let_pass, seal, wait_for
from wire import Closed, chunk

SIZES = [700, 30_000, 64_000, 70_000, 200_000, 700_000]
# the late-write sweep looks 60 s after an abort, and an upload that nobody goes on with is ended 30
# s after its last byte
SWEPT_S = 120
LOST = (Closed, OSError, ssl.SSLError)


class Upload:
    """One content under one name, and the request that is sent again and again."""

    def __init__(self, server, i, rng, sessions):
        self.server, self.rng = server, rng
        self.content = os.urandom(SIZES[i % len(SIZES)])
        self.body = seal(server.env["TIMEGLAS_RECIPIENT"], self.content)
        self.name = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        self.chunked = rng.choice([0, 0, 20_000])
        self.fields = [
            *server.upload_fields(
                session=rng.choice(sessions), content_digest=digest(self.body) if i % 2 else None
            ),
            ("Timeglas-Name", self.name),
        ]
        self.stored, self.attempts = None, Counter()

    def request(self, conn):
        framing = (
            ("Transfer-Encoding", "chunked") if self.chunked else ("Content-Length", len(self.body))
        )
        return conn.head("POST", "/v1/blobs", [*self.fields, framing]) + (
            chunk(self.body, self.chunked) if self.chunked else self.body
        )

    def lose(self, how):
        """An attempt whose answer never arrives."""
        try:
            with self.server.connect() as conn:
                whole = self.request(conn)
                if how in ("answer", "store"):
                    conn.send(whole)
                else:
                    conn.send(whole[: self.rng.randrange(1, len(whole))])
                let_pass(
                    self.rng.choice([0, 0, 0.001, 0.003, 0.01, 0.05]), "a repeat at a random moment"
                )
                if how == "worker":
                    os.kill(
                        self.rng.choice(wait_for(self.server.workers, "a worker")), signal.SIGKILL
                    )
                elif how == "store":
                    self.server.redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                if self.rng.random() < 0.6:
                    conn.reset()
        except LOST:
            pass
        self.attempts[how] += 1

    def answered(self):
        """The same again: its answer, or None where there is none yet."""
        try:
            answer = self.server.call(
                "POST", "/v1/blobs", fields=self.fields, body=self.body, chunked=self.chunked
            )
        except LOST:
            return None
        self.attempts[answer.status] += 1
        assert (
            answer.status in (200, 201, 503) or answer.json()["type"] == "/problems/in-flight"
        ), answer
        return answer if answer.status in (200, 201) else None


def keys_of(server, uploads):
    """What holds bytes in the store (blobs, or attempts), and what should."""
    expected = {u.stored for u in uploads}
    key = re.compile(r":b:(.+)$|:c:(.+):\d+$")
    return {key.search(k).expand(r"\1\2") for k in server.chunks()}, expected


def check_whole(u):
    """Live, and what its reader gets is the content. Ends it."""
    server = u.server
    assert server.stat(u.stored).json()["state"] == "live", u.attempts
    claim = server.claim_ok(u.stored)["claim"]
    body = server.read_claim(claim).body
    assert body == u.body and server.opened(body) == u.content
    receipt = server.ack(claim).json()
    again = u.answered()
    assert (
        again.status == 200 and again.json()["state"] == "gone" and again.json()["blob"] == u.stored
    )
    return receipt["tag"]


def repeat(server, count, seed, watch_s):
    rng = random.Random(seed)
    sessions = [None, None, server.session(idle_s=3600)["session"]]
    uploads = [Upload(server, i, rng, sessions) for i in range(count)]
    for i, u in enumerate(uploads):
        for _ in range(rng.choice([1, 1, 2, 4])):
            u.lose(
                "worker"
                if i % 20 == 7
                else "store" if i % 20 == 3 else rng.choice(["request", "request", "answer"])
            )
        answer = wait_for(u.answered, "the repeated upload is answered", 40)
        u.stored = answer.json()["blob"]
        assert u.stored[2:] == u.name
    print(f"{count} uploads: {sum((u.attempts for u in uploads), Counter())}")
    end = time.monotonic() + watch_s
    while time.monotonic() < end:  # nothing that is still to come may touch them
        assert {
            u.stored for u in uploads if server.stat(u.stored).json()["state"] != "live"
        } == set()
        have, expected = keys_of(server, uploads)
        assert not expected - have
        let_pass(min(5, end - time.monotonic()), "the load goes on for its time")
    wait_for(
        lambda: not server.chunks()
        or not keys_of(server, uploads)[0] - keys_of(server, uploads)[1],
        "nothing but them is left",
        max(2, 90 - watch_s),
    )
    tags = [check_whole(u) for u in uploads]
    assert not server.chunks()
    aborted = 0
    for u, tag in zip(uploads, tags):
        stored = server.evidence("stored", tag=tag)
        ends = server.evidence("gone", count=len(stored), tag=tag)
        # What was committed when its connection broke has been told to nobody, and ended as
        # aborted: the blob that was told of is the last, and the only one that was read.
        assert [e["cause"] for e in ends] == ["aborted"] * (len(ends) - 1) + ["consumed"] and len(
            stored
        ) == len(ends), (u.attempts, stored, ends)
        aborted += len(ends) - 1
    print(f"{aborted} were committed, told to nobody, and ended before they were stored anew")


def test_repeated_uploads_are_one_blob_each(launch):
    """Ten uploads, cut in the request, before the answer, by a worker's death and by a broken
    store: each is one whole blob in the end."""
    repeat(launch(workers=2), 10, 20261129, 1)


@pytest.mark.long
def test_repeated_uploads_are_one_blob_each_and_stay_it(launch):
    """200 of them, watched for 120 s, while what is left of the attempts before is aborted and
    swept."""
    repeat(launch(workers=2), 200, 20261130, SWEPT_S)
