"""Several recorders, and stores that come back in another state. Whichever recorder runs, and
whatever the store has lost, each event is recorded once. Where nobody can know whether a recorder
wrote an event before it died, the evidence says so, and both files together tell."""
import contextlib
import json
import os
import random
import signal
import socket
import threading
import time
from collections import Counter

import pytest

from audit import (
    UNPINNED,
    Forger,
    audit,
    events_of,
    finished,
    key_of,
    lines_of,
    log_of,
    recorded,
    recorder,
    verify,
)
from delay_relay import Relay
from harness import SLOW, let_pass, wait_for
from problems import check_problem
from redis_store import FIT

TURNS = int(os.environ.get("TIMEGLAS_EVIDENCE_TURNS", "12"))


def outbox(external):
    """Events that wait in the store's outboxes."""
    return int(
        external.cli(
            "EVAL",
            (
                "local n = 0 for i = 0, 63 do n = n + redis.call('XLEN',"
                " string.format('tg:{%02x}:out', i)) end return n"
            ),
            "0",
        )
    )


def ids(log):
    return [r["id"] for r in events_of(log) if "id" in r]


def own(log, name):
    """Records of the recorder itself, by that name."""
    return [r for r in events_of(log) if r["event"] == name and "id" not in r]


def kept(server, path):
    """A copy of its evidence as it is now."""
    path.write_bytes(log_of(server).read_bytes())
    return path


def until_recording(server, timeout=15):
    wait_for(
        lambda: json.loads(server.admin("/readyz")[1])["evidence"] == "recording",
        "it records",
        timeout,
    )


def listening(external):
    """Makes it listen on a port of 127.0.0.1, too: replication knows no unix sockets."""
    for _ in range(20):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        if external.cli("CONFIG", "SET", "port", str(port)) == "OK":
            return port
    raise AssertionError("no free port")


@pytest.fixture
def serve(launch):
    """serve(store, more settings): a server in front of that store."""

    def start(external, settings=(), path=None):
        server = launch(
            workers=1, options=[("store.url", f"unix://{path or external.socket}"), *settings]
        )
        server.env.pop("TIMEGLAS_REDIS_SOCKET")  # its folder is ours, and stays
        return server

    return start


@pytest.fixture
def relay(tmp_path):
    """relay(store, command): between one server and a store; relay.last.garble(): from then on that
    command is refused to it."""
    started = []

    def start(external, command):
        start.last = Relay(tmp_path / f"relay{len(started)}", external.socket, 0, command)
        started.append(start.last)
        return start.last

    yield start
    for one in started:
        one.stop()


@pytest.mark.long
def test_what_the_dead_one_wrote_and_did_not_trim_is_named(store, serve, relay, tmp_path):
    """One recorder writes and cannot trim any more, and dies for good; the next one cannot know: it
    records the events again, names them, and with both files at hand they are known to be the
    same."""
    external = store(*FIT)
    first, second = serve(external, path=relay(external, "XTRIM").path), serve(external)
    assert json.loads(first.admin("/readyz")[1])["evidence"] == "recording"
    before = second.put_ok(second.sealed(300))
    recorded(first, "stored", before)
    wait_for(lambda: outbox(external) == 0, "it is trimmed", 3)
    relay.last.garble()
    doubled = second.put_ok(second.sealed(300))
    recorded(first, "stored", doubled)
    wait_for(
        lambda: "cannot use the store" in first.admin("/readyz")[1],
        "it says that it cannot trim",
        3,
    )
    wait_for(lambda: "checkpoint" in lines_of(log_of(first))[-1], "it is signed", 3)
    first_key, first_log = key_of(first), kept(first, tmp_path / "first.log")
    first.kill()
    assert outbox(external) == 1
    until_recording(second)
    gone = second.erase(doubled["blob"]).json()
    recorded(second, "gone", doubled)
    wait_for(lambda: outbox(external) == 0, "it is trimmed", 3)
    second_log, second_key = finished(second, tmp_path)
    (over,) = own(second_log, "taken-over")
    assert over["more"]["key"] == first_key.removeprefix("timeglas-audit1")
    assert lines_of(first_log)[int(over["more"]["n"]) - 1]["checkpoint"]
    (twice,) = set(ids(first_log)) & set(ids(second_log))
    assert over["more"][twice[:2]] == twice[3:]
    assert ids(second_log) == [twice, gone["event"]]
    keys = ["--key", first_key, "--key", second_key]
    for log, doubtful in ((first_log, 0), (second_log, 1)):
        status, report = verify(log, *keys)
        assert (status, report["in_doubt"], report["also_recorded_total"]) == (
            0,
            doubtful,
            0,
        ), report
    for logs in ([first_log, second_log], [second_log, first_log]):
        status, report = verify(*logs, *keys)
        assert status == 0 and len(report["chains"]) == 2 and report["in_doubt"] == 0, report
        (same,) = report["also_recorded"]
        assert (same["event"], same["file"], same["also_file"]) == (
            twice,
            str(first_log),
            str(second_log),
        )
        assert (
            lines_of(first_log)[same["line"] - 1]["id"]
            == lines_of(second_log)[same["also_line"] - 1]["id"]
            == twice
        )
        assert [(r["stored"], r["ended"], r["held"]) for r in report["stored"]] == [(2, 1, 1)]
    page = audit("verify", first_log, second_log, *keys)
    assert page.returncode == 0 and "also recorded by " + str(second_log) in page.stdout.decode()
    held = json.loads(
        audit("show", "--json", second_log, first_log, "--at", doubled["stored_at"], *keys).stdout
    )
    assert {h["tag"] for h in held["held"]} == {before["tag"], doubled["tag"]} and held["complete"]
    tampered_chains_that_belong_together(
        first_log, second_log, twice, int(over["more"]["n"]), tmp_path
    )


def tampered_chains_that_belong_together(first_log, second_log, twice, head_n, tmp_path):
    """What only both files together can show."""
    forger, bad = Forger(tmp_path), tmp_path / "bad.log"

    def found(*logs):
        return [(f["what"], f["file"]) for f in verify(*logs)[1]["findings"]]

    lines = second_log.read_bytes().splitlines(keepends=True)
    bad.write_bytes(
        forger.write(
            [
                (
                    line.replace(b'"to":"verifier', b'"to":"someone verifier')
                    if twice.encode() in line
                    else line
                )
                for line in lines
            ]
        )
    )
    assert verify(bad)[0] == UNPINNED and found(first_log, bad) == [
        ("twice", str(bad))
    ], "the same event, told otherwise"
    lines = first_log.read_bytes().splitlines(keepends=True)
    checks = [i for i, line in enumerate(lines) if b'"checkpoint"' in line]
    bad.write_bytes(b"".join(lines[: max(i for i in checks if i + 1 < head_n) + 1]))
    assert verify(bad)[0] == UNPINNED and found(bad, second_log) == [
        ("head", str(second_log))
    ], "the chain before was cut behind a checkpoint"
    bad.write_bytes(first_log.read_bytes())
    assert ("duplicate", str(first_log)) in found(bad, first_log), "a copy is no other chain"


def test_nothing_untrimmed_is_left_when_a_recorder_comes_back(launch):
    """Killed between writing and trimming: the next one trims what stands in the file before it
    does anything else."""
    server = launch(workers=1)
    server.redis("ACL", "SETUSER", "default", "-xtrim")
    blob = server.put_ok(server.sealed(300))
    recorded(server, "stored", blob)
    os.kill(recorder(server), signal.SIGKILL)
    server.redis("ACL", "SETUSER", "default", "+xtrim")
    wait_for(
        lambda: server.redis("XLEN", f"tg:{{{blob['blob'][:2]}}}:out") == "0", "it is trimmed", 10
    )
    assert server.put(server.sealed(300)).status == 201
    assert Counter(ids(log_of(server))).most_common(1)[0][1] == 1


def test_a_flush_is_noticed_on_a_connection_that_stays(launch, tmp_path):
    """Nothing breaks, and still it is another store; that its process is the same one is an
    incident."""
    server = launch(workers=1)
    blob = server.put_ok(server.sealed(300))
    recorded(server, "stored", blob)
    server.redis("FLUSHALL")
    wait_for(lambda: own(log_of(server), "store-lost"), "it is recorded", 5)
    after = wait_for(
        lambda: (lambda a: a.json() if a.status == 201 else None)(server.put(server.sealed(300))),
        "it goes on",
        5,
    )
    recorded(server, "stored", after)
    log, key = finished(server, tmp_path)
    status, report = verify(log, "--key", key)
    assert [f["what"] for f in report["findings"]] == ["store-replaced"]
    assert status == 5 and [(r["cause"], r["n"]) for r in report["ends"]] == [
        ("store-lost", 2)
    ], report
    lost = [r for r in events_of(log) if "id" not in r]
    assert [r["event"] for r in lost] == [
        "store-replaced", "store-lost", "store-lost"
    ], "by the flush, and by the stop"
    assert [r["more"].get("count") for r in lost] == [None, None, "1"]


def test_what_cannot_be_trimmed_stops_uploads(launch):
    """Or the store would fill up with events that nobody takes away."""
    server = launch(workers=1, options=[("server.audit_max_lag_s", 1)])
    server.redis("ACL", "SETUSER", "default", "-xtrim")
    server.put_ok(server.sealed(300))
    wait_for(lambda: server.put(server.sealed(300)).status == 503, "uploads stop", 5)
    # That the right is missing is found within a second; that the recorder needs it, by the
    # recorder itself.
    assert (
        "XTRIM"
        in check_problem(server.put(server.sealed(300)), 503, "store-not-attested")["detail"]
    )
    wait_for(
        lambda: "cannot use the store" in server.admin("/readyz")[1], "the recorder says so, too", 5
    )
    server.redis("ACL", "SETUSER", "default", "+xtrim")
    wait_for(lambda: server.put(server.sealed(300)).status == 201, "uploads go on", 5)
    wait_for(
        lambda: all(server.redis("XLEN", f"tg:{{{i:02x}}}:out") == "0" for i in range(64)),
        "all is trimmed",
        3,
    )
    assert Counter(ids(log_of(server))).most_common(1)[0][1] == 1


@pytest.mark.long
def test_a_recorder_that_cannot_write_makes_room(store, serve, tmp_path):
    """It has the lease and records nothing: after some seconds another server's recorder gets a
    turn; alone, it goes on trying."""
    external = store(*FIT)
    missing = tmp_path / "missing" / "audit.log"
    first = serve(external, [("server.audit_log", missing), ("server.audit_key", tmp_path / "k")])
    assert "No such file" in first.admin("/readyz")[1]
    for has in "0", "1":
        wait_for(
            lambda h=has: external.cli("HEXISTS", "tg:{00}:rec", "token") == h,
            "it makes room, and comes back",
            10,
        )
    assert "No such file" in first.admin("/readyz")[1], "nobody else is there"
    second = serve(external)
    until_recording(second)
    wait_for(
        lambda: "another server's recorder" in first.admin("/readyz")[1], "the first one waits", 5
    )
    assert second.put(second.sealed(300)).status == first.put(first.sealed(300)).status == 201
    missing.parent.mkdir()
    finished(second, tmp_path)
    until_recording(first, 5)


@pytest.mark.long
def test_the_lease_goes_there_and_back(store, serve, tmp_path):
    """A recorder that was away finds another in its place, and waits; what it had read before is
    not written any more; when the other ends in order it goes on at once, and no event is in two
    files."""
    external = store(*FIT)
    first, second = serve(external), serve(external)
    blobs = [second.put_ok(second.sealed(300)) for _ in range(3)]
    recorded(first, "stored", blobs[2])
    wait_for(lambda: outbox(external) == 0, "it is trimmed, and in no doubt", 3)
    pid = recorder(first)
    os.kill(pid, signal.SIGSTOP)
    second.erase(blobs[0]["blob"])
    until_recording(second)
    recorded(second, "gone", blobs[0])
    os.kill(pid, signal.SIGCONT)
    wait_for(
        lambda: "another server's recorder" in first.admin("/readyz")[1], "the first one waits", 3
    )
    second.erase(blobs[1]["blob"])
    recorded(second, "gone", blobs[1])
    second_log, second_key = finished(second, tmp_path)
    second_log = second_log.rename(tmp_path / "second.log")
    first.erase(blobs[2]["blob"])
    recorded(first, "gone", blobs[2], 3)
    first_log, first_key = finished(first, tmp_path)
    assert not set(ids(first_log)) & set(ids(second_log))
    assert len(own(first_log, "taken-over")) == len(own(second_log, "taken-over")) == 1
    assert first_key.endswith(own(second_log, "taken-over")[0]["more"]["key"])
    assert second_key.endswith(own(first_log, "taken-over")[0]["more"]["key"])
    for logs, lacking in (
        ([first_log], True),
        ([second_log], True),
        ([second_log, first_log], False),
    ):
        status, report = verify(*logs, "--key", first_key, "--key", second_key)
        assert status == 0 and report["also_recorded_total"] == report["in_doubt"] == 0, report
        assert lacking or (
            report["open"] == report["not_given"] == 0 and report["ends"][0]["n"] == 3
        ), report
    assert verify(first_log)[1]["not_given"] > 0
    (tmp_path / "later.log").touch()
    status, report = verify(
        tmp_path / "later.log", second_log, first_log, "--key", first_key, "--key", second_key
    )
    assert [f["what"] for f in report["findings"]] == ["begin"] and report[
        "not_given"
    ] == 0, "an empty file does not hide whose the others are"


def test_a_chain_that_was_begun_anew_names_the_one_before(launch):
    """Its file was moved away, and the recorder that remembered it is gone: the same key, another
    chain."""
    server = launch(workers=1)
    log = log_of(server)
    recorded(server, "stored", server.put_ok(server.sealed(300)))
    wait_for(lambda: "checkpoint" in lines_of(log)[-1], "it is signed", 3)
    pid = recorder(server)
    os.kill(pid, signal.SIGSTOP)  # or it would go on in a new file
    log.rename(log.with_suffix(".kept"))
    os.kill(pid, signal.SIGKILL)
    recorded_again = lambda: log.exists() and own(log, "taken-over")  # noqa: E731
    (over,) = wait_for(recorded_again, "a new chain that names the old one", 10)
    assert key_of(server).endswith(over["more"]["key"]) and lines_of(log)[0]["n"] == 1
    blob = server.put_ok(server.sealed(300))
    recorded(server, "stored", blob)
    assert not set(ids(log)) & set(ids(log.with_suffix(".kept")))
    wait_for(lambda: "checkpoint" in lines_of(log)[-1], "it is signed", 3)
    status, report = verify(log, log.with_suffix(".kept"), "--key", key_of(server))
    assert [len(c["files"]) for c in report["chains"]] == [1, 1] and [
        f["what"] for f in report["findings"]
    ] == [], report


def test_lower_ids_after_a_failover_are_not_skipped(launch, tmp_path):
    """An outbox begins anew with ids below those that were recorded, in the same store: that is
    recorded, and so are its events."""
    server = launch(workers=1)
    shard = "00"
    while shard == "00":  # whose outbox has the server's own events, too
        blob = server.put_ok(server.sealed(300))
        shard = blob["blob"][:2]
    recorded(server, "stored", blob)
    server.redis("DEL", f"tg:{{{shard}}}:out")
    server.redis("XADD", f"tg:{{{shard}}}:out", "7-1", "e", "lower", "at", "1700000000000")
    server.redis("CLIENT", "KILL", "TYPE", "normal")
    (lower,) = wait_for(
        lambda: [r for r in events_of(log_of(server)) if r["event"] == "lower"],
        "the lower one is recorded",
        10,
    )
    assert lower["id"] == f"{shard}-7-1"
    (back,) = own(log_of(server), "store-reverted")
    assert back["more"] == {shard: "7-0"}
    # and an entry that is overtaken by a later one before anybody looks: only its being there tells
    server.redis("XTRIM", f"tg:{{{shard}}}:out", "MAXLEN", "0")
    server.redis("XADD", f"tg:{{{shard}}}:out", "9-1", "e", "known", "at", "1700000000000")
    wait_for(
        lambda: [r for r in events_of(log_of(server)) if r["event"] == "known"],
        "the next one is recorded",
        5,
    )
    pid = recorder(server)
    os.kill(pid, signal.SIGSTOP)  # or it would see them come
    server.redis("CLIENT", "KILL", "TYPE", "normal")
    server.redis("DEL", f"tg:{{{shard}}}:out")
    server.redis("XADD", f"tg:{{{shard}}}:out", "8-1", "e", "overtaken", "at", "1700000000000")
    server.redis("XADD", f"tg:{{{shard}}}:out", "10-1", "e", "overtaking", "at", "1700000000000")
    os.kill(pid, signal.SIGCONT)
    wait_for(
        lambda: [r for r in events_of(log_of(server)) if r["event"] == "overtaken"],
        "the overtaken one is recorded",
        10,
    )
    log, key = finished(server, tmp_path)
    assert [r["event"] for r in events_of(log)].count("overtaking") == 1
    status, report = verify(log, "--key", key)
    assert status == 0, report["findings"]


def test_a_replica_without_the_last_moments(store, serve, tmp_path):
    """A real failover: the replica lacks the last events, which are in the evidence already. It
    says so, once, and goes on."""
    primary, replica = store(*FIT, "--repl-diskless-sync-delay", "0"), store(
        *FIT, "--repl-diskless-load", "swapdb"
    )
    link = tmp_path / "s"
    link.symlink_to(primary.socket)
    replica.cli("REPLICAOF", "127.0.0.1", str(listening(primary)))
    server = serve(primary, path=link)
    wait_for(
        lambda: "master_link_status:up" in replica.cli("INFO", "replication"),
        "the replica follows",
        10,
    )
    kept_blob = server.put_ok(server.sealed(300))
    back = server.put_ok(server.sealed(300))
    recorded(server, "stored", back)
    wait_for(
        lambda: outbox(primary) == outbox(replica) == 0
        and replica.cli("DBSIZE") == primary.cli("DBSIZE"),
        "the replica has all",
        5,
    )
    replica.cli("REPLICAOF", "NO", "ONE")  # it sees nothing from here on
    lost = server.put_ok(server.sealed(300))
    assert server.take(back["blob"]).status == 200
    recorded(server, "gone", back)
    recorded(server, "stored", lost)
    link.unlink()
    link.symlink_to(replica.socket)
    primary.proc.kill()
    wait_for(
        lambda: own(log_of(server), "store-reverted"), "it is recorded that the store went back", 10
    )
    wait_for(lambda: server.put(server.sealed(300)).status == 201, "it goes on", 10)
    assert server.stat(lost["blob"]).status == 404
    assert (server.erase(kept_blob["blob"]).status, server.erase(back["blob"]).status) == (
        200,
        410,
    ), "what was consumed had come back"
    wait_for(
        lambda: len(
            [
                r
                for r in events_of(log_of(server))
                if r["event"] == "gone" and r["tag"] == back["tag"]
            ]
        )
        == 2,
        "and ends again",
        5,
    )
    log, key = finished(server, tmp_path)
    (reverted,) = own(log, "store-reverted")
    assert lost["blob"][:2] in reverted["more"] and back["blob"][:2] in reverted["more"]
    assert Counter(ids(log)).most_common(1)[0][1] == 1
    status, report = verify(log, "--key", key)
    assert status == 5 and [f["what"] for f in report["findings"]] == ["ended-again"]
    assert report["came_back"] == 1 and report["open"] == 1, report
    assert {r["cause"]: r["n"] for r in report["ends"]} == {
        "erased": 1,
        "consumed": 1,
        "store-reverted": 1,
    }


def test_a_lost_store_takes_along_only_what_was_in_it(store, serve, tmp_path):
    """The store is lost while its recorder sleeps, and another one begins with the next store: when
    the first one wakes, what it tells of the old store says nothing of the new."""
    external = store(*FIT)
    first, second = serve(external), serve(external)
    old = second.put_ok(second.sealed(300))
    recorded(first, "stored", old)
    pid = recorder(first)
    os.kill(pid, signal.SIGSTOP)
    external.restart()
    until_recording(second)
    new = wait_for(
        lambda: (lambda a: a.json() if a.status == 201 else None)(second.put(second.sealed(300))),
        "uploads go on",
        10,
    )
    recorded(second, "stored", new)
    os.kill(pid, signal.SIGCONT)
    (tmp_path / "second").mkdir()
    second_log, second_key = finished(second, tmp_path / "second")
    wait_for(lambda: own(log_of(first), "store-lost"), "it tells of the loss", 10)
    first_log, first_key = finished(first, tmp_path)
    status, report = verify(first_log, second_log, "--key", first_key, "--key", second_key)
    assert status == 0 and report["open"] == 1, report
    assert [(r["cause"], r["n"]) for r in report["ends"]] == [("store-lost", 1)]


@pytest.mark.long
def test_recorders_that_take_turns_under_load_lose_and_double_nothing(store, serve, tmp_path):
    """Ended in order, killed and stopped at random moments: each event stands in one of the two
    files, or in both where the second one says that it may."""
    external = store(*FIT)
    servers = [serve(external, [("server.audit_rotate_bytes", "64KiB")]) for _ in range(2)]
    stop, done, failures = threading.Event(), Counter(), []

    def load(server):
        try:
            while not stop.is_set():
                answer = server.put(server.sealed(300))
                if answer.status == 503:
                    check_problem(answer, 503, "no-evidence")
                    let_pass(0.05, "a client's pause before it tries again")
                    continue
                assert answer.status == 201, answer
                assert server.erase(answer.json()["blob"]).status == 200
                done["blobs"] += 1
        except Exception as e:  # any failure of the load must fail the test
            failures.append(repr(e))

    threads = [threading.Thread(target=load, args=(server,)) for server in servers]
    for t in threads:
        t.start()
    rng = random.Random(11)
    turns, end = 0, time.monotonic() + (120 + 3 * TURNS) * SLOW
    while turns < TURNS or all(
        len(list(log_of(server).parent.glob("audit.log.0*"))) < 3 for server in servers
    ):
        turns += 1
        assert time.monotonic() < end
        busy = [s for s in servers if json.loads(s.admin("/readyz")[1])["evidence"] == "recording"]
        pid = wait_for(lambda b=busy: recorder(rng.choice(b or servers)), "a recorder runs", 10)
        let_pass(rng.random() * 0.3, "it is ended at a random moment")
        how = rng.choice([signal.SIGTERM, signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP])
        with contextlib.suppress(ProcessLookupError):  # the one before, seen on its way out
            os.kill(pid, how)
            if how == signal.SIGSTOP:
                let_pass(rng.random() * 0.5, "it is stopped for a random time")
                os.kill(pid, signal.SIGCONT)
        if how != signal.SIGSTOP:
            wait_for(lambda p=pid: not servers[0].alive(p), "it is gone", 5)
    stop.set()
    for t in threads:
        t.join()
    assert not failures, failures
    wait_for(lambda: outbox(external) == 0, "all is recorded", 20)
    chains, keys = [], []
    for i, server in enumerate(servers):
        (tmp_path / str(i)).mkdir()
        log, key = finished(server, tmp_path / str(i))
        chains.append(sorted(p for p in log.parent.iterdir() if p.is_file()))
        keys += ["--key", key]
    told = [Counter(i for log in chain for i in ids(log)) for chain in chains]
    both = set(told[0]) & set(told[1])
    counts = Counter(
        {
            r["id"]: r["event"]
            for chain in chains
            for log in chain
            for r in events_of(log)
            if "id" in r
        }.values()
    )
    files = [*chains[0], *chains[1]]
    rng.shuffle(files)
    status, report = verify(*files, *keys)
    print(
        f"{turns} turns, {sum(len(own(log, 'taken-over')) for log in files)} takeovers,"
        f" {sum(counts.values())} events, {len(both)} in both chains, {len(files)} files"
    )
    assert status == 0, report["findings"][:5]
    assert sorted(sorted(c["files"]) for c in report["chains"]) == sorted(
        sorted(map(str, chain)) for chain in chains
    )
    assert (
        report["also_recorded_total"] == len(both)
        and report["not_given"] == report["in_doubt"] == report["open"] == 0
    )
    assert counts["stored"] == counts["gone"] == done["blobs"] > 0
    assert sum(r["stored"] for r in report["stored"]) == done["blobs"]
    for chain, mine in zip(chains, told):
        assert max(mine.values()) == 1
        assert verify(*chain, *keys)[0] == 0
    without = max(chains, key=len)
    status, report = verify(
        *(f for f in files if f != without[2]), *keys
    )  # audit.log, and what was rotated before, oldest first
    assert status == 5 and "missing" in {f["what"] for f in report["findings"]}
    assert verify(*(f for f in files if f != without[1]), *keys)[0] == 0, "the oldest may be gone"
