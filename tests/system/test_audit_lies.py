"""Goal: who has the recorder's key can write a chain anew, so that hashes and signatures are
right. What its records say must still fit together: each lie is a finding, with its line.
docs/evidence.md, Checking."""
import datetime
import json

import pytest

from audit import Forger, finished, recorded, verify

MEMBERS = (  # in the order in which they stand in a line
    "n", "time", "id", "event", "tag", "kind", "dk", "subject", "size", "deadline", "lease",
    "cause", "late_us", "outcome", "uploader", "to", "by", "session", "more", "prev",
)


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """The lines of a real server's log, and what it told of its blobs: expired, taken, claimed and
    done with, claimed until the lease ran out, bound to a session that was closed or
    fell idle."""
    from harness import Server

    folder = tmp_path_factory.mktemp("truth")
    server = Server(workers=1)
    told = {}
    try:
        session, short = server.session()["session"], server.session(idle_s=1)["session"]
        told["closed"] = server.put_ok(
            server.sealed(300), kind="passport", issuer="DNK", session=session
        )
        told["outlived"] = server.put_ok(
            server.sealed(300), kind="passport", issuer="DNK", session=short
        )
        told["expired"] = server.put_ok(server.sealed(300), ttl=1)
        told["taken"] = server.put_ok(server.sealed(70_000), to="verifier")
        assert server.take(told["taken"]["blob"]).status == 200
        for name in ("acked", "leased"):
            told[name] = server.put_ok(server.sealed(300), to="verifier, verifier2")
        claim = server.claim_ok(told["acked"]["blob"])["claim"]
        assert server.read_claim(claim).status == 200
        told["receipt"] = server.ack(claim).json()
        server.claim_ok(told["leased"]["blob"], lease_s=1)
        assert server.call("DELETE", f"/v1/sessions/{session}").status == 200
        for name in ("expired", "leased", "outlived"):
            recorded(server, "gone", told[name], 10)
        log, key = finished(server, folder)
        assert verify(log, "--key", key)[0] == 0
        return log.read_bytes().splitlines(keepends=True), told
    finally:
        server.kill()


@pytest.fixture
def told_otherwise(truth, tmp_path):
    """Tells of one event otherwise, in a chain that is hashed and signed anew. Returns that line's
    number, and what is found on which line."""
    lines, told = truth
    forger = Forger(tmp_path)

    def tell(event, blob, change, *args):
        n, old = next(
            (n, r)
            for n, r in enumerate(map(json.loads, lines), 1)
            if r.get("event") == event and r.get("tag") == told[blob]["tag"]
        )
        new = {**old, **change(old)}
        text = json.dumps({k: new[k] for k in MEMBERS if k in new}, separators=(",", ":"))
        bad = tmp_path / "bad.log"
        bad.write_bytes(forger.write([*lines[: n - 1], text.encode() + b"\n", *lines[n:]]))
        status, report = verify(bad, "--key", "timeglas-audit1" + forger.public, *args)
        assert (status == 5) == bool(report["findings"]), report
        return n, [(f["what"], f["line"]) for f in report["findings"]]

    return tell


def later(text, ms):
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    at += datetime.timedelta(milliseconds=ms)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def test_the_truth_told_again_is_no_lie(told_otherwise):
    assert told_otherwise("gone", "expired", lambda r: {})[1] == []


@pytest.mark.parametrize("blob", ["expired", "leased", "outlived"])
def test_late_told_as_early(told_otherwise, blob):
    """Erased 4.9 s late, and the record says 900 microseconds."""
    n, found = told_otherwise(
        "gone", blob, lambda r: {"time": later(r["time"], 4900), "late_us": 900}
    )
    assert ("late", n) in found, found


@pytest.mark.parametrize("blob", ["expired", "leased", "outlived"])
def test_an_end_before_its_deadline(told_otherwise, blob):
    """By its own, its claim's, its session's."""
    n, found = told_otherwise("gone", blob, lambda r: {"time": later(r["time"], -1100)})
    assert ("early", n) in found, found


def test_time_running_back(told_otherwise):
    """A day, on whichever line; and from the id's time even where nothing else is near."""
    for event, blob in (
        ("gone", "taken"), ("claimed", "acked"), ("gone", "closed"), ("stored", "taken"),
    ):
        n, found = told_otherwise(event, blob, lambda r: {"time": later(r["time"], -86400_000)})
        assert ("time", n) in found, (event, blob, found)


def test_a_rewritten_reader(told_otherwise, tmp_path):
    """Somebody to whom it was not addressed; or another than the one who had claimed it."""
    n, found = told_otherwise("gone", "taken", lambda r: {"by": "verifier2"})
    assert found == [("reader", n)]
    n, found = told_otherwise("claimed", "acked", lambda r: {"by": "somebody"})
    assert ("reader", n) in found
    n, found = told_otherwise("gone", "acked", lambda r: {"by": "verifier2"})
    assert found == [("second-reader", n)]


def test_a_rewritten_time_of_erasure_or_outcome_contradicts_a_receipt(
    told_otherwise, truth, tmp_path
):
    """With lateness, id and all: whoever kept a receipt sees it."""
    kept = tmp_path / "receipt.json"
    kept.write_text(json.dumps({**truth[1]["receipt"], "head": None}))
    n, found = told_otherwise(
        "gone", "acked", lambda r: {"time": later(r["time"], 1)}, "--receipt", kept
    )
    assert found == [("receipt", n)]
    for change in ({"outcome": "rejected"}, {"cause": "erased"}, {"tag": "0" * 32}):
        found = told_otherwise("gone", "acked", lambda r: change, "--receipt", kept)[1]
        assert ("receipt", n) in found, change
    assert told_otherwise("gone", "acked", lambda r: {}, "--receipt", kept)[1] == []


def test_an_end_that_fits_no_beginning(told_otherwise):
    """Another deadline, another uploader, an outcome nobody could tell, a claim nobody made, a
    session that had not ended."""
    for blob, change in (
        ("expired", lambda r: {"deadline": later(r["deadline"], -10)}),
        ("taken", lambda r: {"uploader": "somebody"}),
        ("taken", lambda r: {"outcome": "ok"}),
        ("expired", lambda r: {"cause": "lease-expired"}),
    ):
        n, found = told_otherwise("gone", blob, change)
        assert found and found[0][1] == n, (blob, found)
