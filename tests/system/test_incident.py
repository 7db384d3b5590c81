"""A store under somebody else's hands: flushed, its epoch written, events forged. Each is found,
recorded as what it is, and told to the operator."""
import subprocess

import pytest

from audit import events_of, finished, key_of, lines_of, log_of, recorded, verify
from harness import wait_for
from redis_store import FIT

EPOCH = "tg:{00}:epoch"


@pytest.fixture
def served(store, launch):
    """A server in front of a Redis of ours, and that Redis; one blob is live and recorded."""
    external = store(*FIT)
    server = launch(workers=2, options=[("store.url", f"unix://{external.socket}")])
    server.env.pop("TIMEGLAS_REDIS_SOCKET")  # its folder is ours, and stays
    recorded(server, "stored", server.put_ok(server.sealed(300)))
    wait_for(lambda: "checkpoint" in lines_of(log_of(server))[-1], "it is signed")
    return server, external


def own(server):
    """The recorder's own events, and what they say."""
    return [(r["event"], r["more"]) for r in events_of(log_of(server)) if "id" not in r]


def incident(server, was, reason, more=()):
    """It is recorded once, told at /readyz and in the log, and found by audit verify. more: further
    findings that it must lead to."""
    wait_for(lambda: len(own(server)) >= 2, lambda: f"it is recorded: {own(server)}", 5)
    (first, said), (second, lost) = own(server)
    assert (first, second) == ("store-replaced", "store-lost"), own(server)
    assert said["was"] == lost["was"] == was and said["epoch"] == lost["epoch"] != was
    assert said["reason"] == reason
    status, text = server.admin("/readyz")
    assert status == 503 and "restart timeglasd" in text, text
    lines = wait_for(
        lambda: [e for e in server.log() if e["event"] == "store-replaced"], "it is logged", 5
    )
    assert [e["level"] for e in lines] == ["error"] and "find out who" in lines[0]["detail"]
    after = server.put_ok(server.sealed(300))  # a thief of the store gets no switch to stop it
    recorded(server, "stored", after)
    assert server.take(after["blob"]).status == 200
    recorded(server, "gone", after)
    wait_for(lambda: "checkpoint" in lines_of(log_of(server))[-1], "all of it is signed")
    status, report = verify("--key", key_of(server), log_of(server))
    found = [f["what"] for f in report["findings"]]
    assert status == 5 and found == ["store-replaced", *more], report["findings"]


def test_flush_of_a_store_that_goes_on(served):
    """FLUSHALL: another epoch, by the same process."""
    server, external = served
    was = external.cli("GET", EPOCH)
    assert external.cli("FLUSHALL") == "OK"
    incident(server, was, "same-process")


def test_flush_while_the_connection_is_away(served):
    """The run id tells that it is the same process."""
    server, external = served
    was = external.cli("GET", EPOCH)
    subprocess.run(
        ["redis-cli", "-s", external.socket],
        input=b"MULTI\nFLUSHALL\nCLIENT KILL TYPE normal\nEXEC\n",
        stdout=subprocess.DEVNULL,
        check=True,
    )
    wait_for(
        lambda: len([e for e in server.log() if e["event"] == "store-up"]) > 4, "it is back", 10
    )
    incident(server, was, "same-process")


@pytest.mark.parametrize(
    "command", [("SET", EPOCH, "0123456789abcdef" * 2), ("DEL", EPOCH)], ids=["written", "removed"]
)
def test_epoch_that_somebody_writes(served, command):
    """The blobs are all there, under another epoch."""
    server, external = served
    was = external.cli("GET", EPOCH)
    assert external.cli(*command) in ("OK", "1")
    incident(server, was, "same-data")


def test_restart_of_the_store_is_no_incident(served):
    """An empty one with a run id of its own: its blobs are lost, and that is all."""
    server, external = served
    external.restart()
    wait_for(lambda: own(server), "it is recorded", 10)
    wait_for(lambda: server.admin("/readyz")[0] == 200, "ready again", 10)
    assert [event for event, _ in own(server)] == ["store-lost"]
    assert not [e for e in server.log() if e["event"] == "store-replaced"]


def test_restart_of_the_server_acknowledges_it(served, launch, tmp_path):
    """The next one is ready, and finds nothing new."""
    server, external = served
    assert external.cli("FLUSHALL") == "OK"
    wait_for(lambda: len(own(server)) >= 2, "it is recorded", 5)
    assert server.admin("/readyz")[0] == 503
    log, pub = finished(server, tmp_path)
    second = launch(workers=1, options=[("store.url", f"unix://{external.socket}")])
    second.env.pop("TIMEGLAS_REDIS_SOCKET")
    assert second.admin("/readyz")[0] == 200
    assert verify("--key", pub, log)[0] == 5, "the evidence remembers"


def forge(server, external, blob, **fields):
    """A thief of the store writes that a blob ended, as the store itself would, or with other
    fields."""
    server.evidence_is_true = False
    shard = blob["blob"][:2]
    now = external.cli("TIME").split()[0] + "000"
    members = {
        "e": "gone", "d": f"{blob['tag']} liveness 0", "c": "consumed", "o": "", "u": "uploader",
        "w": "verifier", "z": "300", "dl": now, "late": "", "at": now, "b": blob["blob"],
    }
    members.update(fields)
    text = "\t".join(f"{k}\t{v}" for k, v in members.items() if v is not None)
    return shard + "-" + external.cli("XADD", f"tg:{{{shard}}}:out", "*", "p", text)


@pytest.mark.parametrize("size", [300, 600_000], ids=["one-chunk", "chunks"])
@pytest.mark.parametrize("state", ["live", "claimed"])
def test_forged_end_of_a_blob_that_is_still_there(served, size, state):
    """It is recorded as the store says it, and right behind it that it is false."""
    server, external = served
    blob = server.put_ok(server.sealed(size))
    if state == "claimed":
        server.claim_ok(blob["blob"])
    event = forge(server, external, blob)
    false = server.evidence("false-gone", tag=blob["tag"])
    assert [r["more"] for r in false] == [{"of": event, "reason": "still-there"}]
    lines = lines_of(log_of(server))
    at = next(i for i, r in enumerate(lines) if r.get("id") == event)
    behind = [r.get("event") for r in lines[at + 1 :]]
    assert "false-gone" in behind and "checkpoint" not in lines[at + 1], "one checkpoint for both"
    wait_for(lambda: [e for e in server.log() if event in e.get("detail", "")], "it is logged")
    wait_for(lambda: "checkpoint" in lines_of(log_of(server))[-1], "all of it is signed")
    status, report = verify("--key", key_of(server), log_of(server))
    assert status == 5 and "false-gone" in [f["what"] for f in report["findings"]]


@pytest.mark.parametrize(
    "fields, why",
    [({"b": None}, "no id"), ({"b": "other"}, "another blob's id"), ({"b": "x"}, "not an id")],
    ids=["none", "another", "malformed"],
)
def test_forged_end_that_hides_its_blob(served, fields, why):
    """Without the id that belongs to the tag it cannot be asked: that alone is false."""
    server, external = served
    blob, other = (server.put_ok(server.sealed(300)) for _ in range(2))
    server.take(other["blob"])
    if fields["b"] == "other":
        fields = {"b": other["blob"]}
    event = forge(server, external, blob, **fields)
    (false,) = server.evidence("false-gone", tag=blob["tag"])
    assert false["more"] == {"of": event, "reason": "no-id"}, why


@pytest.mark.parametrize("event", ["store-lost", "taken-over", "store-reverted"])
def test_forged_word_of_the_recorders_own(served, event):
    """What would end all that is held, or explain why its end is missing: it is written down as
    nobody's, logged, found, and ends nothing, also for the recorder that comes next."""
    server, external = served
    blob = server.put_ok(server.sealed(300))
    recorded(server, "stored", blob)
    id = forge(server, external, blob, e=event, epoch="f" * 32, was=external.cli("GET", EPOCH))
    (forged,) = wait_for(
        lambda: [r for r in events_of(log_of(server)) if r.get("id") == id], "it is recorded"
    )
    assert forged["event"] == "?" and forged["more"]["e"] == event, forged
    wait_for(lambda: [e for e in server.log() if id in e.get("detail", "")], "it is logged")
    wait_for(lambda: "checkpoint" in lines_of(log_of(server))[-1], "all of it is signed")
    status, report = verify("--key", key_of(server), log_of(server))
    assert status == 5 and {f["what"] for f in report["findings"]} == {"forged"}, report
    assert report["open"] == 2 and report["store_lost"] == report["not_given"] == 0


def test_honest_ends_are_no_false_ones(server):
    """Whatever ends a blob: taken, acknowledged, erased, expired."""
    blobs = [server.put_ok(server.sealed(size)) for size in (300, 600_000) for _ in range(2)]
    server.take(blobs[0]["blob"])
    server.take(blobs[2]["blob"])
    server.erase(blobs[1]["blob"])
    claim = server.claim_ok(blobs[3]["blob"])
    server.read_claim(claim["claim"])
    server.ack(claim["claim"])
    expired = server.put_ok(server.sealed(300), ttl=1)
    for blob in [*blobs, expired]:
        recorded(server, "gone", blob)
    false = [r.get("tag") for r in events_of(log_of(server)) if r["event"] == "false-gone"]
    assert not {b["tag"] for b in [*blobs, expired]} & set(false)  # others forge in this store
    assert all("b" not in r and blobs[0]["blob"] not in str(r) for r in events_of(log_of(server)))
