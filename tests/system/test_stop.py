"""A stop with the embedded Redis: blobs that it ends are counted in the log, the evidence and the
exit status; a stop that ends none says nothing of it."""
import os
import re
import signal

import pytest

from audit import Forger, events_of, finished, lines_of, verify
from configured import Configured, pki  # noqa: F401  pylint: disable=unused-import
from harness import SLOW, wait_for

LOST = 3  # the exit status


def store_lost(lines):
    return [
        r for r in lines if r.get("event") == "store-lost" and r["more"].get("reason") == "stop"
    ]


def check_evidence(log, pub, count):
    """The last record is the stop's, only the last checkpoint follows it, and every blob has its
    end."""
    lines = lines_of(log)
    (record,) = store_lost(lines)
    assert record["more"]["count"] == str(count) and record["more"]["was"], record
    assert lines[-2] == record and lines[-1]["checkpoint"] == "exit", lines[-3:]
    status, report = verify("--key", pub, log)
    assert status == 0, report
    lost = sum(row["n"] for row in report["ends"] if row["cause"] == "store-lost")
    assert lost == count and report["open"] == 0, report


@pytest.fixture
def start(pki, tmp_path):  # noqa: F811  pylint: disable=redefined-outer-name
    """start(drain_s): a server by a configuration file, with its embedded Redis."""
    servers = []

    def begin(drain_s):
        c = Configured(pki, tmp_path)
        c.peers["uploader"] += "\nto = verifier"
        c.write()
        c.file.write_text(c.file.read_text().replace("drain_s = 0", f"drain_s = {drain_s}"))
        servers.append(c.start())
        return servers[-1]

    yield begin
    for server in servers:
        server.kill()


def ended(server, tmp_path):
    """Waits for its end. Returns exit status, log, and the public key of its evidence."""
    server.close_connections()
    family = server.descendants()
    status = server.proc.wait(20 * SLOW)
    log = server.log()
    server.check_gone(status, family)
    return status, log, next(tmp_path.glob("audit*.pub")).read_text().strip()


def test_stop_with_live_blobs_is_accounted_for(start, tmp_path):
    """Live blobs of one chunk and of several, a claimed one; not an upload under way, nor one that
    has ended."""
    server = start(drain_s=0)
    for size in (300, 5_000, 600_000):
        server.put_ok(server.sealed(size))
    server.claim_ok(server.put_ok(server.sealed(400_000))["blob"])
    server.take(server.put_ok(server.sealed(300))["blob"])
    with server.connect() as upload:
        body = server.sealed(900_000)
        upload.send(server.upload_head(len(body)) + body[:500_000])
        wait_for(lambda: server.metric("timeglas_uploads") == 1, "the upload is under way")
        server.proc.send_signal(signal.SIGTERM)
        status, log, pub = ended(server, tmp_path)
    assert status == LOST
    assert not [e for e in log if e["event"] == "evidence-lost"]
    (line,) = [e for e in log if e["event"] == "store-lost"]
    assert line["level"] == "error" and line["detail"].startswith("4 live blobs"), line
    check_evidence(tmp_path / "audit.jsonl", pub, 4)


def test_stop_without_live_blobs_ends_with_0(start, tmp_path):
    """One was stored and fetched; nothing is lost, and nothing says so."""
    server = start(drain_s=0)
    server.take(server.put_ok(server.sealed(300))["blob"])
    server.proc.send_signal(signal.SIGTERM)
    status, log, pub = ended(server, tmp_path)
    assert status == 0
    assert not [e for e in log if e["event"] == "store-lost"]
    assert not store_lost(events_of(tmp_path / "audit.jsonl"))
    assert verify("--key", pub, tmp_path / "audit.jsonl")[0] == 0


def test_drain_that_is_fetched_in_time_loses_nothing(start, tmp_path):
    """The last fetch ends the drain, with 0."""
    server = start(drain_s=60)
    blob = server.put_ok(server.sealed(300))["blob"]
    server.proc.send_signal(signal.SIGTERM)
    wait_for(lambda: server.admin("/readyz")[0] == 503, "it drains")
    assert server.take(blob).status == 200
    status, _, _ = ended(server, tmp_path)
    assert status == 0
    assert not store_lost(events_of(tmp_path / "audit.jsonl"))


def test_drain_that_is_over_accounts_for_what_is_left(start, tmp_path):
    """drain_s passes with one blob unfetched."""
    server = start(drain_s=1)
    server.put_ok(server.sealed(300))
    server.proc.send_signal(signal.SIGTERM)
    status, _, pub = ended(server, tmp_path)
    assert status == LOST
    check_evidence(tmp_path / "audit.jsonl", pub, 1)


def test_second_signal_accounts_for_them_too(start, tmp_path):
    """It hurries, but no blob goes without a word."""
    server = start(drain_s=60)
    server.put_ok(server.sealed(300))
    server.proc.send_signal(signal.SIGTERM)
    wait_for(lambda: server.admin("/readyz")[0] == 503, "it drains")
    server.proc.send_signal(signal.SIGTERM)
    status, _, pub = ended(server, tmp_path)
    assert status == LOST
    check_evidence(tmp_path / "audit.jsonl", pub, 1)


def test_dev_server_ends_with_0_and_records_the_same(launch, tmp_path):
    """--dev is for throwing away: its exit status does not tell."""
    server = launch(workers=1)
    for _ in range(3):
        server.put_ok(server.sealed(300))
    log, pub = finished(server, tmp_path)
    check_evidence(log, pub, 3)


def test_count_that_the_evidence_contradicts_is_a_finding(launch, tmp_path):
    """The store was counted when nobody used it any more, and its events are recorded: both must
    agree. Here somebody with the key has taken out that a blob was stored."""
    server = launch(workers=1)
    for _ in range(2):
        server.put_ok(server.sealed(300))
    log, _ = finished(server, tmp_path)
    lines = log.read_bytes().splitlines(keepends=True)
    stored = [line for line in lines if b'"event":"stored"' in line]
    lines.remove(stored[0])
    log.write_bytes(Forger(tmp_path).write(lines))
    status, report = verify(log)
    assert status == 5
    assert [f["what"] for f in report["findings"]] == ["count"], report["findings"]


def recorder_of(server):
    """Its process, or None between two."""
    return next((p for p in server.descendants() if "recorder" in server.title(p)), None)


def test_metrics_tell_until_the_end(start, tmp_path):
    """The recorder is held up by a signal, so that the admin process can still be asked."""
    server = start(drain_s=0)
    server.put_ok(server.sealed(300))
    recorder = recorder_of(server)
    os.kill(recorder, signal.SIGSTOP)
    server.proc.send_signal(signal.SIGTERM)
    wait_for(
        lambda: server.metric('timeglas_blobs_ended_total{cause="store-lost"}') == 1,
        "the blob is counted",
    )
    os.kill(recorder, signal.SIGCONT)
    assert ended(server, tmp_path)[0] == LOST


@pytest.mark.parametrize("when", ["before", "while it drains", "it hangs"])
def test_stop_whose_redis_dies_does_not_end_as_if_nothing_was_lost(start, tmp_path, when):
    """Nobody can count any more what it held: the log, the evidence and the exit status say so."""
    server = start(drain_s=20)
    server.put_ok(server.sealed(300))
    (redis,) = [p for p in server.descendants() if "redis-server" in server.title(p)]
    if when == "before":
        os.kill(server.proc.pid, signal.SIGSTOP)  # it learns of both at once
        os.kill(redis, signal.SIGKILL)
        server.proc.send_signal(signal.SIGTERM)
        os.kill(server.proc.pid, signal.SIGCONT)
    elif when == "it hangs":
        os.kill(redis, signal.SIGSTOP)
        server.proc.send_signal(signal.SIGTERM)
    else:
        server.proc.send_signal(signal.SIGTERM)
        wait_for(lambda: server.metric("timeglas_draining") == 1, "it drains", 5)
        os.kill(redis, signal.SIGKILL)
    status, log, _ = ended(server, tmp_path)
    assert status == LOST
    said = [e["detail"] for e in log if e["event"] == "store-lost"]
    assert when == "it hangs" or "the embedded Redis ended" in said[0], said
    assert "at least 0 live blobs" in said[-1], said
    (record,) = store_lost(lines_of(tmp_path / "audit.jsonl"))
    assert record["more"]["at_least"] == "0", record


def test_a_recorder_that_is_killed_in_the_drain_is_replaced(start, tmp_path):
    """The drain goes on, another recorder takes up the file, and the stop is accounted for."""
    server = start(drain_s=60)
    server.put_ok(server.sealed(300))
    fetched = server.put_ok(server.sealed(300))["blob"]
    server.proc.send_signal(signal.SIGTERM)
    wait_for(lambda: server.admin("/readyz")[0] == 503, "it drains")
    first = recorder_of(server)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: recorder_of(server) not in (None, first), "another recorder", 10)
    log = tmp_path / "audit.jsonl"
    assert server.take(fetched).status == 200
    wait_for(lambda: [r for r in events_of(log) if r["event"] == "gone"], "it records", 10)
    server.proc.send_signal(signal.SIGTERM)
    status, _, pub = ended(server, tmp_path)
    assert status == LOST
    check_evidence(log, pub, 1)


def test_a_recorder_that_is_killed_at_the_end_takes_only_its_record_with_it(start, tmp_path):
    """Nobody can write any more: log and exit status tell all the same, and the next start records
    the loss."""
    server = start(drain_s=0)
    server.put_ok(server.sealed(300))
    log_file = tmp_path / "audit.jsonl"

    def has(event):
        return [r for r in lines_of(log_file) if r.get("event") == event]

    wait_for(lambda: has("stored"), "it is recorded", 5)
    recorder = recorder_of(server)
    os.kill(recorder, signal.SIGSTOP)
    server.take(server.put_ok(server.sealed(300))["blob"])  # two events that nobody records
    server.proc.send_signal(signal.SIGTERM)
    wait_for(
        lambda: server.metric('timeglas_blobs_ended_total{cause="store-lost"}') == 1,
        "the blob is counted",
    )
    os.kill(recorder, signal.SIGKILL)
    status, log, pub = ended(server, tmp_path)
    assert status == LOST
    assert len([e for e in log if e["event"] == "store-lost"]) == 1
    (line,) = [e for e in log if e["event"] == "evidence-lost"]
    # what is written and not yet trimmed counts, too
    assert re.match(r"up to [2-9] events were not recorded", line["detail"]), line
    server = start(drain_s=0)
    wait_for(lambda: has("store-lost"), "the loss is recorded", 5)
    server.proc.send_signal(signal.SIGTERM)
    assert ended(server, tmp_path)[0] == 0
    status, report = verify("--key", pub, tmp_path / "audit.jsonl")
    assert status == 0 and report["open"] == 0, report

