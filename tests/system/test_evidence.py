"""The evidence: what really happened stands in a file that cannot be changed unnoticed, whoever
dies in between; and without it nothing is stored."""
import contextlib
import datetime
import gzip
import hashlib
import json
import os
import random
import re
import resource
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

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
from harness import BIN, ROOT, SANITIZED, SLOW, let_pass, wait_for
from problems import check_problem

KILLS = int(os.environ.get("TIMEGLAS_EVIDENCE_KILLS", "6"))
TAMPERINGS = int(
    os.environ.get("TIMEGLAS_EVIDENCE_TAMPERINGS", "40" if SANITIZED else "140")
)  # each kind at least once: the seed is fixed


def busy(server, seconds=0.0, rounds=20):
    """Sessions, uploads, takes, erasures and expiries; the last receipt."""
    end = time.monotonic() + seconds
    receipt = None
    while rounds > 0 or time.monotonic() < end:
        rounds -= 1
        session = server.session()["session"]
        blobs = [
            server.put_ok(server.sealed(300), kind="passport", issuer="DNK", session=session),
            server.put_ok(server.sealed(300), kind="passport", issuer="SWE"),
            server.put_ok(server.sealed(70_000)),
            server.put_ok(server.sealed(300), ttl=1),
        ]
        assert server.take(blobs[2]["blob"]).status == 200
        receipt = server.erase(blobs[1]["blob"]).json()
        assert server.call("DELETE", f"/v1/sessions/{session}").status == 200
    return receipt


@pytest.fixture(scope="module")
def true_log(tmp_path_factory):
    """(log, public key, receipt): of a real server's life, its last expiry included."""
    from harness import Server

    server = Server(workers=2)
    try:
        busy(server, rounds=25)
        wait_for(lambda: not server.chunks(), "the last one has expired", 5)
        let_pass(1.3, "a second without an event: the log has a checkpoint of it")
        blob = server.put_ok(server.sealed(300))
        receipt = server.erase(blob["blob"]).json()
        log, key = finished(server, tmp_path_factory.mktemp("true"))
        return log, key, receipt
    finally:
        server.kill()


def test_every_event_is_recorded_signed_and_trimmed(launch, tmp_path):
    """What was done stands in the file, in full and without anybody's name; the outboxes are empty
    again."""
    server = launch(workers=2)
    session = server.session()["session"]
    bound = server.put_ok(server.sealed(300), kind="passport", issuer="FRO", session=session)
    other = server.put_ok(server.sealed(70_000), kind="passport", issuer="SWE", to="verifier")
    short = server.put_ok(server.sealed(300), ttl=1)
    assert server.take(other["blob"]).status == 200
    assert server.call("DELETE", f"/v1/sessions/{session}").status == 200
    assert recorded(server, "gone", short)["cause"] == "expired"
    assert recorded(server, "gone", short)["late_us"] < 2_000_000 * SLOW
    stored, gone = recorded(server, "stored", other), recorded(server, "gone", other)
    assert (stored["kind"], stored["dk"], stored["size"], stored["to"]) == (
        "passport",
        False,
        other["size"],
        "verifier",
    )
    assert (
        stored["deadline"] == other["deadline"]
        and stored["uploader"] == "uploader"
        and "session" not in stored
    )
    assert (gone["cause"], gone["by"]) == ("consumed", "verifier") and "late_us" not in gone
    assert (
        recorded(server, "stored", bound)["dk"] is True
        and recorded(server, "gone", bound)["cause"] == "session-closed"
    )
    wait_for(
        lambda: all(server.redis("XLEN", f"tg:{{{i:02x}}}:out") == "0" for i in range(64)),
        "all is trimmed",
        3,
    )
    wait_for(
        lambda: "checkpoint" in lines_of(log_of(server))[-1],
        "the end is signed within two seconds",
        2.5,
    )
    text = log_of(server).read_text()
    for secret in (session, bound["blob"], other["blob"], short["blob"], "FRO", "SWE"):
        assert secret not in text, secret
    assert server.metric("timeglas_evidence_records_total") == len(events_of(log_of(server)))
    log, key = finished(server, tmp_path)
    status, report = verify(log, "--key", key)
    assert (
        status == 0 and report["good"] and report["unsigned_lines"] == 0 and report["open"] == 0
    ), report
    assert lines_of(log)[-1]["checkpoint"] == "exit"


def test_the_file_can_be_checked_without_our_tools(true_log):
    """docs/evidence.md is enough to recompute it: hashes here in Python, signatures by openssl."""
    log, key, _ = true_log
    lines = log.read_bytes().splitlines()
    for n, (line, before) in enumerate(zip(lines, [None, *lines]), 1):
        record = json.loads(line)
        assert record["n"] == n
        assert record["prev"] == (
            "0" * 64 if before is None else hashlib.blake2b(before, digest_size=32).hexdigest()
        )
    line = next(line for line in reversed(lines) if b'"checkpoint"' in line)
    record = json.loads(line)
    assert key == "timeglas-audit1" + record["key"]
    with tempfile.TemporaryDirectory() as d:
        Path(d, "m").write_bytes(b"timeglas-checkpoint-v1\n" + line[: line.index(b',"sig":"')])
        Path(d, "s").write_bytes(bytes.fromhex(record["sig"]))
        Path(d, "k").write_bytes(bytes.fromhex("302a300506032b6570032100" + record["key"]))
        subprocess.run(
            [
                "openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", f"{d}/k",
                "-rawin", "-in", f"{d}/m", "-sigfile", f"{d}/s",
            ],
            check=True,
            stdout=subprocess.PIPE,
        )


def test_a_report_answers_the_questions(true_log):
    """Stored, ended, by which cause, how late; for people on one page, and as JSON."""
    log, key, _ = true_log
    status, report = verify(log, "--key", key)
    assert status == 0 and report["findings_total"] == 0 and report["overdue"] == 0
    stored = {(r["kind"], r["dk"]): r for r in report["stored"]}
    assert stored[("passport", True)]["stored"] == stored[("passport", True)]["ended"] == 25
    assert stored[("passport", False)]["stored"] == 25 and stored[("liveness", None)]["ended"] == 51
    ends = {(r["kind"], r["dk"], r["cause"]): r for r in report["ends"]}
    assert (
        ends[("passport", True, "session-closed")]["n"] == 25
        and ends[("liveness", None, "consumed")]["n"] == 25
    )
    late = ends[("liveness", None, "expired")]["late"]
    records = sorted(r["late_us"] for r in events_of(log) if r.get("cause") == "expired")
    assert late["n"] == 25 and late["worst_us"] == records[-1]
    assert records[12] <= late["median_us"] <= records[12] * 33 / 32 + 1
    page = audit("verify", log, "--key", key)
    text = page.stdout.decode()
    assert page.returncode == 0 and "VERDICT: GOOD" in text and len(text.splitlines()) < 40
    assert not re.search(r"\x1b", text)


def tamper(rng, data, receipt, key, forge):
    """(name, tampered bytes, arguments)"""
    lines = data.splitlines(keepends=True)
    at = rng.randrange(len(lines) - 1)
    what = rng.choice(
        [
            "flip", "flip", "remove", "swap", "double", "cut middle", "cut tail", "cut byte",
            "rewrite", "insert",
        ]
    )
    args = ["--key", key, "--receipt", receipt]
    if what == "flip":
        i = rng.randrange(len(data))
        return (
            f"flip {i}",
            data[:i] + bytes([data[i] ^ 1 << rng.randrange(8)]) + data[i + 1 :],
            args[:2],
        )
    if what == "remove":
        return f"remove {at}", b"".join(lines[:at] + lines[at + 1 :]), args[:2]
    if what == "swap":
        other = (at + 1 + rng.randrange(len(lines) - 1)) % len(lines)
        lines[at], lines[other] = lines[other], lines[at]
        return f"swap {at} {other}", b"".join(lines), args[:2]
    if what == "double":
        to = rng.randrange(at, len(lines))
        return (
            f"double {at} at {to}",
            b"".join(lines[: to + 1] + [lines[at]] + lines[to + 1 :]),
            args[:2],
        )
    if what == "cut middle":
        to = rng.randrange(at + 1, len(lines))
        return f"cut {at} to {to}", b"".join(lines[:at] + lines[to:]), args[:2]
    if what == "cut tail":
        return f"tail from {at + 1}", b"".join(lines[: at + 1]), args
    if what == "cut byte":
        i = rng.randrange(len(data) - 1)
        return f"end at {i}", data[:i], args
    if what == "insert":
        fields = json.loads(next(line for line in lines if b'"event"' in line))
        fields["n"] = at + 1
        return (
            f"insert {at}",
            b"".join(
                lines[:at]
                + [json.dumps(fields, separators=(",", ":")).encode() + b"\n"]
                + lines[at:]
            ),
            args[:2],
        )
    return "rewrite", forge(rng, lines), rng.choice([args, args[:2], args[2:]])


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    """Writes a chain anew behind a removed record, with keys of its own: all a thief without the
    signing key can do."""
    forger = Forger(tmp_path_factory.mktemp("forge"))

    def write(rng, lines):
        drop = rng.choice([i for i, line in enumerate(lines) if b'"event":"gone"' in line])
        return forger.write(lines[:drop] + lines[drop + 1 :])

    return write


def test_no_tampering_goes_unnoticed(true_log, forge, tmp_path):
    """Bits flipped, lines removed, swapped, doubled, inserted, blocks cut out, the end cut with a
    receipt at hand, the chain written anew without the signing key: each is found, and the true log
    is not blamed."""
    log, key, receipt = true_log
    kept = tmp_path / "receipt.json"
    kept.write_text(json.dumps({"some": "thing"}) + "\n" + json.dumps(receipt) + "\n")
    assert verify(log, "--key", key, "--receipt", kept)[0] == 0
    data = log.read_bytes()
    rng = random.Random(20261122)
    target = tmp_path / "tampered.log"
    missed, done = [], Counter()
    while sum(done.values()) < TAMPERINGS:
        name, bad, args = tamper(rng, data, kept, key, forge)
        if bad == data:
            continue
        target.write_bytes(bad)
        status, report = verify(target, *args)
        done[name.split()[0]] += 1
        if status != 5 or report["good"] or not report["findings"]:
            missed.append(name)
    print(dict(done))
    assert not missed, missed


def test_findings_name_the_line(true_log, tmp_path):
    """A DPO is told where, and in words."""
    log, key, _ = true_log
    lines = log.read_bytes().splitlines(keepends=True)
    i = next(k for k, line in enumerate(lines) if b'"event":"stored"' in line)
    target = tmp_path / "t.log"

    def found(changed):
        target.write_bytes(b"".join(changed))
        return [(f["what"], f["line"]) for f in verify(target, "--key", key)[1]["findings"]]

    edited = lines[i].replace(b'"size":', b'"size":1')
    assert ("changed", i + 1) in found(lines[:i] + [edited] + lines[i + 1 :])
    assert found(lines[:i] + lines[i + 1 :])[0] == ("missing", i + 1)
    assert found(lines[: i + 1] + [lines[i]] + lines[i + 1 :]) == [("duplicate", i + 2)]
    assert ("order", i + 2) in found(lines[:i] + [lines[i + 1], lines[i]] + lines[i + 2 :])
    assert found(lines[:-1] + [lines[-1][:-1]]) == [("cut", len(lines))]
    assert found(lines[1:])[0] == ("begin", 1)


def test_a_blob_without_an_end_is_incomplete(launch, tmp_path):
    """Due and not ended is found; live and not due is no fault."""
    server = launch(workers=1)
    server.put_ok(server.sealed(300))
    wait_for(
        lambda: [r for r in events_of(log_of(server)) if r["event"] == "stored"],
        "it is recorded",
        3,
    )
    os.kill(recorder(server), signal.SIGSTOP)
    stopped = recorder(server)
    server.put_ok(server.sealed(300), ttl=1)
    os.kill(stopped, signal.SIGCONT)
    server.evidence("gone")
    wait_for(lambda: "checkpoint" in lines_of(log_of(server))[-1], "all of it is signed")
    log, key = tmp_path / "audit.log", key_of(server)
    log.write_bytes(log_of(server).read_bytes())  # a stop would end what is live
    status, report = verify(log, "--key", key)
    assert status == 0 and report["open"] >= 1 and report["overdue"] == 0, report


def test_show_tells_what_was_live_and_what_a_peer_did(launch, tmp_path):
    """For an incident: by tag, kind, DK or not, deadline; and who stored and read."""
    server = launch(workers=1)
    first = server.put_ok(server.sealed(300), kind="passport", issuer="SWE")
    let_pass(0.05, "events are told apart by their milliseconds")
    second = server.put_ok(server.sealed(300))
    moment = second["stored_at"]
    let_pass(0.05, "events are told apart by their milliseconds")
    assert server.take(first["blob"], "verifier2").status == 200
    log, _ = finished(server, tmp_path)
    done = audit("show", "--json", log, "--at", moment)
    assert done.returncode == 0, done.stderr
    held = {h["tag"]: h for h in json.loads(done.stdout)["held"]}
    assert set(held) == {first["tag"], second["tag"]}
    assert held[first["tag"]]["kind"] == "passport" and held[first["tag"]]["dk"] is False
    assert (
        held[first["tag"]]["deadline"] == first["deadline"]
        and held[first["tag"]]["cause"] == "consumed"
    )
    assert held[second["tag"]]["cause"] == "store-lost", "by the stop"
    assert audit("show", "--json", log, "--at", "2020-01-01T00:00:00Z").returncode == 2
    read = json.loads(audit("show", "--json", log, "--peer", "verifier2").stdout)["events"]
    assert [(e["event"], e["tag"], e["cause"]) for e in read] == [
        ("gone", first["tag"], "consumed")
    ]
    stored = json.loads(
        audit("show", "--json", log, "--peer", "uploader", "--from", moment).stdout
    )["events"]
    assert [e["tag"] for e in stored] == [second["tag"]]
    assert (
        audit("show", log).returncode == 2
        and audit("show", log, "--at", "yesterday").returncode == 2
    )


def test_no_event_is_lost_or_doubled_when_the_recorder_is_killed(launch, tmp_path):
    """kill -9 at random moments under load: each event stands in the file once, and the file
    verifies."""
    server = launch(workers=2)
    stop, counts, failures = threading.Event(), Counter(), []

    def load():
        try:
            while not stop.is_set():
                answer = server.put(server.sealed(300))
                if answer.status == 503:  # the pauses between restarts grow
                    check_problem(answer, 503, "no-evidence")
                    let_pass(0.05, "a client's pause before it tries again")
                    continue
                assert answer.status == 201, answer
                assert server.erase(answer.json()["blob"]).status == 200
                counts["done"] += 1
        except Exception as e:  # any failure of the load must fail the test
            failures.append(repr(e))

    threads = [threading.Thread(target=load) for _ in range(2)]
    for t in threads:
        t.start()
    rng = random.Random(7)
    longest = 0
    for _ in range(KILLS):
        began = time.monotonic()
        pid = wait_for(
            lambda: recorder(server), "a recorder runs", 10
        )  # the master waits for a second at most
        longest = max(longest, time.monotonic() - began)
        let_pass(rng.random() * 0.4, "it is ended at a random moment")
        with contextlib.suppress(ProcessLookupError):  # the one before, seen on its way out
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda p=pid: not server.alive(p), "it is dead", 5)
    wait_for(lambda: recorder(server), "a recorder runs", 10)
    stop.set()
    for t in threads:
        t.join()
    assert not failures, failures
    wait_for(lambda: server.admin("/readyz")[0] == 200, "it has caught up", 20)
    wait_for(
        lambda: all(server.redis("XLEN", f"tg:{{{i:02x}}}:out") == "0" for i in range(64)),
        "all is trimmed",
        10,
    )
    log, key = finished(server, tmp_path)
    status, report = verify(log, "--key", key)
    assert status == 0, report["findings"][:5]
    names = Counter(r["event"] for r in events_of(log))
    ids = Counter(r["id"] for r in events_of(log))
    assert max(ids.values()) == 1
    assert names["stored"] == names["gone"] == counts["done"] > 0, (names, counts)
    print(
        f"{KILLS} kills, {sum(names.values())} events, at most {longest:.1f} s without a recorder"
    )


def test_without_evidence_nothing_is_stored(launch, tmp_path):
    """A full disk: uploads stop within the bound and say why; fetching and erasing go on; it
    recovers by itself and nothing is missing."""
    mount = tmp_path / "small"
    mount.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(mount)], stderr=subprocess.PIPE
        ).returncode
    ):
        pytest.skip("no small file system can be mounted here")
    try:
        server = launch(
            workers=1,
            options=[("server.audit_log", mount / "audit.log"), ("server.audit_max_lag_s", 1)],
        )
        kept = [server.put_ok(server.sealed(300)) for _ in range(5)]
        wait_for(
            lambda: len([r for r in events_of(mount / "audit.log") if r["event"] == "stored"]) == 5,
            "they are recorded",
            3,
        )
        filler = mount / "filler"
        fd = os.open(filler, os.O_WRONLY | os.O_CREAT)
        with pytest.raises(OSError):
            while True:
                os.write(fd, b"x" * 512)
        os.close(fd)
        began = time.monotonic()
        stored = 5
        while True:
            answer = server.put(server.sealed(300))
            if answer.status != 201:
                break
            stored += 1
            assert time.monotonic() - began < 10 * SLOW, "uploads go on without evidence"
            let_pass(0.02, "the rhythm of the uploads")
        print(f"full disk: 503 after {time.monotonic() - began:.1f} s")
        check_problem(answer, 503, "no-evidence")
        assert int(answer["retry-after"]) >= 1
        code, text = server.admin("/readyz")
        assert code == 503 and "No space left" in text, text
        assert (
            server.take(kept[0]["blob"]).status == 200
            and server.erase(kept[1]["blob"]).status == 200
        )
        filler.unlink()
        wait_for(
            lambda: server.put(server.sealed(300)).status == 201, "uploads go on by themselves", 5
        )
        wait_for(lambda: server.admin("/readyz")[0] == 200, "it is ready", 3)
        wait_for(
            lambda: len([r for r in events_of(mount / "audit.log") if r["event"] == "stored"])
            == stored + 1,
            "all is recorded",
            5,
        )
        server.stop()
        status, report = verify(mount / "audit.log")
        assert status == UNPINNED, report["findings"][:5]
        assert sum(r["stored"] for r in report["stored"]) == stored + 1
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


def test_a_lost_store_ends_what_was_in_it(launch, tmp_path):
    """Redis dies: everything in it is gone, and the evidence says so, once."""
    server = launch(workers=1)
    blob = server.put_ok(server.sealed(300))
    recorded(server, "stored", blob)
    os.kill(int(server.env["TIMEGLAS_REDIS_PID"]), signal.SIGKILL)
    wait_for(
        lambda: [r for r in events_of(log_of(server)) if r["event"] == "store-lost"],
        "it is recorded",
        10,
    )
    wait_for(lambda: server.put(server.sealed(300)).status == 201, "it goes on", 10)
    log, key = finished(server, tmp_path)
    status, report = verify(log, "--key", key)
    assert status == 0, report["findings"]
    assert [(r["cause"], r["n"]) for r in report["ends"]] == [("store-lost", 2)]
    lost = [r["more"] for r in events_of(log) if r["event"] == "store-lost"]
    assert [more.get("count") for more in lost] == [None, "1"], "the other one by the stop"


def test_rotation_keeps_the_chain(launch, tmp_path):
    """Files that are full are put aside; together they are one chain, and one missing is
    noticed."""
    server = launch(workers=1, options=[("server.audit_rotate_bytes", "64KiB")])
    log = log_of(server)
    rotated = lambda: sorted(log.parent.glob("audit.log.0*"))  # noqa: E731
    end = time.monotonic() + 40 * SLOW
    while len(rotated()) < 2:
        assert time.monotonic() < end
        busy(server, rounds=3)
    head = server.erase(server.put_ok(server.sealed(300))["blob"]).json()["head"]
    assert head["n"] > 100
    log, _ = finished(server, tmp_path)
    files = [*sorted(tmp_path.glob("audit.log.0*")), log]
    status, report = verify(*files)
    assert status == UNPINNED, report["findings"]
    assert verify(*files[1:])[0] == UNPINNED, "earlier files may be gone"
    status, report = verify(files[0], *files[2:])
    assert status == 5 and report["findings"][0]["what"] == "missing"
    # the last line of a file that was rotated says that another one follows
    assert [c["goes_on"] for c in verify(*files[:2])[1]["chains"]] == [True]
    assert [c["goes_on"] for c in verify(*files)[1]["chains"]] == [False]
    without = audit("verify", *files[:2]).stdout.decode()
    assert "UNPINNED, of a part" in without and "the file that follows is not given" in without


def test_a_receipt_quotes_a_head_that_stays(launch, tmp_path):
    """Its event and its head are found; a receipt of another server is not."""
    server = launch(workers=1)
    server.put_ok(server.sealed(300))
    receipt = server.erase(server.put_ok(server.sealed(300))["blob"]).json()
    assert receipt["head"]["n"] >= 1 and re.fullmatch(r"[0-9a-f]{64}", receipt["head"]["hash"])
    log, key = finished(server, tmp_path)
    kept = tmp_path / "r.json"
    kept.write_text(json.dumps(receipt, indent=1))
    status, report = verify(log, "--key", key, "--receipt", kept)
    assert status == 0 and report["receipt"] == {"event": True, "head": True, "n": 1}
    for change in (
        {"event": "00-1-1"},
        {"cause": "expired"},
        {"outcome": "ok"},
        {"erased_at": "2026-11-22T12:00:00.000Z"},
        {"tag": "0" * 32},
        {"head": {"n": receipt["head"]["n"], "hash": "0" * 64}},
    ):
        kept.write_text(json.dumps({**receipt, **change}))
        assert verify(log, "--key", key, "--receipt", kept)[0] == 5
    kept.write_text("{}")
    assert audit("verify", log, "--receipt", kept).returncode == 2


def test_without_a_pinned_key_nothing_is_called_good(true_log, tmp_path):
    """Anybody can write a chain and sign it. A key that lies beside the log came with it."""
    log, key, _ = true_log
    alone, beside = tmp_path / "alone.log", tmp_path / "beside.log"
    for copy in (alone, beside):
        copy.write_bytes(log.read_bytes())
    (tmp_path / "beside.key.pub").write_text(key)
    for copy in (alone, beside):
        status, report = verify(copy)
        assert status == UNPINNED and not report["pinned"] and not report["findings"]
        text = audit("verify", copy)
        assert text.returncode == UNPINNED and b"VERDICT: UNPINNED" in text.stdout
    status, report = verify(beside, "--key", tmp_path / "beside.key.pub")
    assert status == 0 and report["pinned"]
    assert b"VERDICT: GOOD" in audit("verify", beside, "--key", key).stdout
    (tmp_path / "beside.key.pub").write_text("timeglas-audit1" + "0" * 64)
    assert verify(beside)[0] == 5, "it must fit all the same"


def test_a_large_log_is_verified_quickly(tmp_path):
    """Streaming: hundreds of thousands of records a second, in little memory."""
    maker = next(
        (
            p
            for p in (BIN / "unit" / "test_chain", ROOT / "build/release/unit/test_chain")
            if p.exists()
        ),
        None,
    )
    if maker is None:
        pytest.skip("unit tests are not built")
    log = tmp_path / "big.log"
    events = 200_000 // SLOW
    key = (
        subprocess.run(
            [str(maker)],
            env={"TIMEGLAS_CHAIN_OUT": str(log), "TIMEGLAS_CHAIN_EVENTS": str(events)},
            check=True,
            stdout=subprocess.PIPE,
        )
        .stdout.decode()
        .strip()
    )
    began = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    status, report = verify(log, "--key", key)
    rate = events / (resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - began)
    print(f"{rate:,.0f} records for a second of processor time")
    assert status == 0 and report["events"] == events - 10, report["findings"][:3]
    assert rate > (50_000 if SLOW == 1 else 2_000), "far below what was measured (docs/evidence.md)"


def test_what_is_not_known_is_carried_as_it_is(launch, tmp_path):
    """Events of a newer server, fields with any bytes, values of another form: all are in the
    record; what is too large leaves its hash."""
    server = launch(workers=1)
    server.redis(
        "XADD", "tg:{05}:out", "*", "e", "weighed", "d", "no description", "z", "007", "new",
        'a"\\\n\x7f', "o", "ok", "at", "1700000000123", "empty", "",
    )
    server.redis("XADD", "tg:{05}:out", "*", "e", "big", "x", "y" * 20000)
    server.redis("XADD", "tg:{06}:out", "*", "no", "name")
    (big,) = wait_for(
        lambda: [r for r in events_of(log_of(server)) if r["event"] == "unreadable"],
        "it is recorded",
        3,
    )
    (event,) = [r for r in events_of(log_of(server)) if r["event"] == "weighed"]
    assert event["more"] == {"d": "no description", "z": "007", "new": 'a"\\\n\x7f', "empty": ""}
    assert (
        event["outcome"] == "ok"
        and event["time"] == "2023-11-14T22:13:20.123Z"
        and "size" not in event
    )
    content = b"".join(part + b"\0" for part in (b"e", b"big", b"x", b"y" * 20000))
    assert big["more"] == {
        "bytes": "20005",
        "blake2b": hashlib.blake2b(content, digest_size=32).hexdigest(),
    }
    wait_for(
        lambda: [
            r
            for r in events_of(log_of(server))
            if r["event"] == "?" and r["more"] == {"no": "name"}
        ],
        "also this",
        3,
    )
    log, key = finished(server, tmp_path)
    assert verify(log, "--key", key)[0] == 0


def test_one_recorder_writes_and_others_wait(launch, tmp_path):
    """Two servers on one store: the second's recorder says that it waits, knows the first one's
    head and that nothing is late."""
    first = launch(workers=1)
    second = launch(
        workers=1, options=[("store.url", "unix://" + first.env["TIMEGLAS_REDIS_SOCKET"])]
    )
    assert json.loads(first.admin("/readyz")[1])["evidence"] == "recording"
    code, text = second.admin("/readyz")
    assert code == 200 and "another server's recorder" in json.loads(text)["evidence"]
    for _ in range(3):
        blob = second.put_ok(second.sealed(300))
        recorded(first, "stored", blob)
        let_pass(0.7, "the events are of different rounds of the recorder")
    receipt = wait_for(
        lambda: second.erase(second.put_ok(second.sealed(300))["blob"]).json(), "a receipt", 3
    )
    assert receipt["head"]["n"] in [r["n"] for r in lines_of(log_of(first)) if "checkpoint" in r]
    assert not log_of(second).exists()
    second.close_connections()
    second.env.pop("TIMEGLAS_REDIS_SOCKET")  # the first one's, and it stays
    second.stop()
    log, key = finished(first, tmp_path)
    (tmp_path / "r").write_text(json.dumps(receipt))
    assert verify(log, "--key", key, "--receipt", tmp_path / "r")[0] == 0


def test_an_unreadable_end_is_not_buried(launch):
    """Somebody edits the last lines while the recorder is away: it does not go on as if nothing
    were, and says why."""
    server = launch(workers=1, options=[("server.audit_max_lag_s", 1)])
    recorded(server, "stored", server.put_ok(server.sealed(300)))
    log = log_of(server)
    wait_for(lambda: "checkpoint" in lines_of(log)[-1], "it is signed", 3)
    pid = recorder(server)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-1]) + lines[-1].replace(b'"sig":"', b'"sig":"0', 1))
    before = log.read_bytes()
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: server.put(server.sealed(300)).status == 503, "uploads stop", 10)
    assert "audit_log is not as its recorder left it" in server.admin("/readyz")[1]
    assert log.read_bytes() == before
    log.rename(log.with_suffix(".kept"))
    wait_for(lambda: server.put(server.sealed(300)).status == 201, "a new one is begun", 10)


def chained(path, *events, first=1, prev="0" * 64):
    """A file of such lines with hashes that fit, which nobody has signed."""
    with open(path, "wb") as f:
        for n, (at, members) in enumerate(events, first):
            when = datetime.datetime.fromisoformat(at.replace("Z", "+00:00"))
            ms = round(when.timestamp() * 1000)
            members = f'"id":"00-{ms}-{n}",{members}'
            line = f'{{"n":{n},"time":"{at}",{members},"prev":"{prev}"}}'.encode()
            prev = hashlib.blake2b(line, digest_size=32).hexdigest()
            f.write(line + b"\n")
    return path


def kinds(path):
    """What verify finds, besides that nobody signed it."""
    return sorted(
        f["what"] for f in verify(path)[1]["findings"] if f["what"] not in ("begin", "unsigned")
    )


def test_evidence_of_a_blob_that_was_held_too_long_is_a_finding(tmp_path):
    """Its deadline was right, but nobody erased it in time: a verdict of "good" would be a lie
    about the rules."""

    def life(end, late_us, kind="passport", dk="true", deadline="2026-11-22T13:00:00.000Z"):
        blob = f'"tag":"{"0" * 32}","kind":"{kind}","dk":{dk},"size":1,"deadline":"{deadline}"'
        late = "" if late_us is None else f',"late_us":{late_us}'
        return kinds(
            chained(
                tmp_path / "l",
                ("2026-11-22T12:00:00.000Z", f'"event":"stored",{blob}'),
                (end, f'"event":"gone",{blob},"cause":"expired"{late}'),
            )
        )

    assert life("2026-11-22T13:00:05.000Z", 5000000) == []
    assert life("2026-11-22T13:00:05.001Z", 5001999) == ["limit"]
    day = {"kind": "liveness", "dk": "false", "deadline": "2026-11-23T12:00:00.000Z"}
    assert life("2026-11-23T12:00:05.000Z", 5000999, **day) == []
    assert life("2026-11-23T12:00:05.001Z", 5001000, **day) == ["limit"]
    at = "2026-11-22T13:00:01.000Z"
    for late_us, found in ((999999, ["late"]), (1000000, []), (1000999, []), (1001000, ["late"])):
        assert life(at, late_us) == found, late_us
    assert life(at, None) == ["late"], "a deadline ended it, so it must say how late"
    assert life("2026-11-22T12:59:59.999Z", 0) == ["early"]


def test_evidence_of_a_claim_without_its_limit_is_a_finding(tmp_path):
    """A claim lasts 15 minutes at most."""
    for lease, found in (
        ('"lease":"2026-11-22T12:15:00.000Z",', []),
        ('"lease":"2026-11-22T12:15:00.001Z",', ["limit"]),
        ("", ["limit"]),
    ):
        line = (
            f'"event":"claimed","tag":"{"0" * 32}","kind":"face3d","dk":false,'
            f'"deadline":"2026-11-22T18:00:00.000Z",{lease}"by":"v"'
        )
        assert kinds(chained(tmp_path / "l", ("2026-11-22T12:00:00.000Z", line))) == found


def test_an_empty_file_is_a_finding(launch, tmp_path):
    """The current file, emptied: the rotated ones before it are good, and yet something is
    missing."""
    server = launch(workers=1)
    recorded(server, "stored", server.put_ok(server.sealed(300)))
    log, key = finished(server, tmp_path)
    (tmp_path / "later.log").touch()
    assert verify(log, "--key", key)[0] == 0
    status, report = verify(log, tmp_path / "later.log", "--key", key)
    assert status == 5 and [(f["what"], Path(f["file"]).name) for f in report["findings"]] == [
        ("begin", "later.log")
    ]
    status, report = verify(tmp_path / "later.log", "--key", key)
    assert status == 5 and [f["what"] for f in report["findings"]] == ["begin"]


def test_a_file_given_twice_or_compressed_is_no_accusation(tmp_path):
    """Both are slips of whoever asks, and are answered as such; not as tampering."""
    log = chained(tmp_path / "l", ("2026-11-22T12:00:00.000Z", '"event":"x"'))
    (tmp_path / "other").symlink_to(log)
    for files in (log, log), (log, tmp_path / "other"):
        done = audit("verify", *files)
        assert (
            done.returncode == 2
            and b"are the same file: give it once" in done.stderr
            and not done.stdout
        )
    packed = tmp_path / "l.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    done = audit("verify", packed)
    assert done.returncode == 2 and b"is compressed: unpack it first" in done.stderr


def test_a_file_that_is_no_evidence_is_named_as_that(tmp_path):
    """Another file by mistake is no accusation; but evidence of which one line is left still is
    evidence, and not good."""
    log = chained(tmp_path / "l", ("2026-11-22T12:00:00.000Z", '"event":"x"'))
    other = tmp_path / "other"
    for content in (
        b"hello\n", b"\0" * 100_000, b"no line end",
        b'{"time":"2026-11-22T12:00:00.000Z","n":1}\n' * 1000, os.urandom(50_000),
    ):
        other.write_bytes(content)
        for command in (("verify",), ("show", "--at", "2026-11-22T12:00:00Z")):
            done = audit(*command, log, other)
            assert (
                done.returncode == 2
                and b"other is no evidence file" in done.stderr
                and not done.stdout
            ), done
    lines = log.read_bytes().splitlines(keepends=True)
    for left in (b"garbage\n" * 3000 + lines[-1], lines[0] + b"garbage\n" * 3000):
        other.write_bytes(left)
        status, report = verify(other)
        assert status == 5 and report["findings_total"] > 0
        assert report["first_time"].startswith("2026-")


@pytest.mark.parametrize("command", [("verify",), ("show", "--at", "2026-11-22T12:00:00Z")])
def test_refs_that_were_made_to_collide_do_not_slow_it(tmp_path, command):
    """Whoever writes a file may choose the tags; when their first half was their place in a table,
    80,000 took 14 s."""
    blob = (
        '"event":"stored","tag":"%032x","kind":"liveness","dk":false,"size":1,'
        '"deadline":"2026-11-22T12:10:00.000Z"'
    )
    log = chained(tmp_path / "l", *(("2026-11-22T12:00:00.000Z", blob % n) for n in range(80_000)))
    began = time.monotonic()
    assert audit(command[0], *command[1:], log).returncode == 5
    assert time.monotonic() - began < 5 * SLOW
