"""Goal: a proof that somebody kept shows by itself, without the log, that its event was recorded,
to us and to a program that has none of our code; one that was altered shows nothing to either; and
the log that it came from is held to it."""
import collections
import json
import os
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from audit import UNPINNED, Forger, audit, finished, log_of, verify
from harness import BIN, ROOT, SANITIZED

PROOFS = int(os.environ.get("TIMEGLAS_PROOFS", "60" if SANITIZED else "1000"))
RUNS = int(os.environ.get("TIMEGLAS_PROOFS", "130"))  # of a whole program for each proof
ALTERED = {
    "line", "index", "hash", "hashes", "size", "root", "origin", "name", "signature", "length",
    "key",
}  # fmt: skip
GO_CODE = Path("/usr/share/gocode/src/golang.org/x/mod/sumdb/note")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder with a log, its key, and proofs: true-N and altered-PART-N."""
    folder = tmp_path_factory.mktemp("kept")
    subprocess.run(
        [BIN / "unit" / "test_proofs"],
        env={**os.environ, "TIMEGLAS_PROOFS_OUT": str(folder), "TIMEGLAS_PROOFS": str(PROOFS)},
        check=True,
        timeout=120,
    )
    return folder


@pytest.fixture(scope="module")
def independent(tmp_path_factory):
    """The program of Go's own signed notes and trees, built without the network."""
    if shutil.which("go") is None or not GO_CODE.is_dir():
        pytest.skip("golang-go or golang-golang-x-mod-dev is not installed")
    folder = tmp_path_factory.mktemp("go")
    program = folder / "proofs"
    subprocess.run(
        ["go", "build", "-o", program, ROOT / "tests/system/independent/proofs.go"],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "GO111MODULE": "off",
            "GOPATH": "/usr/share/gocode",
            "GOCACHE": str(folder / "cache"),
            "GOPROXY": "off",
            "CGO_ENABLED": "0",
        },
        cwd=folder,
        check=True,
        timeout=300,
    )
    return program


def part_of(path):
    return path.name.rsplit("-", 1)[0].removeprefix("altered-")


def proofs_of(folder):
    true, altered = sorted(folder.glob("true-*")), sorted(folder.glob("altered-*"))
    assert len(true) == len(altered) == PROOFS
    assert {part_of(p) for p in altered} == ALTERED
    return true, altered


def test_independent_program_accepts_ours_and_refuses_altered(kept, independent):
    true, altered = proofs_of(kept)
    done = subprocess.run(
        [independent, kept / "key"],
        input="".join(f"{p}\n" for p in true + altered),
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    said = dict(line.split(":")[0].split(" ")[::-1] for line in done.stdout.splitlines())
    assert len(said) == 2 * PROOFS and done.returncode == 1
    assert {said[str(p)] for p in true} == {"accepted"}
    assert {said[str(p)] for p in altered} == {"refused"}


def test_receipt_accepts_true_and_refuses_altered(kept):
    true, altered = (paths[:: max(1, PROOFS // RUNS)] for paths in proofs_of(kept))
    assert {part_of(p) for p in altered} == ALTERED
    for path in true:
        assert audit("receipt", path, "--key", kept / "key").returncode == 0, path
    words = collections.defaultdict(set)
    for path in altered:
        done = audit("receipt", path, "--json", "--key", kept / "key")
        assert done.returncode == 5, path
        told = json.loads(done.stdout)
        assert told["verdict"] == "NOT GOOD" and not told["good"] and "event" not in told
        words[part_of(path)].add(told["fault"])
    assert words["line"] <= {"inclusion"} and words["key"] == {"key"}, words
    assert words["signature"] == {"key", "signature"}  # the id of the key is a part of it


def a_record(kept):
    """A blob's end in the log: its line, and its number."""
    lines = [json.loads(line) for line in (kept / "audit.log").read_text().splitlines()]
    return {line["n"]: line for line in lines}


def test_receipt_tells_what_was_recorded(kept):
    by_number = a_record(kept)
    ends = 0
    for i in range(PROOFS):
        path = kept / f"true-{i}"
        told = json.loads(audit("receipt", path, "--json", "--key", kept / "key").stdout)
        record = by_number[told["n"]]
        assert told["verdict"] == "GOOD" and told["record"] == record
        assert told["checkpoint"]["size"] >= told["n"]
        if record["event"] == "gone":
            ends += 1
            assert told["erased_at"] == record["time"]
            assert (told["tag"], told["cause"], told["outcome"], told["by"]) == (
                record["tag"], "consumed", None, "verifier",
            )  # fmt: skip
            text = audit("receipt", path, "--key", kept / "key").stdout.decode()
            for word in (record["tag"], record["time"], "its one reader has read it", "GOOD"):
                assert word in text
        if ends == 5:
            return
    pytest.fail("no ends among the proofs")


def test_receipt_without_a_pinned_key_is_unpinned(kept):
    done = audit("receipt", kept / "true-1")
    assert done.returncode == UNPINNED and b"UNPINNED" in done.stdout
    assert audit("receipt", kept / "altered-hash-2").returncode == 5
    # both forms of the key, and a file with either
    named = (kept / "key").read_text()
    log = [json.loads(line) for line in (kept / "audit.log").read_text().splitlines()]
    plain = "timeglas-audit1" + log[0]["key"]
    for key in (named, plain):
        assert audit("receipt", kept / "true-1", "--key", key).returncode == 0
    assert audit("receipt", kept / "true-1", "--key", "timeglas-audit1" + 64 * "0").returncode == 5
    assert audit("receipt", kept / "true-1", "--key", plain[:-1]).returncode == 2


def test_receipt_that_is_none_is_refused(kept, tmp_path):
    (tmp_path / "json").write_text('{"tag": "00", "event": "00-1-0"}\n')
    done = audit("receipt", tmp_path / "json")
    assert done.returncode == 2 and b"--receipt" in done.stderr
    assert audit("receipt", tmp_path / "nothing").returncode == 2
    (tmp_path / "empty").write_text("")
    assert audit("receipt", tmp_path / "empty").returncode == 5
    (tmp_path / "long").write_bytes((kept / "true-1").read_bytes() + b"x" * 70_000)
    assert audit("receipt", tmp_path / "long").returncode == 5


def test_receipt_is_checked_in_20_ms(kept):
    if SANITIZED:
        pytest.skip("a sanitized program starts slowly")
    def processor_time():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    seen = []
    for i in range(30):
        begin = processor_time()
        audit("receipt", kept / f"true-{i}", "--key", kept / "key")
        seen.append(processor_time() - begin)
    median = sorted(seen)[15]
    print(f"audit receipt: median {median * 1e3:.1f} ms of processor time")
    assert median <= 0.020


def test_checking_loads_no_library_of_the_network():
    """It is in no process that works offline, and so costs none of its time."""
    needed = subprocess.run(
        ["readelf", "-d", BIN / "timeglas"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    assert "NEEDED" in needed and "libcrypto" in needed and "libcurl" not in needed


def test_verify_holds_the_log_to_a_proof(kept, tmp_path):
    key = ("--key", kept / "key")
    log = kept / "audit.log"
    for i in range(20):
        done = audit("verify", log, *key, "--receipt", kept / f"true-{i}", "--json")
        assert done.returncode == 0, done.stdout
        assert json.loads(done.stdout)["receipt"] == {
            "proof": True, "event": True, "head": True, "ahead_s": 0,
        }  # fmt: skip
    done = audit("verify", log, *key, "--receipt", kept / "altered-hash-2", "--json")
    assert done.returncode == 5
    assert [f["what"] for f in json.loads(done.stdout)["findings"]] == ["receipt"]
    # a log that ends before the proof's checkpoint
    lines = log.read_bytes().splitlines(keepends=True)
    cut = tmp_path / "audit.log"
    cut.write_bytes(b"".join(lines[:102]))
    done = audit("verify", cut, *key, "--receipt", kept / "true-3", "--json")
    assert done.returncode == 5
    assert any("cut off" in f["detail"] for f in json.loads(done.stdout)["findings"])


def test_verify_makes_the_tree_of_a_servers_log_again(launch, tmp_path):
    """Each checkpoint's root and note, across files; where the first files were removed, with the
    tiles beside them; and a thief who has the key, but tells another tree, is found."""
    server = launch(workers=1, options=[("server.audit_rotate_bytes", "64KiB")])
    while len(list(log_of(server).parent.glob("audit.log.0*"))) < 2:
        for _ in range(20):
            server.erase(server.put_ok(server.sealed(300))["blob"])
    log, key = finished(server, tmp_path)
    rotated = sorted(tmp_path.glob("audit.log.0*"))
    files = [*rotated, log]

    def chain(*args):
        status, report = verify(*args, "--key", key)
        (one,) = report["chains"]
        return status, [(f["what"], f["line"]) for f in report["findings"]], one

    status, found, one = chain(*files)
    assert (status, found) == (0, []) and one["roots"] > 2 and one["roots_unknown"] == 0
    status, found, late = chain(*files[1:])
    assert (status, found) == (0, []) and late["roots"] > 1 and late["roots_unknown"] == 0
    (tmp_path / "audit.log.tiles").rename(tmp_path / "elsewhere")
    status, found, late = chain(*files[1:])
    assert (status, found) == (0, []) and late["roots"] == 0 and late["roots_unknown"] > 1
    assert b"The tree was not checked" in audit("verify", *files[1:], "--key", key).stdout
    assert chain(*files[1:], "--tiles", tmp_path / "elsewhere")[2]["roots_unknown"] == 0

    forger, target = Forger(tmp_path), tmp_path / "forged.log"
    lines = rotated[0].read_bytes().splitlines(keepends=True)
    key = "timeglas-audit1" + forger.public
    target.write_bytes(forger.write(lines))
    assert chain(target)[:2] == (0, [])
    checks = [i for i, line in enumerate(lines, 1) if b'"checkpoint"' in line]
    target.write_bytes(forger.write(lines, tree=False))
    found = chain(target)[1]  # with another key in it, the first line is another leaf
    assert found == [("signature", 1), ("root", 2)] + [("signature", i) for i in checks[1:]]
