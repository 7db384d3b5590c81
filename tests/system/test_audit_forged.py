"""Goal: what a thief of the recorder's key, or of the store, can make a log say is found where it
contradicts itself, though every hash and signature is right. docs/evidence.md, Checking."""
import hashlib
import json
import os
import re

import pytest

from audit import audit, verify
from evidence_writer import T0, Chain, tag, time

SUBJECT, OTHER = "5" * 32, "6" * 32
HOUR = 3_600_000


@pytest.fixture
def look(tmp_path):
    """Checks a chain with its key. Returns its findings, and the report."""

    def look(chain, *args):
        log = chain.finished(tmp_path / "audit.log")
        status, report = verify(log, "--key", chain.key, *args)
        assert (status == 5) == bool(report["findings"]), report
        return [(f["what"], f["line"]) for f in report["findings"]], report

    return look


def test_a_chain_that_lies_about_nothing(look):
    chain = Chain()
    chain.say("session-open", session="ab" * 8, uploader="up", deadline=T0 + HOUR, subject=SUBJECT)
    due = chain.stored(1, session="ab" * 8, subject=SUBJECT)
    other = chain.stored(2, kind="passport", dk=True)
    chain.gone(2, other, "consumed", kind="passport", dk=True)
    chain.gone(1, due, subject=SUBJECT)
    chain.say(
        "subject-erased", chain.now, subject=SUBJECT, uploader="up", by="up",
        more={"count": "1", "method": "overwrite"},
    )
    found, report = look(chain)
    assert found == [] and report["verdict"] == "GOOD"


@pytest.mark.parametrize("event,more", [
    ("store-lost", {"epoch": "f" * 32, "was": "e" * 32}),
    ("store-reverted", {"00": "0-1"}),
    ("taken-over", {"key": "0" * 64, "n": "5", "hash": "0" * 64}),
    ("false-gone", {"of": "00-1-1", "reason": "still-there"}),
    ("store-replaced", {"epoch": "f" * 32, "was": "e" * 32, "reason": "same-data"}),
])
def test_what_only_the_recorder_can_say_ends_no_blob_when_it_came_from_the_store(
    look, event, more
):
    """As an older recorder wrote it down, and as one does today."""
    for said in ({"event": event, "more": more}, {"event": "?", "more": {"e": event, **more}}):
        chain = Chain()
        due = chain.stored(1)
        chain.say(**said)
        chain.say("aborted", due + HOUR, tag=tag(2), kind="video", dk=False, uploader="up")
        found, report = look(chain)
        assert ("forged", 3) in found and ("no-end", 2) in found, found
        assert report["not_given"] == report["store_lost"] == 0


def test_an_event_of_the_store_without_its_id(look):
    """Without it neither its place nor its time could be compared."""
    chain = Chain()
    due = chain.stored(1)
    chain.gone(1, due, own=True)
    assert ("forged", 3) in look(chain)[0]


def test_an_erasure_of_a_subject_that_did_not_happen(look):
    """A blob of it is held still; or more are said to be erased than ended."""
    for blobs, count, wrong in (
        ((SUBJECT,), "0", True), ((SUBJECT,), "1", True), ((), "30", True), ((), None, True),
        ((OTHER,), "0", False),
    ):
        chain = Chain()
        for i, subject in enumerate(blobs):
            chain.stored(i, subject=subject)
        chain.say(
            "subject-erased", subject=SUBJECT, uploader="up", by="up",
            more={"method": "overwrite", **({"count": count} if count else {})},
        )
        found = look(chain)[0]
        assert bool(found) == wrong and {w for w, _ in found} <= {"subject"}, (blobs, found)


def test_a_read_while_the_subject_is_frozen(look):
    """Not one that had begun before, nor one after its release or its end."""

    def frozen(*steps):
        chain = Chain()
        due = chain.stored(1, subject=SUBJECT)
        for step in steps:
            if step == "frozen":
                chain.say(
                    "subject-frozen", subject=SUBJECT, uploader="up", by="up",
                    deadline=chain.now + 1000,
                )
            elif step == "released":
                chain.say("subject-released", subject=SUBJECT, uploader="up", by="up")
            elif step == "later":
                chain.now += 2000
            elif step == "taking":
                chain.say("taking", tag=tag(1), kind="video", dk=False, subject=SUBJECT, by="ver")
        chain.gone(1, due, "consumed", subject=SUBJECT)
        return [w for w, _ in look(chain)[0]]

    assert frozen("frozen") == ["frozen"]
    assert frozen("frozen", "taking") == ["frozen"]
    assert frozen("taking", "frozen") == frozen("frozen", "released") == []
    assert frozen("frozen", "later") == []


@pytest.mark.parametrize("change", [
    {"kind": "liveness"}, {"kind": "passport", "dk": True}, {"dk": True}, {"subject": OTHER},
    {"subject": None},
])
def test_an_end_of_another_kind_or_person(look, change):
    """And no table tells of fewer than none."""
    chain = Chain()
    due = chain.stored(1, subject=SUBJECT)
    chain.gone(1, due, **{"subject": SUBJECT, **change})
    found, report = look(chain)
    assert ("mismatch", 3) in found, found
    assert all(row["held"] >= 0 for row in report["stored"]), report["stored"]


def test_an_end_with_a_session_that_there_was_not(look):
    for cause in ("session-idle", "session-expired"):
        chain = Chain()
        due = chain.stored(1)
        chain.gone(1, due, cause, late_us=900)
        assert ("mismatch", 3) in look(chain)[0]
    chain = Chain()
    due = chain.stored(1, session="ab" * 8)
    assert ("no-begin", 2) in look(chain)[0]


def test_a_reader_who_is_left_out(look):
    chain = Chain()
    chain.gone(1, chain.stored(1), "consumed", by=None)
    due = chain.stored(2)
    chain.say("claimed", tag=tag(2), kind="video", dk=False, deadline=due, lease=due)
    found = look(chain)[0]
    assert ("reader", 3) in found and ("reader", 5) in found, found


def test_an_end_without_a_cause(look):
    """It is no beginning in the tables."""
    for cause in ("", None):
        chain = Chain()
        chain.gone(1, chain.stored(1), cause)
        found, report = look(chain)
        assert ("mismatch", 3) in found, found
        assert [(r["stored"], r["held"]) for r in report["stored"]] == [(1, 0)]
        assert [(r["cause"], r["n"]) for r in report["ends"]] == [("?", 1)]


def test_what_happened_to_a_subject_is_dated_by_the_store(look):
    """An erasure that is told to have been hours before the store appended it."""
    for event, more in (
        ("subject-erased", {"more": {"count": "0", "method": "overwrite"}}),
        ("subject-frozen", {"deadline": T0 + HOUR}), ("refused", {"count": 1, "reason": "frozen"}),
    ):
        chain = Chain()
        chain.say("aborted", T0 + HOUR, tag=tag(2), kind="video", dk=False, uploader="up")
        chain.say(event, T0, subject=SUBJECT, uploader="up", by="up", **more)
        assert ("time", 3) in look(chain)[0], event
    chain = Chain()
    chain.say("refused", by="evil", reason="unknown", count=1, first=T0, last=T0 + 6000)
    assert look(chain)[0] == [("time", 2)]


def test_sums_of_numbers_that_a_stranger_chose(look):
    chain = Chain()
    for _ in range(3):
        chain.say(
            "refused", tag=tag(1), by="evil", reason="second-fetch", first=chain.now,
            last=chain.now, count=2**63 - 1,
        )
    attempts = look(chain)[1]["attempts"]
    assert attempts["total"] == attempts["by_peer"][0]["count"] == 2**63 - 1


def two_logs(tmp_path, second):
    """A log that ended, and that one; both with the same key, all that it signed a proof of."""
    first = Chain()
    first.gone(1, first.stored(1), "consumed")
    first.finished(tmp_path / "first.log")
    (tmp_path / "note").write_text(first.note)
    chain = second(first)
    chain.gone(1, chain.stored(1))
    chain.finished(tmp_path / "second.log")
    status, report = verify(tmp_path / "first.log", tmp_path / "second.log", "--key", first.key)
    return status, [f["what"] for f in report["findings"]]


def test_two_histories_of_one_log_side_by_side(tmp_path):
    """A thief of the key who leaves the history that a proof pins beside the one that counts; they
    may quote each other in a circle."""
    assert two_logs(tmp_path, lambda a: Chain(a.private, a.origin, "d" * 32)) == (5, ["split"])
    assert two_logs(tmp_path, lambda a: Chain(a.private, "another/log", "d" * 32))[0] == 0
    assert two_logs(tmp_path, lambda a: Chain(a.private, epoch="d" * 32, tree=False)) == (
        5, ["split"]
    ), "in the form of an older program, which names no log"

    def continued(first):
        chain = Chain(first.private, first.origin)
        n = len(first.lines)
        return chain.say(
            "taken-over", own=True, more={"key": first.public.hex(), "n": str(n),
            "hash": first.prev}, at=first.now + 10,
        )

    assert "split" not in two_logs(tmp_path, continued)[1]


# What the report says of it ----------------------------------------------------


def answers(log, chain, tmp_path):
    """The text, and the page's answer to the first question."""
    page = tmp_path / "page.html"
    done = audit("verify", log, "--key", chain.key, "--html", page)
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode(), re.search(r"in time\?</dt>\n<dd>([^<]*)", page.read_text())[1]


def test_late_is_not_in_time(tmp_path):
    """Five seconds are; a millisecond more is not, whatever ended it."""
    for late_ms, cause, said in (
        (5000, "expired", "Yes"), (5001, "expired", "No"), (5001, "erased", "No"),
    ):
        chain = Chain()
        due = chain.stored(1)
        late_us = late_ms * 1000 if cause == "expired" else None
        chain.gone(1, due, cause, due + late_ms, late_us=late_us)
        text, page = answers(chain.finished(tmp_path / "audit.log"), chain, tmp_path)
        assert page == said and ("more than 5 s late" in text) == (said == "No"), (text, page)


def test_what_was_not_given_is_not_in_time(tmp_path):
    chain = Chain()
    chain.stored(1)
    chain.say("taken-over", own=True, more={"key": "0" * 64})
    text, page = answers(chain.finished(tmp_path / "audit.log"), chain, tmp_path)
    assert page == "Not shown" and "was due" not in text, text


def test_a_loss_among_too_many_kinds(tmp_path):
    """More kinds than the tables have rows for: the loss is told all the same."""
    chain = Chain()
    for i in range(140):
        chain.stored(i, kind=f"kind{i}")
    chain.say("store-lost", own=True, more={"epoch": "f" * 32, "was": "e" * 32})
    chain.epoch, chain.pos = "f" * 32, {}
    text, _ = answers(chain.finished(tmp_path / "audit.log"), chain, tmp_path)
    assert "140 blobs were lost" in text.split("VERDICT:")[1].splitlines()[0], text


def test_names_of_files_that_are_no_text(tmp_path):
    """They neither steer the terminal nor make anything disappear from a list."""
    chain = Chain()
    chain.gone(1, chain.stored(1), kind="other")
    log = chain.finished(tmp_path / "plain.log")
    bad = os.fsencode(tmp_path) + b"/a\xff\x1b[2Jb\xe2\x80\xaec.log"
    os.rename(log, bad)
    for command in (("show", "--blob", tag(1)), ("show", "--peer", "up"), ("verify",)):
        for form in ("--json",), ():
            done = audit(command[0], os.fsdecode(bad), *command[1:], *form, "--key", chain.key)
            said = done.stdout + done.stderr
            assert b"\x1b" not in said and b"\xff" not in said and b"\xe2\x80\xae" not in said
            report = json.loads(done.stdout) if form else {}
            if command[0] == "show" and form:
                assert len(report["events"]) == report["n"] > 0, report
            elif form:
                assert len(report["findings"]) == report["findings_total"] == 1, report
                assert report["chains"][0]["files"] and done.returncode == 5


def test_a_false_end_hides_no_blob_that_is_held(tmp_path):
    """Whether others came between the end and the word that it is none, or not."""
    for others in (0, 3000):
        chain = Chain()
        due = chain.stored(1)
        chain.gone(1, due)
        false = f"00-{chain.now}-{chain.seq}"
        chain.now -= 10 * others
        for i in range(others):
            chain.stored(i + 2, shard=1, ttl_ms=1000)
        chain.say("false-gone", own=True, tag=tag(1), more={"of": false, "reason": "still-there"})
        moment = chain.now
        chain.gone(1, due, "consumed", chain.now + 50)
        log = chain.finished(tmp_path / "audit.log")
        done = audit("show", log, "--at", time(moment), "--key", chain.key, "--json")
        held = [b for b in json.loads(done.stdout)["held"] if b["tag"] == tag(1)]
        assert [(b["cause"], b["ended_at"]) for b in held] == [
            ("consumed", time(moment + 50))
        ], held


def test_all_addressees_are_told(tmp_path):
    chain = Chain()
    names = " ".join(f"verifier-with-a-long-name-{i:03d}" for i in range(20))
    chain.stored(1, to=names)
    log = chain.finished(tmp_path / "audit.log")
    done = audit("show", log, "--blob", tag(1), "--key", chain.key, "--json")
    assert json.loads(done.stdout)["events"][0]["to"] == names


def test_a_persons_answer_has_no_blob_of_another(tmp_path):
    """Under an id that was used again, a day after its end, for somebody else, or for nobody."""
    subject = "ab" * 32
    mine = hashlib.sha256(f"timeglas subject 1\nup\n{subject}".encode()).hexdigest()[:32]
    for other in ({}, {"subject": OTHER}, {"session": "cd" * 8}):
        chain = Chain()
        if "session" in other:
            chain.say("session-open", session="cd" * 8, uploader="up", deadline=T0 + 20 * HOUR)
        due = chain.stored(1, subject=mine)
        chain.gone(1, due, "consumed", subject=mine)
        due = chain.stored(1, at=chain.now + HOUR, **other)
        chain.say("refused", tag=tag(1), by="ver", reason="too-late", count=1)
        chain.gone(1, due, "consumed", **({"subject": OTHER} if "subject" in other else {}))
        log = chain.finished(tmp_path / "audit.log")
        done = audit("show", log, "--subject", subject, "--key", chain.key, "--json")
        events = json.loads(done.stdout)["events"]
        assert [e["event"] for e in events] == ["stored", "gone"], (other, events)


# Receipts, checkpoints, and what else lies beside the log -----------------------


def kept(chain, **changes):
    """A receipt of the last event of the chain."""
    return {
        "tag": tag(1), "cause": "erased", "event": f"00-{chain.now}-{chain.seq}",
        "erased_at": time(chain.now), **changes,
    }


def test_every_receipt_of_a_file_must_fit(tmp_path):
    """Whether it has a list of them, or one a line; and none says two things."""
    chain = Chain()
    chain.gone(1, chain.stored(1))
    true = kept(chain)
    wrong = {**true, "cause": "consumed"}
    blob = "0500000000000000AAAAAAAA"
    uploaded = {"blob": "x" * 24}
    log = chain.finished(tmp_path / "audit.log")
    for text, status in (
        (json.dumps({"receipts": [true, true]}), 0),
        (json.dumps({"receipts": [wrong, true]}), 5),
        (json.dumps([true, wrong]), 5),
        ("\n".join(map(json.dumps, (uploaded, true, uploaded))), 0),
        ("\n".join(map(json.dumps, (wrong, true))), 5),
        (json.dumps(true).replace('"cause"', '"cause":"consumed","cause"'), 2),
        (json.dumps({**true, "blob": blob}), 5),  # the tag is another blob's
        (json.dumps({"receipts": [true] * 10_001}), 2),
        (json.dumps(true) + "\0", 2),
        (json.dumps(uploaded), 2),
        ("[" * 100_000, 2),
    ):
        (tmp_path / "receipt").write_text(text)
        done = audit("verify", log, "--key", chain.key, "--receipt", tmp_path / "receipt")
        assert done.returncode == status, (text[:200], done)


def test_a_checkpoint_needs_no_policy(tmp_path):
    """What a witness told last, held against a log that was cut or written anew."""
    chain = Chain()
    chain.gone(1, chain.stored(1))
    log = chain.finished(tmp_path / "audit.log")
    (tmp_path / "note").write_text(chain.note)
    other = Chain(chain.private)
    other.gone(1, other.stored(1, size=1001), size=1001)
    another = other.finished(tmp_path / "other.log")
    for file, status in ((log, 0), (another, 5)):
        done = audit("verify", file, "--key", chain.key, "--receipt", tmp_path / "note")
        assert done.returncode == status, done


def test_a_pipe_beside_the_log_holds_nobody_up(tmp_path):
    """In the folder of tiles, as the key, as a rotated file."""
    chain = Chain()
    chain.gone(1, chain.stored(1))
    log = chain.finished(tmp_path / "audit.log")
    (tmp_path / "note").write_text(chain.note)
    tiles = tmp_path / "audit.log.tiles"
    (tiles / "tile/0/000.p").mkdir(parents=True)
    os.mkfifo(tmp_path / "audit.key.pub")
    os.mkfifo(tmp_path / "audit.log.000000000001")
    os.mkfifo(tiles / "tile/0/000.p/3")
    os.mkfifo(tiles / "checkpoint")
    assert audit("verify", log).returncode == 7
    assert audit("verify", log, tmp_path / "audit.log.000000000001").returncode == 2
    look = ("receipt", tmp_path / "note", "--key", chain.key, "--tiles", tiles)
    assert audit(*look).returncode == 2
    (tiles / "checkpoint").unlink()
    (tiles / "checkpoint").write_text(chain.note)
    assert audit(*look).returncode == 5
