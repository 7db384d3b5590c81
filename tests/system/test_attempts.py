"""Goal: a read that is refused leaves a trace in the evidence, joined to the blob and the peer,
also when its worker is killed right behind it; and a flood of them stays small."""
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from audit import events_of, finished, log_of, verify
from harness import SLOW, wait_for
from test_happy import moment

TIMES = 20
NEVER = "A" * 21 + "g"
SUBJECT = "5ca1ab1e" * 8


def refused_of(log):
    return [e for e in events_of(log) if e["event"] == "refused"]


def counted(records):
    """(tag, by, reason): attempts"""
    total = Counter()
    for r in records:
        total[r.get("tag"), r["by"], r["reason"]] += r["count"]
    return total


def twenty_of_each(server):
    """What the evidence has to count afterwards."""
    due = Counter()

    def note(reason, blob, peer, calls):
        for call in calls:
            assert call().status in (403, 404, 409, 410, 423)
        due[blob and blob["tag"], peer, reason] += len(calls)

    def take_or_claim(blob, peer):
        return [
            lambda how=how: server.call("POST", f"/v1/blobs/{blob}/{how}", peer)
            for how in ("take", "claim") * (TIMES // 2)
        ]

    own = server.put_ok(server.sealed(300), to="verifier")
    note("not-addressed", own, "verifier2", take_or_claim(own["blob"], "verifier2"))
    note("wrong-role", own, "uploader", take_or_claim(own["blob"], "uploader"))
    foreign = server.put_ok(
        server.sealed(300), kind="passport", issuer="SWE", to="verifier, processor"
    )
    take = [lambda: server.take(foreign["blob"], "processor")]
    note("wrong-role", foreign, "processor", take * TIMES)
    gone = server.put_ok(server.sealed(300))
    assert server.take(gone["blob"]).status == 200
    note("second-fetch", gone, "verifier2", take_or_claim(gone["blob"], "verifier2"))
    note("second-fetch", gone, "verifier", take_or_claim(gone["blob"], "verifier"))
    held = server.put_ok(server.sealed(300))
    claim = server.claim_ok(held["blob"])["claim"]
    note("claimed-by-other", held, "verifier2", take_or_claim(held["blob"], "verifier2"))
    note("claimed-by-other", held, "verifier2", [lambda: server.read_claim(claim, "verifier2")])
    wrong = held["blob"] + NEVER
    note("wrong-claim", held, "verifier", [lambda: server.read_claim(wrong)] * (TIMES - 1))
    note("wrong-claim", held, "verifier", [lambda: server.ack(wrong)])
    late = server.put_ok(server.sealed(300))
    assert server.erase(late["blob"]).status == 200
    note("too-late", late, "verifier", take_or_claim(late["blob"], "verifier"))
    frozen = server.put_ok(server.sealed(300), subject=SUBJECT)
    assert server.call("POST", f"/v1/subjects/{SUBJECT}/freeze").status == 200
    note("frozen", frozen, "verifier", take_or_claim(frozen["blob"], "verifier"))
    note("unknown", None, "verifier", take_or_claim("07" + NEVER, "verifier"))
    note("unknown", None, "uploader", [lambda: server.stat("07" + NEVER)] * TIMES)
    return due


def test_twenty_of_each_kind_are_counted_by_blob_and_peer(launch, tmp_path):
    """Of each the first is recorded at once; when the workers end, all are. The log verifies."""
    server = launch(workers=2)
    before = time.time()
    due = twenty_of_each(server)
    wait_for(
        lambda: set(counted(refused_of(log_of(server)))) == set(due), "the first of each kind", 5
    )
    metrics = server.admin("/metrics")[1]
    for reason in {reason for _, _, reason in due}:
        n = sum(n for (_, _, r), n in due.items() if r == reason)
        assert f'timeglas_refused_reads_total{{reason="{reason}"}} {n}\n' in metrics
    log, key = finished(server, tmp_path)
    records = refused_of(log)
    assert counted(records) == due
    # two workers at most, each a first record and one for the rest
    assert max(Counter((r.get("tag"), r["by"], r["reason"]) for r in records).values()) <= 4
    for r in records:
        assert before - 1 < moment(r["first"]) <= moment(r["last"]) < time.time() + 1
        assert moment(r["last"]) <= moment(r["time"])
    assert verify(log, "--key", key)[0] == 0


def test_the_first_attempt_outlives_the_worker(launch, tmp_path):
    """Its worker is killed as soon as it is recorded; the one that follows counts on."""
    server = launch(workers=1)
    gone = server.put_ok(server.sealed(300))
    assert server.take(gone["blob"]).status == 200
    for _ in range(3):
        assert server.take(gone["blob"], "verifier2").status == 410
    (first,) = wait_for(lambda: refused_of(log_of(server)), "the first attempt is recorded", 5)
    assert (first["tag"], first["by"]) == (gone["tag"], "verifier2")
    assert first["reason"] == "second-fetch" and first["count"] >= 1
    (worker,) = server.workers()
    server.close_connections()
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: worker not in server.workers() and server.is_ready(), "another worker", 10)
    assert server.take(gone["blob"], "verifier2").status == 410
    wait_for(lambda: len(refused_of(log_of(server))) == 2, "the next one's first", 5)
    log, key = finished(server, tmp_path)
    assert counted(refused_of(log))[gone["tag"], "verifier2", "second-fetch"] in (2, 4)
    assert verify(log, "--key", key)[0] == 0


def test_a_flood_of_one_peer_stays_small_and_hides_nobody(launch, tmp_path):
    """Thousands of attempts on hundreds of blobs: what one peer adds is bounded, all of them are
    counted, and another's only attempt is there by its blob."""
    server = launch(workers=2)
    blobs = [server.put_ok(server.sealed(300), to="verifier") for _ in range(300)]
    size = log_of(server).stat().st_size
    n = 0
    with server.connect("verifier2") as conn:
        for _ in range(10 if SLOW > 1 else 20):
            for blob in blobs:
                assert conn.request("POST", f"/v1/blobs/{blob['blob']}/claim").status == 404
                n += 1
    gone = server.put_ok(server.sealed(300), to="verifier")
    assert server.take(gone["blob"]).status == 200
    assert server.take(gone["blob"]).status == 410
    wait_for(
        lambda: counted(refused_of(log_of(server)))[gone["tag"], "verifier", "second-fetch"] == 1,
        "the other peer's attempt",
        5,
    )
    log, key = finished(server, tmp_path)
    of_flood = [r for r in refused_of(log) if r["by"] == "verifier2"]
    assert sum(r["count"] for r in of_flood) == n
    assert len(of_flood) < 400 and log.stat().st_size - size < 300_000
    assert verify(log, "--key", key)[0] == 0


ATTEMPTS = int(os.environ.get("TIMEGLAS_ATTEMPTS", "20000"))
PIPELINED = 50


def test_a_million_attempts_of_one_peer_add_a_mebibyte_at_most(launch, tmp_path):
    """TIMEGLAS_ATTEMPTS=1000000: really sent, for blobs that are another's, by two connections that
    do not wait for answers. Every one of them is counted, and another's is there by its blob."""
    server = launch(workers=2)
    blobs = [server.put_ok(server.sealed(300), to="verifier") for _ in range(300)]
    gone = server.put_ok(server.sealed(300), to="verifier")
    assert server.take(gone["blob"]).status == 200
    server.evidence("stored", 301)
    size = log_of(server).stat().st_size
    requests = [
        b"".join(
            b"POST /v1/blobs/%s/claim HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n"
            % (blobs[(i + k) % len(blobs)]["blob"].encode(), b"localhost")
            for k in range(PIPELINED)
        )
        for i in range(0, len(blobs), PIPELINED)
    ]

    def flood():
        with server.connect("verifier2") as conn:
            for i in range(ATTEMPTS // 2 // PIPELINED):
                conn.sock.sendall(requests[i % len(requests)])
                answers, tail = 0, b""
                while answers < PIPELINED:
                    got = conn.sock.recv(1 << 16)
                    assert got
                    tail += got
                    answers += tail.count(b"HTTP/1.1 404")
                    assert b"HTTP/1.1 4" not in tail.replace(b"HTTP/1.1 404", b"")
                    tail = tail[-11:] if not tail.endswith(b"HTTP/1.1 404") else b""

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(flood) for _ in range(2)]:
            done.result()
    assert server.take(gone["blob"]).status == 410
    log, key = finished(server, tmp_path)
    total = counted(refused_of(log))
    assert sum(n for (_, by, _), n in total.items() if by == "verifier2") == ATTEMPTS
    assert total[gone["tag"], "verifier", "second-fetch"] == 1
    added = log.stat().st_size - size
    tree = sum(f.stat().st_size for f in tmp_path.rglob("tile/**/*") if f.is_file())
    print(f"\n{ATTEMPTS} attempts added {added} bytes to the log; all tiles: {tree} bytes")
    assert added < 1 << 20
    assert verify(log, "--key", key)[0] == 0
