"""Promise 2: every way in which a blob ends, or never begins, leaves nothing of it in Redis."""
import os
import signal
import time

import pytest

from harness import SLOW, wait_for
from problems import check_problem
from test_happy import moment
from wire import Closed, chunk


def test_expired_blob_is_unreadable_and_physically_gone(launch):
    """TTL of 2 s: readable before, 410 expired after, and its keys are out of Redis (DBSIZE, then
    SCAN) soon after."""
    server = launch(workers=1)
    empty = server.dbsize()
    stored = [server.put_ok(server.sealed(size), ttl=2) for size in (300, 1_300_000)]
    blobs = [b["blob"] for b in stored]
    assert server.stat(blobs[0]).json()["state"] == "live"
    full = server.dbsize()
    assert full >= empty + 5, "a small blob's chunk and four of a large one's"
    wait_for(lambda: server.dbsize() <= full - 5, "chunks are physically gone", 4.5)
    assert (
        time.time() - moment(stored[1]["deadline"]) < 0.5 * SLOW
    ), "at their deadline, not some time later"
    wait_for(
        lambda: not [line for line in server.store_lines() if ":dl b:" in line],
        "the reaper has ended them, before anybody asks",
        3,
    )
    assert not server.chunks()
    for blob in blobs:
        check_problem(server.take(blob), 410, "gone", "expired")
        assert server.stat(blob).json()["cause"] == "expired"


def test_nobody_reads_a_blob_at_its_deadline(server):
    """Erased means unreadable at once: takes right after the deadline fail, whether the reaper came
    by or not."""
    blob = server.put_ok(server.sealed(300), ttl=1)
    deadline = moment(blob["deadline"])
    seen = []

    def ended():
        asked_at, state = time.time(), server.stat(blob["blob"]).json()["state"]
        seen.append((asked_at, time.time(), state))
        return state == "gone"

    wait_for(ended, "the blob ends", 3, 0.01)
    assert all(state == "gone" for asked_at, _, state in seen if asked_at > deadline + 0.001), seen
    assert all(state == "live" for _, _, state in seen[:-1])
    assert seen[-1][1] > deadline - 0.002, "it was not ended before"
    check_problem(server.take(blob["blob"]), 410, "gone", "expired")


def test_redis_would_drop_each_chunk_by_itself(server):
    """Every chunk carries Redis's own expiry: with all of timeglas dead, nothing outlives it."""
    blob = server.put_ok(server.sealed(1_000_000), ttl=100)["blob"]
    for key in server.chunks(blob):
        assert 0 < int(server.redis("PTTL", key)) <= 105_000
    assert len(server.chunks(blob)) == 4
    with server.connect() as conn:
        conn.send(server.upload_head(1_000_000) + server.sealed(1_000_000)[:400_000])
        keys = wait_for(
            lambda: set(server.chunks()) - set(server.chunks(blob)),
            "a chunk of the upload under way",
        )
        for key in keys:
            assert 0 < int(server.redis("PTTL", key)) <= 86_405_000
    assert server.erase(blob).status == 200


def test_tombstone_holds_no_blob_byte(server):
    """What remains of an ended blob is small, names no content, and expires by itself within a
    day."""
    body = server.sealed(3000)
    blob = server.put_ok(body)["blob"]
    assert server.take(blob).body == body
    left = {line.split(" ")[0] for line in server.store_lines() if blob in line}
    assert left
    for key in left:
        assert int(server.redis("MEMORY", "USAGE", key)) < 2048
        assert 0 < int(server.redis("PTTL", key)) <= 86_400_000
        dump = server.redis("--no-raw", "DUMP", key)
        assert "age-encryption" not in dump


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("sent", [30, 30_000, 500_000])
def test_client_that_vanishes_mid_upload_leaves_nothing(server, nothing_new, how, chunked, sent):
    """An upload broken off by its client is erased at once, not at a deadline."""
    body = server.sealed(900_000)
    with server.connect() as conn:
        framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", len(body))
        conn.send(
            conn.head("POST", "/v1/blobs", server.upload_fields() + [framing])
            + (chunk(body, 10_000) if chunked else body)[:sent]
        )
        if sent > 100_000:
            wait_for(server.chunks, "a chunk is staged", 5)
        conn.reset() if how == "reset" else conn.close()
    nothing_new()
    assert server.metric("timeglas_uploads") == 0


def test_client_that_vanishes_mid_take_leaves_nothing(server):
    """At most once: what a broken take has not sent is erased, and the blob counts as consumed."""
    body = server.sealed(20_000_000)
    blob = server.put_ok(body)["blob"]
    with server.connect("verifier", rcvbuf=65536) as conn:
        conn.send(conn.head("POST", f"/v1/blobs/{blob}/take"))
        status, _, _ = conn.response_head()
        assert status == 200
        assert server.chunks(blob), "it has not been sent whole"
        conn.reset()
    wait_for(lambda: not server.chunks(blob), "the rest is erased", 5)
    check_problem(server.take(blob, "verifier2"), 410, "gone", "consumed")


def test_blob_being_taken_is_unreachable_to_others(server):
    """Before the first byte is sent nobody else can reach it; once the reader has all of it, it is
    consumed."""
    body = server.sealed(20_000_000)
    blob = server.put_ok(body)["blob"]
    with server.connect("verifier", rcvbuf=65536) as conn:
        conn.send(conn.head("POST", f"/v1/blobs/{blob}/take"))
        _, _, fields = conn.response_head()
        other = server.take(blob, "verifier2")
        assert other.status in (409, 410), other
        assert server.stat(blob).json()["state"] in ("claimed", "gone")
        assert conn.content(fields) == body
    wait_for(lambda: server.stat(blob).json().get("cause") == "consumed", "it is consumed", 3)
    assert not server.chunks(blob)


def test_killed_worker_is_replaced(abandoned):
    """kill -9 of the only worker in the middle of an upload: it is started anew and serves."""
    server, _ = abandoned

    def serves():
        try:
            return server.put(server.sealed(300), ttl=1).status == 201
        except (OSError, Closed):
            return False

    wait_for(serves, "a new worker serves", 10)
    assert server.metric("timeglas_process_restarts_total") >= 1


def test_killed_worker_loses_no_blob(launch):
    """kill -9 of one of two workers: what was stored is still there, and all connections are served
    again."""
    server = launch(workers=2)
    body = server.sealed(100_000)
    blob = server.put_ok(body)["blob"]
    victim = server.workers()[0]
    os.kill(victim, signal.SIGKILL)
    wait_for(
        lambda: len(server.workers()) == 2 and victim not in server.workers(), "a new worker", 10
    )

    def all_serve():
        try:
            return all(server.call("GET", "/v1/policy").status == 200 for _ in range(8))
        except (OSError, Closed):
            return False

    wait_for(all_serve, "both serve", 10)
    assert server.take(blob).body == body


@pytest.mark.slow
def test_leftovers_of_a_killed_worker_are_erased(abandoned):
    """What a killed worker had staged is gone once the stage deadline (30 s after the last byte) is
    over."""
    server, killed_at = abandoned
    left = max(1.0, killed_at + 36 - time.monotonic())
    wait_for(
        lambda: not server.chunks(), lambda: f"the leftovers are gone: {server.chunks()}", left, 0.2
    )
    wait_for(
        lambda: not [line for line in server.store_lines() if " b:" in line],
        "the index entry, too",
        3,
    )
    assert server.put(server.sealed(300)).status == 201
