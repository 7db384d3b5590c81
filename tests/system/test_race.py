"""Promise 3: exactly one reader, however many race."""
import threading
from collections import Counter

from harness import SLOW, seal, wait_for
from problems import TIME
from wire import Closed

RACERS = 32
SIZES = [300, 900, 4_000, 16_000, 64_000, 70_000, 131_000, 262_000, 500_000, 1_000_000]
BLOBS = 60


def test_one_winner_for_each_of_60_blobs(launch):
    """32 verifiers (of two peers, over two workers) ask for the same blob at once, 60 times: one
    gets its bytes, right and whole; every other hears 409 or 410; and nothing of it is left."""
    server = launch(workers=2)
    content = {
        size: seal(server.env["TIMEGLAS_RECIPIENT"], b"%08d" % size * (size // 8)) for size in SIZES
    }
    bodies = [content[SIZES[i % len(SIZES)]] for i in range(BLOBS)]
    blobs = [server.put_ok(body)["blob"] for body in bodies]
    conns = [server.connect("verifier" if i % 2 else "verifier2") for i in range(RACERS)]
    for conn in conns:
        assert conn.request("GET", "/v1/policy").status == 200
    spread = [server.descriptors(pid) - server.baseline[pid] for pid in server.workers()]
    assert sum(spread) >= RACERS and min(spread) >= 1, f"both workers take part: {spread}"

    answers = [[] for _ in range(BLOBS)]
    failures = []
    start = threading.Barrier(RACERS, timeout=60 * SLOW)

    def race(conn):
        try:
            for i, blob in enumerate(blobs):
                start.wait()
                answers[i].append(conn.request("POST", f"/v1/blobs/{blob}/take"))
        except Exception as e:  # any failure of a racer must fail the test
            failures.append(repr(e))
            start.abort()

    threads = [threading.Thread(target=race, args=(c,)) for c in conns]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures, failures[:3]
    for body, got in zip(bodies, answers):
        statuses = Counter(a.status for a in got)
        assert statuses[200] == 1 and statuses[409] + statuses[410] == RACERS - 1, statuses
        assert next(a for a in got if a.status == 200).body == body
        for a in got:
            if a.status == 410:
                assert a.json()["cause"] == "consumed" and TIME.fullmatch(a.json()["gone_at"])
            elif a.status == 409:
                assert a.json()["type"] == "/problems/claimed"
    wait_for(lambda: not server.chunks(), "no chunk is left", 5)
    for blob in blobs:
        assert server.stat(blob).json()["cause"] == "consumed"


def test_take_and_erase_race_has_one_end(server):
    """An uploader's DELETE against a verifier's take: the blob ends once, and what each is told
    agrees. A take that the erasure overtakes is cut off, and its client can tell."""
    for i in range(20):
        body = server.sealed(300 if i % 2 else 200_000)
        blob = server.put_ok(body)["blob"]
        gate = threading.Barrier(2)
        got = {}

        def go(name, call):
            gate.wait()
            try:
                got[name] = call(blob)
            except Closed:
                got[name] = None

        threads = [
            threading.Thread(target=go, args=a)
            for a in (("take", server.take), ("erase", server.erase))
        ]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        cause = server.stat(blob).json().get("cause")
        if got["erase"].status == 200:
            assert got["erase"].json()["cause"] == cause
        else:
            assert got["erase"].status == 410 and cause == "consumed"
        if got["take"] is None:  # cut off: its reader has had a part, and that stays on record
            assert cause == "consumed" and got["erase"].status == 200
        elif (
            got["take"].status == 410 and cause == "consumed"
        ):  # overtaken before its first byte was read: it is told, the record stands
            assert got["erase"].status == 200 and b"cause" not in got["take"].body
        elif got["take"].status == 200:
            assert got["take"].body == body and cause == "consumed"
        else:
            assert got["take"].status == 410 and cause == "erased"
        wait_for(lambda b=blob: not server.chunks(b), "nothing of it is left", 3)


def test_close_and_upload_race_leaves_no_danish_passport(server):
    """A session closed while uploads into it finish: each is refused or erased, none stays."""
    before = set(server.chunks())
    for _ in range(10):
        session = server.session()["session"]
        body = server.sealed(100_000)
        gate = threading.Barrier(5)
        got = []

        def upload():
            gate.wait()
            got.append(server.put(body, kind="passport", issuer="DNK", session=session))

        threads = [threading.Thread(target=upload) for _ in range(4)]
        for t in threads:
            t.start()
        gate.wait()
        closed = server.call("DELETE", f"/v1/sessions/{session}")
        for t in threads:
            t.join()
        assert closed.status == 200
        assert {a.status for a in got} <= {201, 422}, got
        stored = {a.json()["blob"] for a in got if a.status == 201}
        assert {r["blob"] for r in closed.json()["receipts"]} == stored
        wait_for(lambda: not set(server.chunks()) - before, "nothing of them is left", 3)
