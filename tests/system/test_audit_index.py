"""Goal: with an index, audit show answers as it does without one, whatever became of the evidence
or the index since: what is not as it was indexed is read again. docs/evidence.md, The index."""
import json
import re
import shutil

import pytest

from audit import Forger, audit, finished, log_of, recorded

PERSON = "5b" * 32
EVERY_QUESTION = ("--subject", "--blob", "--session")


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    """A folder with a log and the files rotated from it, its key, and what may be asked."""
    from harness import Server

    folder = tmp_path_factory.mktemp("evidence")
    server = Server(workers=1, options=[("server.audit_rotate_bytes", "64KiB")])
    asked = {"--subject": PERSON}
    try:
        asked["--session"] = server.session(subject=PERSON)["session"]
        bound = server.put_ok(
            server.sealed(300), kind="passport", issuer="DNK", session=asked["--session"]
        )
        asked["--blob"] = bound["blob"]
        for _ in range(20):
            server.put_ok(server.sealed(300), subject=PERSON, to="verifier")
        assert server.call("DELETE", f"/v1/sessions/{asked['--session']}").status == 200
        recorded(server, "gone", bound)
        while len(list(log_of(server).parent.glob("audit.log.0*"))) < 2:
            blob = server.put_ok(server.sealed(300), subject="6c" * 32, to="verifier")
            assert server.take(blob["blob"]).status == 200
        last = server.put_ok(server.sealed(300), subject=PERSON, to="verifier")
        assert server.take(last["blob"]).status == 200
        key = finished(server, folder)[1]
        yield folder, key, asked
    finally:
        server.kill()


class Copy:
    """A copy of the evidence, and a user's home."""

    def __init__(self, evidence, folder):
        self.dir, self.home, self.key = folder / "log", folder / "home", evidence[1]
        self.asked = evidence[2]
        shutil.copytree(evidence[0], self.dir)
        self.home.mkdir()

    @property
    def files(self):
        """In the order in which they were written."""
        return sorted(self.dir.glob("audit.log.0*")) + [self.dir / "audit.log"]

    @property
    def segments(self):
        return sorted(self.home.glob(".local/state/timeglas/index-*"))

    def index(self, *more, files=None, status=0):
        done = audit(
            "index", "--json", *(files or self.files), "--key", self.key, *more, home=self.home
        )
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout or done.stderr)

    def show(self, question="--subject", *more, status=0):
        done = audit(
            "show", "--json", *self.files, "--key", self.key, question,
            self.asked[question], *more, home=self.home,
        )
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout)

    def same(self, question="--subject", status=0, indexed=True):
        """The answer, which must be the one that a full reading gives."""
        answer = self.show(question, status=status)
        whole = self.show(question, "--no-index", status=status)
        assert (answer["index"] is not None) == indexed and whole["index"] is None
        assert {**answer, "index": None} == whole
        return answer


@pytest.fixture
def copy(evidence, tmp_path):
    return Copy(evidence, tmp_path)


def lines_of(copy):
    return sum(f.read_bytes().count(b"\n") for f in copy.files)


def test_same_answer_over_all_files(copy):
    assert len(copy.files) >= 2, "nothing was rotated"
    made = copy.index()
    assert made["lines"] == made["new"] == lines_of(copy) and made["good"]
    assert len(copy.segments) == len(copy.files)
    for question in EVERY_QUESTION:
        answer = copy.same(question)
        assert answer["n"] > 0 and answer["index"]["lines"] == made["lines"]
    of_person = copy.same()["events"]
    assert {e["event"] for e in of_person} >= {"session-open", "session-end", "stored", "gone"}
    assert len({e["file"] for e in of_person}) >= 2, "all of it is in one file"
    assert copy.index()["new"] == 0
    text = audit(
        "show", *copy.files, "--key", copy.key, "--subject", PERSON, home=copy.home
    )
    assert b"--no-index reads all" in text.stderr


@pytest.mark.parametrize("file", (0, 1, -1))
def test_what_came_behind_the_index_is_read(copy, file):
    """It was made while a file was half written; that grew, and was rotated, since."""
    growing, before = copy.files[file], copy.files[: copy.files.index(copy.files[file])]
    lines = growing.read_bytes().splitlines(keepends=True)
    checks = [i for i, line in enumerate(lines) if b'"checkpoint"' in line]
    early = copy.dir / "early"
    early.write_bytes(b"".join(lines[: checks[(len(checks) - 1) // 2] + 1]))
    made = copy.index(files=[*before, early])
    early.unlink()
    assert 0 < made["lines"] < lines_of(copy)
    for question in EVERY_QUESTION:
        assert copy.same(question)["index"]["lines"] == made["lines"]
    assert copy.index()["lines"] == lines_of(copy)
    for question in EVERY_QUESTION:
        copy.same(question)


def test_older_files_were_removed(copy):
    copy.index()
    copy.files[0].unlink()
    assert copy.same()["complete"] is False


def change(path, old, new):
    text = path.read_bytes()
    assert re.search(old, text)
    path.write_bytes(re.sub(old, new, text, count=1))


@pytest.mark.parametrize("last", (False, True))
def test_evidence_changed_in_the_answer(copy, last):
    """One byte, of the same length, in a line of the person, or in the last of the run of 64 lines
    in which that stands: the index leads there."""
    copy.index()
    place = next(e for e in copy.same()["events"] if e["event"] == "gone")
    lines = open(place["file"], "rb").read().splitlines(keepends=True)
    at = place["line"] - 1
    if last:
        at = min(len(lines), (at // 64 + 1) * 64) - 1
    digit = re.search(rb'"time":"[^"]*[.](.)', lines[at])
    other = b"0" if digit.group(1) != b"0" else b"1"
    lines[at] = lines[at][: digit.start(1)] + other + lines[at][digit.end(1):]
    open(place["file"], "wb").write(b"".join(lines))
    copy.same(status=5, indexed=False)
    text = audit("show", *copy.files, "--key", copy.key, "--subject", PERSON, home=copy.home)
    assert b"all of it is read" in text.stderr and b"findings" in text.stderr


def test_evidence_cut_or_replaced(copy, tmp_path):
    """A line of the person taken out; and all of it written anew with another key."""
    copy.index()
    place = next(e for e in copy.same()["events"] if e["event"] == "stored")
    whole = open(place["file"], "rb").read()
    lines = whole.splitlines(keepends=True)
    del lines[place["line"] - 1]
    open(place["file"], "wb").write(b"".join(lines))
    copy.same(status=5, indexed=False)
    open(place["file"], "wb").write(Forger(tmp_path).write(whole.splitlines(keepends=True)))
    copy.same(status=5, indexed=False)


def test_another_key_is_asked_for(copy, tmp_path):
    copy.index()
    true, copy.key = copy.key, "timeglas-audit1" + "ab" * 32
    copy.same(status=5, indexed=False)
    copy.key = true
    copy.same()


def test_every_byte_of_a_damaged_index_counts(copy):
    """Nothing is left out of an answer because the index is damaged: it is not used then."""
    copy.index()
    truth = copy.show("--subject", "--no-index")
    sound = {s: s.read_bytes() for s in copy.segments}
    for segment, data in sound.items():
        for at in [*range(0, len(data), max(1, len(data) // 40)), len(data) - 1]:
            segment.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
            assert {**copy.show(), "index": None} == truth, at
        entries = data.rindex(b"uploader\0") + len(b"uploader\0")  # behind the names
        for other in (
            data[:entries] + bytes(len(data) - entries), data.replace(b"uploader\0", b"uplOader\0"),
        ):
            segment.write_bytes(other)
            assert {**copy.show(), "index": None} == truth
        segment.write_bytes(data[:-8])
        assert {**copy.show(), "index": None} == truth
        segment.write_bytes(data)
    copy.same()


def test_an_index_of_others_is_not_used(copy):
    copy.index()
    state = copy.home / ".local/state/timeglas"
    state.chmod(0o777)
    copy.same(indexed=False)
    assert b"other users may write there" in audit(
        "index", *copy.files, home=copy.home
    ).stderr
    state.chmod(0o700)
    copy.same()


def test_nothing_is_indexed_from_a_finding_on(copy):
    change(copy.files[-1], rb'"cause":"consumed"', b'"cause":"consumee"')
    made = copy.index(status=5)
    assert not made["good"] and made["lines"] < lines_of(copy)
    copy.same(status=5, indexed=made["lines"] > 0)


def test_index_of_evidence_that_is_gone_goes(copy):
    """Under the name that rotation gives it, it is still there."""
    copy.index()
    n, log = len(copy.segments), copy.dir / "audit.log"
    first = int(re.search(rb'"n":(\d+)', log.read_bytes()).group(1))
    rotated = log.rename(copy.dir / f"audit.log.{first:012}")
    assert copy.index(files=[rotated])["new"] == 0 and len(copy.segments) == n
    copy.files[0].unlink()
    assert copy.index(files=[rotated])["new"] == 0 and len(copy.segments) == n - 1


def test_files_of_several_recorders_are_refused(copy, tmp_path):
    other = tmp_path / "audit.log"
    lines = copy.files[0].read_bytes().splitlines(keepends=True)
    other.write_bytes(Forger(tmp_path).write(lines))
    refused = audit("index", *copy.files, other, home=copy.home)
    assert refused.returncode == 2 and b"one recorder's files" in refused.stderr
    assert copy.segments == []
