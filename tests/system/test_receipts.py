"""GET /v1/receipts/{event}: whoever has to do with a blob gets a proof of its end that stands
alone, whatever ended it, and nobody else learns that there is one."""
import os
import signal
import time

import pytest

from audit import audit, key_of, log_of, recorded, recorder
from harness import SLOW, wait_for
from problems import check_problem
from redis_store import FIT

UNKNOWN = "3f-1700000000000-0"


def receipt(server, event, peer="uploader"):
    return server.call("GET", f"/v1/receipts/{event}", peer)


def proof(server, event, peer="uploader", timeout=5):
    """The proof, once it is ready."""

    def ready():
        answer = receipt(server, event, peer)
        assert answer.status in (200, 202), answer.body
        assert answer.status == 200 or answer["Retry-After"] == "1"
        return answer if answer.status == 200 else None

    return wait_for(ready, f"a proof of {event}", timeout)


def end_of(server, blob):
    """The event that told of a blob's end, as its uploader learns it."""

    def ended():
        stat = server.stat(blob["blob"]).json()
        return stat["event"] if stat["state"] == "gone" else None

    return wait_for(ended, f"{blob['blob']} has ended", 5)


def check(server, answer, tmp_path, blob, cause):
    """Our own program, to which the key was given before, takes it for good."""
    assert len(answer.body) <= 4096
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    file = tmp_path / "receipt"
    file.write_bytes(answer.body)
    done = audit("receipt", file, "--key", key_of(server))
    assert done.returncode == 0, done.stdout + done.stderr
    assert blob["tag"].encode() in done.stdout and cause.encode() in done.stdout, done.stdout


@pytest.fixture(scope="module")
def receipts():
    from harness import Server

    server = Server(workers=2)
    yield server
    server.stop()


def erased(server, **fields):
    blob = server.put_ok(server.sealed(300), **fields)
    return blob, server.erase(blob["blob"]).json()["event"]


def test_proof_is_for_those_who_have_to_do_with_the_blob(receipts, tmp_path):
    blob = receipts.put_ok(receipts.sealed(300))
    taken(receipts, blob)
    event = end_of(receipts, blob)
    for peer in ("uploader", "verifier", "operator"):
        check(receipts, proof(receipts, event, peer), tmp_path, blob, "consumed")
    for peer in ("verifier2", "processor"):
        ours, none = receipt(receipts, event, peer), receipt(receipts, UNKNOWN, peer)
        check_problem(ours, 404, "not-found")
        assert ours.json()["detail"] == none.json()["detail"], "nobody learns that there is one"
    _, event = erased(receipts)
    proof(receipts, event)
    check_problem(receipt(receipts, event, "verifier"), 404, "not-found")


@pytest.mark.parametrize(
    "event",
    [
        UNKNOWN,
        "40-1700000000000-0",
        "00-18446744073709551615-18446744073709551615",
        "00-1",
        "0" * 300,
        "..",
    ],
)
def test_unknown_event_is_not_found(receipts, event):
    wait_for(lambda: receipt(receipts, event).status == 404, "it is not found", 5)


def taken(server, blob):
    assert server.take(blob["blob"]).status == 200


def acked(server, blob):
    assert server.ack(server.claim_ok(blob["blob"])["claim"]).status == 200


def deleted(server, blob):
    assert server.erase(blob["blob"]).status == 200


def claimed(server, blob):
    server.claim_ok(blob["blob"], lease_s=1)


@pytest.mark.parametrize(
    "end, cause, ttl",
    [
        (taken, "consumed", 600),
        (acked, "consumed", 600),
        (deleted, "erased", 600),
        (claimed, "lease-expired", 600),
        (None, "expired", 1),
    ],
)
def test_each_end_has_a_proof(receipts, tmp_path, end, cause, ttl):
    blob = receipts.put_ok(receipts.sealed(300), ttl=ttl)
    if end:
        end(receipts, blob)
    event = end_of(receipts, blob)
    check(receipts, proof(receipts, event), tmp_path, blob, cause)


def test_proof_is_ready_within_a_second_and_a_half(receipts):
    slowest = 0
    for _ in range(5):
        _, event = erased(receipts)
        began = time.monotonic()
        proof(receipts, event)
        slowest = max(slowest, time.monotonic() - began)
    assert slowest <= 1.5 * SLOW


def test_proof_is_there_after_rotation(launch, tmp_path):
    """In a rotated file, and of a tree that has grown over several."""
    server = launch(workers=1, options=[("server.audit_rotate_bytes", 65536)])
    blob, event = erased(server)
    first = proof(server, event).body
    log = log_of(server)

    def rotated():
        for _ in range(20):
            erased(server)
        return len(list(log.parent.glob("audit.log.0*"))) >= 2

    wait_for(rotated, "two files are full", 30)
    again = proof(server, event)
    check(server, again, tmp_path, blob, "erased")
    assert again.body != first, "the tree has grown"
    last, event = erased(server)
    check(server, proof(server, event), tmp_path, last, "erased")


def test_recorder_that_is_away_is_a_503(launch, tmp_path):
    """Stopped, then killed; its successor proves what the one before has recorded."""
    server = launch(workers=1)
    blob, event = erased(server)
    proof(server, event)
    pid = recorder(server)
    os.kill(pid, signal.SIGSTOP)
    answer = receipt(server, event)
    check_problem(answer, 503, "no-evidence")
    assert answer["Retry-After"] == "1"
    os.kill(pid, signal.SIGKILL)
    answer = wait_for(
        lambda: (lambda a: a if a.status == 200 else None)(receipt(server, event)),
        "the next one proves it",
        10,
    )
    check(server, answer, tmp_path, blob, "erased")


def test_recorder_without_the_lease_is_a_503(store, launch, tmp_path):
    """Two servers, one store: the one whose recorder writes has the proof."""
    external = store(*FIT)
    servers = []
    for _ in range(2):
        servers.append(launch(workers=1, options=[("store.url", f"unix://{external.socket}")]))
        servers[-1].env.pop("TIMEGLAS_REDIS_SOCKET")
    first, second = servers
    blob, event = erased(second)
    recorded(first, "gone", blob)
    check(first, proof(first, event), tmp_path, blob, "erased")
    check_problem(receipt(second, event), 503, "no-evidence")


def test_many_requests_do_not_keep_the_recorder_from_recording(launch):
    """A peer that asks without end gets 503; what others do is recorded within a second."""
    server = launch(workers=1)
    _, event = erased(server)
    proof(server, event)
    statuses = []
    with server.connect("verifier") as conn:
        for _ in range(300):
            conn.send(f"GET /v1/receipts/{event} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        blob, _ = erased(server)
        began = time.monotonic()
        recorded(server, "gone", blob)
        assert time.monotonic() - began <= 1 * SLOW
        for _ in range(300):
            statuses.append(conn.response().status)
    assert set(statuses) <= {200, 404, 503}
