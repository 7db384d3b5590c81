"""A store that is failed over to a replica that was behind has back what had been consumed and
erased. What the evidence says has ended ends again before anything is read; until then reads are
refused; and the evidence tells what happened."""
import json
import os
import signal
import time
from collections import Counter

import pytest

from audit import events_of, finished, log_of, recorded, recorder, verify
from harness import wait_for
from problems import check_problem
from redis_store import FIT
from test_happy import moment
from test_subjects import Person
from test_takeover import listening, outbox, own, serve  # noqa: F401 (a fixture)

BLOBS = 15


class Pair:
    """A primary and its replica, and the path by which servers reach whichever is the store."""

    def __init__(self, store, folder):
        self.primary, self.replica = store(*FIT, "--repl-diskless-sync-delay", "0"), store(
            *FIT, "--repl-diskless-load", "swapdb"
        )
        self.path = folder / "s"
        self.path.symlink_to(self.primary.socket)
        self.replica.cli("REPLICAOF", "127.0.0.1", str(listening(self.primary)))
        self.same()

    def same(self):
        wait_for(
            lambda: "master_link_status:up" in self.replica.cli("INFO", "replication"),
            "the replica follows",
            10,
        )
        wait_for(
            lambda: outbox(self.primary) == outbox(self.replica) == 0
            and self.replica.cli("DBSIZE") == self.primary.cli("DBSIZE"),
            "it has all",
            5,
        )

    def detach(self):
        """The replica sees nothing from here on."""
        self.replica.cli("REPLICAOF", "NO", "ONE")

    def fail_over(self):
        self.path.unlink()
        self.path.symlink_to(self.replica.socket)
        self.primary.proc.kill()


@pytest.fixture
def pair(store, tmp_path):
    return Pair(store, tmp_path)


def read_again(server, blob, claim=None):
    """How each way of reading it is answered."""
    answers = [server.take(blob, "verifier2"), server.claim(blob, "verifier2"), server.take(blob)]
    return [
        a.status for a in answers + ([server.read_claim(claim), server.ack(claim)] if claim else [])
    ]


def reads_begin(server, blob, timeout=10):
    """Until reads are served again; what was refused until then says why."""

    def tried():
        answer = server.stat(blob)
        if answer.status != 503:
            return answer
        if answer.json()["type"] != "/problems/store-unreachable":
            check_problem(answer, 503, "store-not-compared")
        return None

    return wait_for(tried, "reads are served", timeout)


def reads_wait(server, blob):
    """As soon as its workers are connected: the first answer of the store is that it has not been
    compared."""

    def answered():
        answer = server.take(blob, "verifier2")
        return (
            None
            if answer.status == 503 and answer.json()["type"] == "/problems/store-unreachable"
            else answer
        )

    check_problem(wait_for(answered, "the store answers", 5), 503, "store-not-compared")


def test_what_had_ended_is_refused_after_a_failover(pair, serve, tmp_path):  # noqa: F811
    """15 blobs consumed, claimed and erased while the replica was detached: 15 are refused."""
    server = serve(pair.primary, path=pair.path)
    session = server.session()["session"]
    blobs = [server.put_ok(server.sealed(300)) for _ in range(BLOBS - 2)] + [
        server.put_ok(server.sealed(300), kind="passport", issuer="DNK", session=session),
        server.put_ok(server.sealed(200_000)),
    ]
    kept = server.put_ok(server.sealed(300))
    pair.same()
    pair.detach()
    claims = {}
    for i, blob in enumerate(blobs[: BLOBS - 2]):
        name = blob["blob"]
        if i % 4 == 0:
            assert server.take(name).status == 200
        elif i % 4 == 1:
            assert server.erase(name).status == 200
        else:
            claims[name] = server.claim_ok(name)["claim"]
            assert server.read_claim(claims[name]).status == 200
            if i % 4 == 2:
                assert server.ack(claims[name]).status == 200
    assert server.call("DELETE", f"/v1/sessions/{session}").status == 200
    assert server.take(blobs[-1]["blob"]).status == 200
    for i, blob in enumerate(blobs):
        recorded(server, "claimed" if i < BLOBS - 2 and i % 4 == 3 else "gone", blob)
    pair.fail_over()
    reads_begin(server, kept["blob"])
    served = {b["blob"]: read_again(server, b["blob"], claims.get(b["blob"])) for b in blobs}
    assert not [s for s in served.values() if 200 in s or 201 in s], served
    assert (
        server.call("POST", f"/v1/sessions/{session}/touch").status == 410
    ), "the session has ended again, too"
    assert server.take(kept["blob"]).status == 200, "what had not ended is there"
    recorded(server, "gone", kept)
    log, key = finished(server, tmp_path)
    assert own(log, "store-reverted")
    events = events_of(log)
    ends = Counter(r["tag"] for r in events if r["event"] == "gone")
    claimed_only = [b["tag"] for i, b in enumerate(blobs[: BLOBS - 2]) if i % 4 == 3]
    assert {b["tag"]: ends[b["tag"]] for b in blobs} == {
        b["tag"]: 1 if b["tag"] in claimed_only else 2 for b in blobs
    }
    again = {r["tag"]: r["cause"] for r in events if r.get("more", {}).get("again")}
    assert set(again) == {b["tag"] for b in blobs}
    assert {again[tag] for tag in claimed_only} == {"store-lost"}
    assert (
        again[blobs[0]["tag"]] == again[blobs[-1]["tag"]] == "consumed"
        and again[blobs[1]["tag"]] == "erased"
        and again[blobs[-2]["tag"]] == "session-closed"
    )
    status, report = verify(log, "--key", key)
    assert (
        status, report["good"], report["reverted"], report["second_readers"], report["open"],
    ) == (5, False, 1, 0, 0), report
    assert Counter(f["what"] for f in report["findings"]) == {
        "ended-again": BLOBS - len(claimed_only)
    }


def test_a_freeze_and_an_erasure_outlive_a_failover(pair, serve, tmp_path):  # noqa: F811
    """The replica has heard of neither: before anything is read, what was frozen is frozen again,
    what was released is not, and an upload that began before an erasure stays refused."""
    server = serve(pair.primary, path=pair.path)
    frozen, released, erased = (Person(server) for _ in range(3))
    blobs = {p: p.put(300) for p in (frozen, released, erased)}
    pair.same()
    pair.detach()
    until = frozen.ok("POST", "/freeze")["frozen_until"]
    released.ok("POST", "/freeze")
    released.ok("POST", "/release")
    erased_at = moment(erased.ok("DELETE")["erased_at"])
    server.evidence("subject-frozen", subject=frozen.hash)
    server.evidence("subject-released", subject=released.hash)
    server.evidence("subject-erased", subject=erased.hash)
    pair.fail_over()
    reads_begin(server, blobs[released]["blob"])
    check_problem(server.take(blobs[frozen]["blob"]), 423, "frozen")
    assert frozen.ok("GET")["frozen_until"] == until
    assert released.ok("GET")["frozen_until"] is None
    assert server.take(blobs[released]["blob"]).status == 200
    assert server.take(blobs[erased]["blob"]).status == 410
    mark = float(pair.replica.cli("HGET", erased.key("jf"), "er")) / 1000
    assert mark == pytest.approx(erased_at, abs=0.001)
    frozen.ok("POST", "/release")
    assert server.take(blobs[frozen]["blob"]).status == 200
    recorded(server, "gone", blobs[frozen])
    log, key = finished(server, tmp_path)
    report = verify(log, "--key", key)[1]
    assert {f["what"] for f in report["findings"]} == {"ended-again"}, report


def test_nothing_is_read_before_the_recorder_has_compared(pair, serve, tmp_path):  # noqa: F811
    """The workers of two servers are connected to the replica at once; the recorder of one has the
    lease, and sleeps. Erasing works."""
    server, beside = (serve(pair.primary, path=pair.path) for _ in range(2))
    back, other = (server.put_ok(server.sealed(300)) for _ in range(2))
    claim = server.claim_ok(other["blob"])["claim"]
    pair.same()
    pair.detach()
    assert server.take(back["blob"]).status == 200
    recorded(server, "gone", back)
    pid = recorder(server)
    os.kill(pid, signal.SIGSTOP)
    pair.fail_over()
    wait_for(
        lambda: server.take(back["blob"]).json()["type"] == "/problems/store-not-compared",
        "reads are refused",
        5,
    )
    for answer in (
        server.take(back["blob"]), server.claim(back["blob"]), server.stat(back["blob"]),
        server.read_claim(claim), server.ack(claim),
    ):
        check_problem(answer, 503, "store-not-compared")
    status, text = server.admin("/readyz")
    assert status == 503 and "compared" in text, text
    wait_for(
        lambda: beside.take(back["blob"]).json()["type"] == "/problems/store-not-compared",
        "the other server refuses, too",
        5,
    )
    assert server.erase(other["blob"]).status == 200
    os.kill(pid, signal.SIGCONT)
    assert reads_begin(server, back["blob"], 5).json()["cause"] == "consumed"
    check_problem(server.take(back["blob"]), 410, "gone", "consumed")
    assert reads_begin(beside, back["blob"], 5).json()["cause"] == "consumed"
    wait_for(lambda: server.admin("/readyz")[0] == 200, "it is ready", 5)


def test_a_primary_that_comes_back_is_compared_anew(pair, serve, tmp_path):  # noqa: F811
    """Switched over to the replica, which the old primary follows in part from where it was:
    nothing is loaded anew there. Later it is promoted, and lacks the last."""
    server = serve(pair.primary, path=pair.path)
    back = server.put_ok(server.sealed(300))
    port = listening(pair.replica)
    pair.replica.cli("REPLICAOF", "NO", "ONE")
    pair.replica.cli("REPLICAOF", "127.0.0.1", pair.primary.cli("CONFIG", "GET", "port").split()[1])
    pair.same()
    assert pair.primary.cli("FAILOVER", "TO", "127.0.0.1", str(port)) == "OK"
    wait_for(
        lambda: "master_link_status:up" in pair.primary.cli("INFO", "replication"),
        "the old primary follows",
        10,
    )
    assert "sync_full:0" in pair.replica.cli("INFO", "stats"), "it went on from where it was"
    pair.path.unlink()
    pair.path.symlink_to(pair.replica.socket)
    pair.primary.cli("CLIENT", "KILL", "TYPE", "normal")
    wait_for(lambda: server.admin("/readyz")[0] == 200, "it is ready", 10)
    wait_for(lambda: server.stat(back["blob"]).status == 200, "reads go on", 5)
    pair.primary.cli("REPLICAOF", "NO", "ONE")
    assert server.take(back["blob"]).status == 200
    recorded(server, "gone", back)
    pid = recorder(server)
    os.kill(pid, signal.SIGSTOP)
    pair.path.unlink()
    pair.path.symlink_to(pair.primary.socket)
    pair.replica.proc.kill()
    reads_wait(server, back["blob"])
    os.kill(pid, signal.SIGCONT)
    assert reads_begin(server, back["blob"]).json()["cause"] == "consumed"


def test_who_is_killed_before_all_has_ended_again_begins_anew(pair, serve, tmp_path):  # noqa: F811
    """What had ended cannot be found at first; the recorder is killed. Nothing is read before all
    of it was ended, and no end is recorded three times."""
    server = serve(pair.primary, path=pair.path)
    blobs = [server.put_ok(server.sealed(300)) for _ in range(4)]
    pair.same()
    pair.detach()
    for blob in blobs:
        assert server.take(blob["blob"]).status == 200
        recorded(server, "gone", blob)
    pair.replica.cli("ACL", "SETUSER", "default", "-zscan")
    pair.fail_over()
    wait_for(
        lambda: "cannot use the store" in server.admin("/readyz")[1],
        "the recorder says that it cannot go on",
        5,
    )
    os.kill(recorder(server), signal.SIGKILL)
    wait_for(lambda: "cannot use the store" in server.admin("/readyz")[1], "and its successor", 5)
    refused = (
        "/problems/store-not-compared",
        "/problems/store-not-attested",
    )  # as soon as the missing right was found, that is what is told
    wait_for(
        lambda: server.take(blobs[0]["blob"]).json()["type"] in refused,
        "the worker is connected, and refuses",
        5,
    )
    assert not own(log_of(server), "store-reverted")
    pair.replica.cli("ACL", "SETUSER", "default", "+zscan")
    reads_begin(server, blobs[0]["blob"])
    wait_for(lambda: server.admin("/readyz")[0] == 200, "the right was seen to be there", 5)
    for blob in blobs:
        check_problem(server.take(blob["blob"]), 410, "gone", "consumed")
    log, key = finished(server, tmp_path)
    ends = Counter(r["tag"] for r in events_of(log) if r["event"] == "gone")
    assert [ends[b["tag"]] for b in blobs] == [2] * 4 and len(own(log, "store-reverted")) == 1
    assert verify(log, "--key", key)[1]["came_back"] == 4


def test_a_second_reader_is_named(pair, serve, tmp_path):  # noqa: F811
    """The end was not recorded when the primary died: nobody can know, and the blob is read again.
    Where the evidence has both, they are named."""
    server = serve(pair.primary, path=pair.path)
    blobs = [server.put_ok(server.sealed(300)) for _ in range(3)]
    pair.same()
    pair.detach()
    server.claim_ok(blobs[0]["blob"])
    assert server.take(blobs[1]["blob"]).status == 200
    recorded(server, "claimed", blobs[0])
    recorded(server, "gone", blobs[1])
    pid = recorder(server)
    os.kill(pid, signal.SIGSTOP)
    assert server.take(blobs[2]["blob"]).status == 200  # and nobody recorded it
    # Somebody lets reads begin who has not compared: a server without this evidence.
    pair.fail_over()
    life = wait_for(
        lambda: pair.replica.cli(
            "FCALL", "tg2_recorder", "1", "tg:{00}:dl", "thief", "0", "life", "0", "0", "", "0", ""
        ).split("\n")[9],
        "it answers",
        5,
    )
    assert pair.replica.cli("FCALL", "tg2_compared", "1", "tg:{00}:dl", life) == "0"
    wait_for(lambda: server.stat(blobs[0]["blob"]).status == 200, "it is served", 5)
    server.claim_ok(blobs[0]["blob"], "verifier2")
    assert [server.take(b["blob"], "verifier2").status for b in blobs[1:]] == [200, 200]
    os.kill(pid, signal.SIGCONT)
    for blob in blobs[1:]:
        wait_for(
            lambda b=blob: [
                r
                for r in events_of(log_of(server))
                if r["event"] == "gone" and r["tag"] == b["tag"] and r.get("by") == "verifier2"
            ],
            "it is recorded",
            10,
        )
    log, key = finished(server, tmp_path)
    status, report = verify(log, "--key", key)
    assert status == 5 and not report["good"] and report["second_readers"] == 2, report
    named = [f["detail"] for f in report["findings"] if f["what"] == "second-reader"]
    assert [any(b["tag"] in d and "verifier2" in d for d in named) for b in blobs] == [
        True,
        True,
        False,
    ], named


def test_reads_resume_at_once_after_a_restart_or_a_broken_connection(store, serve):  # noqa: F811
    """In everyday life nobody waits for the comparison: not for longer than it takes to connect."""
    external = store(*FIT)
    server = serve(external)
    blob = server.put_ok(server.sealed(300))
    took = []
    for _ in range(5):
        external.cli("CLIENT", "KILL", "TYPE", "normal")
        began = time.monotonic()
        assert reads_begin(server, blob["blob"]).status == 200
        took.append(time.monotonic() - began)
    restarts = []
    for _ in range(3):
        external.restart()
        began = time.monotonic()
        assert reads_begin(server, blob["blob"]).status == 404
        restarts.append(time.monotonic() - began)
        wait_for(lambda: json.loads(server.admin("/readyz")[1])["ready"], "it is ready", 10)
    print(
        f"reads resumed {max(took) * 1000:.0f} ms after broken connections at most,"
        f" {max(restarts) * 1000:.0f} ms after restarts"
    )
    assert max(took) < 1.5 and max(restarts) < 3
