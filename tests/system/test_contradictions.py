"""Goal: who has stolen the recorder's key, and writes any history anew with it, is found by whoever
kept a proof: with the log, with its tiles alone, or with another checkpoint of the same size. What
lies behind the proof's checkpoint is found only by asking a witness for its latest; what lies
behind that, too, cannot be found, and is shown to be so."""
import collections
import json
import os
import subprocess
import types

import pytest

from audit import audit
from harness import BIN, SANITIZED, let_pass
from witness_log import Hostile, Log, Witness, answering

COUNT = int(os.environ.get("TIMEGLAS_CONTRADICTIONS", "27" if SANITIZED else "90"))
KINDS = {"reader", "time", "removed", "added", "swapped", "anew", "cut", "split", "rollback"}


@pytest.fixture(scope="module")
def histories(tmp_path_factory):
    """A folder with the key, and one for each pair of histories: the proof that was kept of the
    first one; log, tiles and, where there is one, the note of the same size of the second."""
    folder = tmp_path_factory.mktemp("histories")
    subprocess.run(
        [BIN / "unit" / "test_contradictions"],
        env={
            **os.environ,
            "TIMEGLAS_CONTRADICTIONS_OUT": str(folder),
            "TIMEGLAS_CONTRADICTIONS": str(COUNT),
        },
        check=True,
        timeout=120,
    )
    return folder


def pairs(folder, behind):
    found = [p for p in folder.iterdir() if p.is_dir() and p.name.startswith("behind") == behind]
    assert len(found) == COUNT
    return sorted(found)


def kind_of(pair):
    return pair.name.removeprefix("behind-").rsplit("-", 1)[0]


def said(done):
    return done.returncode, {f["what"] for f in json.loads(done.stdout)["findings"]}


def show(title, counts):
    print(title + ":", ", ".join(f"{kind} {n}" for kind, n in sorted(counts.items())))


def test_thief_is_found_with_the_log(histories):
    key, counts = ("--key", histories / "key", "--json"), collections.Counter()
    for pair in pairs(histories, False):
        log = pair / "audit.log"
        if len(counts) < len(KINDS):  # the thief did well: alone, the log is good
            assert said(audit("verify", log, *key)) == (0, set()), pair
        status, findings = said(audit("verify", log, *key, "--receipt", pair / "proof"))
        assert status == 5 and findings == {"receipt"}, (pair, findings)
        counts[kind_of(pair)] += 1
    assert set(counts) == KINDS and counts.total() == COUNT
    show("found with the log", counts)


def test_thief_is_found_with_the_tiles_alone(histories):
    counts = collections.Counter()
    for pair in pairs(histories, False):
        status, findings = said(
            audit(
                "receipt", pair / "proof", "--tiles", pair / "audit.log.tiles", "--key",
                histories / "key", "--json",
            )
        )  # fmt: skip
        short = kind_of(pair) in ("cut", "rollback")
        assert status == 5 and findings <= {"rollback", "history"}, (pair, findings)
        assert not short or findings == {"rollback"}, pair
        counts[kind_of(pair)] += 1
    assert set(counts) == KINDS and counts.total() == COUNT
    show("found with the tiles", counts)


def test_thief_is_found_with_another_readers_checkpoint(histories):
    """Two who were shown different histories compare what they have; neither has the log."""
    counts = collections.Counter()
    for pair in pairs(histories, False):
        if not (pair / "note").exists():
            assert kind_of(pair) in ("cut", "rollback", "removed"), pair
            continue
        status, findings = said(
            audit("receipt", pair / "proof", pair / "note", "--key", histories / "key", "--json")
        )
        assert status == 5 and findings == {"split"}, (pair, findings)
        counts[kind_of(pair)] += 1
    assert set(counts) >= KINDS - {"cut", "rollback"}
    show("found with another checkpoint of the same size", counts)


def test_behind_the_proof_nothing_is_found(histories):
    """The limit that docs/evidence.md names: it takes a younger proof, or a witness."""
    counts = collections.Counter()
    for pair in pairs(histories, True):
        key = ("--key", histories / "key", "--json")
        status, findings = said(
            audit("verify", pair / "audit.log", *key, "--receipt", pair / "proof")
        )
        assert (status, findings) == (0, set()), (pair, findings)
        status, findings = said(
            audit("receipt", pair / "proof", "--tiles", pair / "audit.log.tiles", *key)
        )
        assert (status, findings) == (0, set()), (pair, findings)
        counts[kind_of(pair)] += 1
    show("behind the proof, not found", counts)


def witness_of(histories, pair, folder):
    """A timeglas-witness that has cosigned the first history, as far as it had come when the second
    one was told; and whether that was behind the change."""
    vkey = (histories / "key").read_text()
    log = types.SimpleNamespace(vkey=vkey, origin=vkey.partition("+")[0])
    folder.mkdir()
    witness = Witness(folder, log).start()
    (note,) = pair.glob("witnessed*")
    status, _, text = witness.add(b"old 0\n\n" + note.read_bytes())
    assert status == 200, (pair, status, text)
    assert witness.latest(log) == note.read_text() + text
    return witness, note.name == "witnessed"


def test_behind_the_proof_a_witness_that_is_asked_finds_it(histories, tmp_path):
    found, hidden = collections.Counter(), collections.Counter()
    for pair in pairs(histories, True):
        witness, behind = witness_of(histories, pair, tmp_path / pair.name)
        try:
            ask = (
                "verify", pair / "audit.log", "--key", histories / "key", "--json", "--receipt",
                pair / "proof", "--witness", witness.url + "/",
            )  # fmt: skip
            done = audit(*ask)
            (asked,) = json.loads(done.stdout)["witnesses_asked"]
            if behind:
                assert said(done) == (5, {"witness"}), (pair, done.stdout)
                assert not asked["fits"]
                found[kind_of(pair)] += 1
            else:
                assert said(done) == (0, set()) and asked["fits"], (pair, done.stdout)
                hidden[kind_of(pair)] += 1
            witness.stop()
        finally:
            witness.kill()
    assert set(found) == KINDS - {"rollback", "anew"}
    show("behind the proof, found by asking a witness", found)
    show("behind what the witness had cosigned, not found", hidden)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


def dripping(handler, body):
    while True:
        handler.wfile.write(b"H")
        handler.wfile.flush()
        let_pass(0.2, "the witness is slow")


UNANSWERED = {  # exit status 3: the question was not answered, so nothing is said about the log
    "10 MiB": answering(OK % (10 << 20) + b"x" * (10 << 20)),
    "a redirect": answering(
        b"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    ),
    "nothing": answering(b""),
    "a cut answer": answering(OK % 500 + b"log.example\n"),
    "an error": answering(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"),
    "byte by byte": dripping,
}


def asked(histories, url, *options):
    """What audit verify says when this witness is asked about a log that is good."""
    log = pairs(histories, True)[0] / "audit.log"
    ask = ("verify", log, "--key", histories / "key", "--json", "--witness", url)
    return audit(*ask, *options)


@pytest.mark.parametrize("fault", UNANSWERED)
def test_a_witness_that_does_not_answer_is_no_verdict(histories, fault):
    witness = Hostile(UNANSWERED[fault])
    try:
        done = asked(histories, witness.url)
        assert done.returncode == 3 and not done.stdout, done
        assert witness.url in done.stderr.decode()
    finally:
        witness.close()


def test_what_a_hostile_witness_gives_is_a_finding(histories, tmp_path):
    """What it gives is the word of the log's key, or nothing."""
    pair = pairs(histories, True)[0]
    (note,) = pair.glob("witnessed*")
    origin = note.read_text().partition("\n")[0]
    (tmp_path / "w").mkdir()
    key = Witness(tmp_path / "w", Log()).key
    policy = tmp_path / "policy"
    policy.write_text(f"witness w {key}\nquorum w\n")
    stranger = Log(origin).grow(9).note()  # the same name, another key
    proof = (pair / "proof").read_text()
    for text, options in (
        ("", ()), ("junk\n", ()), (stranger, ()), (proof, ()),
        (Log("another.example").grow(9).note(), ()),
        ((pair / "audit.log.tiles" / "checkpoint").read_text(), ("--policy", policy)),
    ):  # fmt: skip
        witness = Hostile(answering(OK % len(text.encode()) + text.encode()))
        try:
            assert said(asked(histories, witness.url, *options)) == (5, {"witness"}), text
        finally:
            witness.close()
    # a witness of another log
    (tmp_path / "w2").mkdir()
    true = Witness(tmp_path / "w2", Log())
    try:
        true.start()
        done = asked(histories, true.url)
        assert said(done) == (5, {"witness"}) and b"nothing of the log" in done.stdout
        true.stop()
    finally:
        true.kill()
    for url in ("ftp://127.0.0.1/", "127.0.0.1", "file:///etc/passwd"):
        assert asked(histories, url).returncode == 2
    assert asked(histories, "http://127.0.0.1:1").returncode == 3


def test_tiles_that_were_changed_are_told_from_a_history_that_was(histories, tmp_path):
    pair = pairs(histories, True)[0]
    copy = tmp_path / "tiles"
    subprocess.run(["cp", "-r", pair / "audit.log.tiles", copy], check=True)
    tile = next(p for p in (copy / "tile" / "0").rglob("*") if p.is_file())
    data = bytearray(tile.read_bytes())
    data[40] ^= 1
    tile.write_bytes(data)
    ask = ("receipt", pair / "proof", "--tiles", copy, "--key", histories / "key", "--json")
    assert said(audit(*ask)) == (5, {"tiles"})
    tile.unlink()
    assert said(audit(*ask)) == (5, {"tiles"})
    (copy / "checkpoint").write_bytes((copy / "checkpoint").read_bytes()[:-30])
    assert said(audit(*ask)) == (5, {"tiles"})
    (copy / "checkpoint").unlink()
    assert audit(*ask).returncode == 2


def test_rotated_log_is_held_to_a_proof_by_its_tiles(histories, tmp_path):
    """The first files were removed, as their retention says; their tiles stay."""
    key, seen = ("--key", histories / "key", "--json"), set()
    for behind in (False, True):
        for pair in pairs(histories, behind)[:: max(1, COUNT // 20)]:
            proof = json.loads(audit("receipt", pair / "proof", *key).stdout)
            lines = (pair / "audit.log").read_bytes().splitlines(keepends=True)
            checks = [i for i, x in enumerate(lines) if b'"checkpoint":"' in x]
            # a rotation at the last checkpoint that stands before the proof's
            at = max(i for i in checks if i < min(proof["checkpoint"]["size"], len(lines) - 1))
            if at == 0:
                continue
            folder = tmp_path / pair.name
            folder.mkdir()
            (folder / "audit.log").write_bytes(b"".join(lines[at:]))
            (folder / "audit.log.tiles").symlink_to(pair / "audit.log.tiles")
            done = audit("verify", folder / "audit.log", *key, "--receipt", pair / "proof")
            found = said(done)[1] - {"begin"}  # it was not rotated by the recorder itself
            assert found - {"no-begin"} == (set() if behind else {"receipt"}), (pair, found)
            seen.add(behind)
    assert seen == {False, True}
