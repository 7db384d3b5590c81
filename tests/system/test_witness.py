"""Goal: timeglas-witness answers as C2SP tlog-witness says; its cosignatures are checked by a
program of another author's; and it never cosigns two histories of a log, whatever it is sent, and
wherever it is killed."""
import http.client
import json
import os
import random
import socket
import subprocess
import threading
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import audit
from harness import BIN, SANITIZED, SLOW, let_pass
from witness_log import Log, Witness, b64, cosignature, cosigned_at, sha


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def witness(tmp_path, log):
    w = Witness(tmp_path, log)
    try:
        yield w.start()
        if w.proc is not None:
            w.stop()
    finally:
        w.kill()


def cosigned(witness, log, old, size=None):
    status, headers, text = witness.add(log.submission(old, size))
    assert status == 200, (status, text)
    at = cosigned_at(witness.key, log.text(size), text)
    assert at is not None and abs(at - time.time()) < 60
    assert len(text.splitlines()) == 1
    return text


def test_it_follows_a_log_and_tells_its_latest(witness, log):
    assert witness.latest(log) is None
    size = 0
    for more in (1, 1, 5, 249, 1, 700):
        log.grow(more)
        line = cosigned(witness, log, size)
        size += more
        assert witness.latest(log) == log.note() + line
    # the same again: it has said so before
    cosigned(witness, log, size)
    witness.stop()
    witness.start()
    assert cosigned_at(witness.key, log.text(), witness.latest(log)) is not None
    log.grow(3)
    cosigned(witness, log, size)


def test_what_does_not_follow_is_refused_as_specified(witness, log):
    log.grow(20)
    cosigned(witness, log, 0, 10)
    for old in (0, 5, 11, 20):  # another size was cosigned
        status, headers, text = witness.add(log.submission(old))
        assert (status, headers["Content-Type"], text) == (409, "text/x.tlog.size", "10\n")
    # a log that was rolled back
    status, headers, text = witness.add(log.submission(10, 10, log.note(9)))
    assert status == 400
    assert witness.add(log.submission(9, 9))[0::2] == (409, "10\n")
    # another history of the same size, and of a larger one
    other = log.fork(9).grow(11, "forged")
    assert witness.add(other.submission(10, 10))[0::2] == (409, "10\n")
    assert witness.add(other.submission(10))[0] == 422
    assert witness.said().count("contradiction") == 1 and witness.said().count("unproved") == 1
    # a proof that is too long, too short, altered, or of a size 0
    good = log.submission(10).decode()
    proof = good.split("\n\n")[0].split("\n")[1:]
    for lines in ([], proof[:-1], proof + proof[:1], [b64(sha(b"x"))] + proof[1:]):
        body = "\n".join(["old 10", *lines]) + "\n\n" + log.note()
        assert witness.add(body.encode())[0] == 422, lines
    assert cosigned_at(witness.key, log.text(10), witness.latest(log)) is not None
    cosigned(witness, log, 10)


def test_who_has_true_checkpoints_fills_no_log_and_accuses_nobody(witness, log):
    """A stranger sends a checkpoint that the log has signed, with proofs that prove nothing."""
    log.grow(30)
    cosigned(witness, log, 0, 10)
    for size in range(11, 31):
        for _ in range(10):
            junk = f"old 10\n{b64(os.urandom(32))}\n\n{log.note(size)}".encode()
            assert witness.add(junk)[0] == 422
    assert 15 <= witness.said().count("unproved") <= 25
    assert "contradiction" not in witness.said()
    # what proves itself is not hidden by that
    assert witness.add(log.fork(9).grow(1, "forged").submission(10))[0] == 409
    assert witness.said().count("contradiction") == 1
    cosigned(witness, log, 10)


@pytest.mark.parametrize("origin", ("a.example/x?y=z", "a.example/../b", "/latest/x", "a%41//"))
def test_any_origin_can_be_asked_for(tmp_path, origin):
    log = Log(origin).grow(4)
    witness = Witness(tmp_path, log)
    try:
        witness.start()
        assert witness.latest(log) is None
        given = cosigned(witness, log, 0)
        assert witness.latest(log) == log.note() + given
        witness.stop()
    finally:
        witness.kill()


def test_strangers_leave_no_file(witness, log, tmp_path):
    log.grow(2)
    for i in range(50):
        assert witness.add(Log(f"stranger{i}.example").grow(3).submission(0))[0] == 404
        assert witness.add(Log(log.origin).grow(3).submission(0))[0] == 403
    assert {f.name for f in (tmp_path / "state").iterdir()} == {"key", "lock"}
    assert "stranger" not in witness.said()
    cosigned(witness, log, 0)


def test_of_two_histories_sent_at_once_one_wins(witness, log):
    for i in range(20):
        size = len(log.leaves)
        forks = [log.fork(size).grow(3, f"{i} {word}") for word in ("one", "two", "three")]
        given, begin = [], threading.Barrier(len(forks))

        def send(fork, size=size, given=given, begin=begin):
            body = fork.submission(size)
            begin.wait()
            given.append((witness.add(body)[0], fork))

        threads = [threading.Thread(target=send, args=(f,)) for f in forks]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert sorted(status for status, _ in given) == [200, 409, 409]
        (log,) = [fork for status, fork in given if status == 200]
        assert cosigned_at(witness.key, log.text(), witness.latest(log))


def test_unknown_logs_and_keys_are_refused(witness, log):
    log.grow(4)
    assert witness.add(Log("other.example").grow(4).submission(0))[0] == 404
    forged = Log(log.origin).grow(4)
    assert witness.add(forged.submission(0))[0] == 403
    # a signature of a known key does not help under another text
    text = log.note().replace("\n4\n", "\n5\n")
    assert witness.add(f"old 0\n\n{text}".encode())[0] == 403
    # a further signature by a stranger is ignored
    both = log.note() + forged.note().splitlines()[-1].replace(log.origin, "stranger") + "\n"
    status, _, line = witness.add(f"old 0\n\n{both}".encode())
    assert status == 200 and cosigned_at(witness.key, log.text(), line)
    assert witness.latest(log) == log.note() + line


MALFORMED = [
    b"", b"\n", b"old 0\n", b"old 0\n\n", b"old 0", b"old  0\n\nNOTE", b"old 00\n\nNOTE",
    b"old -1\n\nNOTE", b"old\n\nNOTE", b"0\n\nNOTE", b"old 9223372036854775808\n\nNOTE",
    b"old 0\nAAAA\n\nNOTE", b"old 0\r\n\r\nNOTE", b"NOTE", b"old 0\n\nnot a note\n",
    b"old 0\n" + b"A" * 43 + b"=\n" * 70 + b"\nNOTE",
    b"old 0\n" + (b64(sha(b"x")).encode() + b"\n") * 64 + b"\nNOTE", os.urandom(500),
]


@pytest.mark.parametrize("body", MALFORMED)
def test_malformed_submissions_get_400(witness, log, body):
    log.grow(3)
    assert witness.add(body.replace(b"NOTE", log.note().encode()))[0] == 400
    assert witness.latest(log) is None


def test_everything_that_a_peer_sends_is_bounded(witness, log):
    log.grow(3)
    assert witness.add(log.submission(0) + b"x" * 30000)[0] == 413
    status, _, _ = witness.ask(
        "POST", "/add-checkpoint", iter([b"x"]), {"Transfer-Encoding": "chunked"}
    )
    assert status == 411
    assert witness.ask("GET", "/add-checkpoint")[0] == 405
    assert witness.ask("PUT", "/latest/x")[0] == 405
    assert witness.ask("GET", "/" + "x" * 1000)[0] == 404
    host, port = witness.address.rsplit(":", 1)
    silent = [socket.create_connection((host, int(port))) for _ in range(100)]
    try:
        for s in silent[50:]:
            s.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\nold")
        cosigned(witness, log, 0)  # the oldest make room
    finally:
        for s in silent:
            s.close()


def test_a_second_witness_with_the_same_folder_does_not_start(witness, log):
    again = subprocess.run(
        [BIN / "timeglas-witness", "-c", witness.conf], stderr=subprocess.PIPE, check=False
    )
    assert again.returncode == 1 and b"another witness runs" in again.stderr
    log.grow(2)
    cosigned(witness, log, 0)


def run_witness(*args):
    return subprocess.run(
        [BIN / "timeglas-witness", *args], capture_output=True, text=True, timeout=20, check=False
    )


def test_a_second_witness_on_the_same_port_does_not_start(witness, tmp_path):
    # Goal: two witnesses that share a port would each get some of the requests.
    key = run_witness("keygen", "witness.example/w2", tmp_path / "other").stdout.strip()
    conf = tmp_path / "other.conf"
    conf.write_text(
        f"listen = {witness.url.removeprefix('http://')}\nstate = {tmp_path / 'other'}\n"
        + "".join(line for line in open(witness.conf) if line.startswith("log"))
    )
    again = run_witness("-c", conf)
    assert again.returncode == 1 and "is in use" in again.stderr
    # the check names the key, so that a public half that was lost can be had again
    checked = run_witness("-t", "-c", conf)
    assert checked.returncode == 0
    assert checked.stdout == f"{conf}: ok, for the witness {key}\n"


def test_it_explains_itself():
    asked = run_witness("--help")
    assert asked.returncode == 0 and "keygen NAME DIR" in asked.stdout and asked.stderr == ""
    assert run_witness("--version").stdout.startswith("timeglas-witness ")
    assert run_witness("--nonsense").returncode == 2


def test_a_record_that_was_altered_is_not_believed(witness, log, tmp_path):
    log.grow(8)
    cosigned(witness, log, 0)
    witness.stop()
    (record,) = [f for f in (tmp_path / "state").iterdir() if len(f.name) == 64]
    whole = record.read_bytes()
    for bad in (b"", whole[:-1], whole.replace(b"\n8\n", b"\n7\n"), log.note(2).encode()):
        record.write_bytes(bad)
        done = subprocess.run(
            [BIN / "timeglas-witness", "-t", "-c", witness.conf], stderr=subprocess.PIPE,
            check=False,
        )
        assert done.returncode == 1 and b"was altered" in done.stderr, bad
    record.write_bytes(whole)
    witness.start()
    cosigned(witness, log, 8)


def test_a_full_disk_means_no_cosignature(witness, log, tmp_path):
    log.grow(3)
    (tmp_path / "state" / "new").mkdir()  # nothing can be written
    assert witness.add(log.submission(0))[0] == 500
    assert witness.latest(log) is None
    (tmp_path / "state" / "new").rmdir()
    cosigned(witness, log, 0)


def test_keygen_overwrites_no_key(tmp_path, log):
    w = Witness(tmp_path, log)
    before = (tmp_path / "state" / "key").read_bytes()
    assert (tmp_path / "state" / "key").stat().st_mode & 0o77 == 0
    done = subprocess.run(
        [BIN / "timeglas-witness", "keygen", "x", tmp_path / "state"], stderr=subprocess.PIPE,
        check=False,
    )
    assert done.returncode == 1 and (tmp_path / "state" / "key").read_bytes() == before
    for name in ("a b", "a+b", ""):
        assert subprocess.run(
            [BIN / "timeglas-witness", "keygen", name, tmp_path / "y"], stderr=subprocess.PIPE,
            check=False,
        ).returncode == 1
    assert w.key.split("+")[0] == "witness.example/w1"


def test_a_policy_of_two_of_three_is_asked_for_by_audit_receipt(tmp_path, log):
    """A signed checkpoint with cosignatures, checked by a person who trusts the witnesses."""
    witnesses, lines = [], []
    log.grow(9)
    try:
        for i in range(3):
            (tmp_path / f"{i}").mkdir()
            witnesses.append(Witness(tmp_path / f"{i}", log, name=f"w{i}.example").start())
            lines.append(cosigned(witnesses[i], log, 0))
            witnesses[i].stop()
    finally:
        for w in witnesses:
            w.kill()
    policy = tmp_path / "policy"
    policy.write_text(
        f"log {log.vkey}\n"
        + "".join(f"witness w{i} {w.key}\n" for i, w in enumerate(witnesses))
        + "group both 2 w0 w1 w2\nquorum both\n"
    )

    def verdict(text, *options):
        (tmp_path / "note").write_text(text)
        done = audit("receipt", "--json", "--policy", policy, *options, tmp_path / "note")
        return done.returncode, json.loads(done.stdout)

    status, report = verdict(log.note() + lines[0] + lines[2])
    assert (status, report["verdict"], report["witnesses"]["cosigned"]) == (0, "GOOD", 2)
    assert abs(report["witnesses"]["first_s"] - time.time()) < 120
    assert verdict(log.note() + "".join(lines))[0] == 0
    for bad, fault in (
        (log.note() + lines[1], "policy"),
        (log.note() + lines[1] * 3, "policy"),
        (log.note(), "policy"),
        (log.note() + lines[0] + lines[1].replace("w1", "w2"), "policy"),
        (log.note() + lines[0] + lines[1][:-6] + "AAAA=\n", "cosignature"),
        (Log(log.origin).grow(9).note() + lines[0] + lines[1], "key"),
        (log.note(8) + lines[0] + lines[1], "cosignature"),
    ):
        status, report = verdict(bad)
        assert (status, report["fault"]) == (5, fault), bad
    policy.write_text("witness a b\n")
    done = audit("receipt", "--policy", policy, tmp_path / "note")
    assert done.returncode == 2 and b"policy:1: not a key" in done.stderr


@pytest.mark.parametrize("ahead_s", (0, 3, 60, 10**6, 2**62))
def test_a_cosignature_from_the_future_is_told(tmp_path, log, ahead_s):
    log.grow(3)
    line, key = cosignature(
        "w.example", Ed25519PrivateKey.generate(), log.text(), int(time.time()) + ahead_s
    )
    (tmp_path / "policy").write_text(f"log {log.vkey}\nwitness w {key}\nquorum w\n")
    (tmp_path / "note").write_text(log.note() + line)
    ask = ("receipt", "--policy", tmp_path / "policy", tmp_path / "note")
    done = audit(*ask, "--json")
    said = json.loads(done.stdout)["witnesses"]["ahead_s"]
    assert done.returncode == 0
    assert said == 0 if ahead_s < 5 else ahead_s - 60 < said <= ahead_s
    text = audit(*ask).stdout.decode()
    assert ("in the future" in text) == (ahead_s > 5)


ORDER = r"""
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* What is written to the disk, and what to a socket, in its order. */
static void note(const char *what)
{
	int fd = open(getenv("ORDER_OUT"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	dprintf(fd, "%s\n", what);
	close(fd);
}

static void note_socket(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
		note("answer");
}

int fsync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	struct stat st;
	int rc = real(fd);

	note(fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? "sync folder" : "sync file");
	return rc;
}

int renameat(int a, const char *old, int b, const char *new)
{
	int (*real)(int, const char *, int, const char *) =
		(int (*)(int, const char *, int, const char *))dlsym(RTLD_NEXT, "renameat");

	note("rename");
	return real(a, old, b, new);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	ssize_t (*real)(int, const struct iovec *, int) =
		(ssize_t (*)(int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev");

	note_socket(fd);
	return real(fd, v, n);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	ssize_t (*real)(int, const struct msghdr *, int) =
		(ssize_t (*)(int, const struct msghdr *, int))dlsym(RTLD_NEXT, "sendmsg");

	note_socket(fd);
	return real(fd, m, flags);
}
"""


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's library must be the first")
def test_what_is_cosigned_is_on_the_disk_before_anybody_gets_it(tmp_path, log):
    (tmp_path / "order.c").write_text(ORDER)
    subprocess.run(
        ["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", tmp_path / "order.so",
         tmp_path / "order.c"],
        check=True,
    )  # fmt: skip
    out = tmp_path / "order"
    witness = Witness(tmp_path, log)
    try:
        witness.start(LD_PRELOAD=str(tmp_path / "order.so"), ORDER_OUT=str(out))
        for size in range(3):
            log.grow(1)
            before = len(out.read_text().split("\n")) - 1 if out.exists() else 0
            cosigned(witness, log, size)
            assert out.read_text().split("\n")[before:-1] == [
                "sync file", "rename", "sync folder", "answer",
            ]  # fmt: skip
        witness.stop()
    finally:
        witness.kill()


KILLS = 200


def push(witness, history, at, given):
    """Sends a history line by line until it is refused or the witness is gone."""
    try:
        while at < len(history.leaves):
            status, _, text = witness.add(history.submission(at, at + 1))
            if status != 200:
                return
            at += 1
            assert cosigned_at(witness.key, history.text(at), text)
            given.append(history.text(at))
    except (OSError, http.client.HTTPException):
        pass


def test_two_histories_are_never_cosigned_wherever_it_is_killed(tmp_path, log):
    """Again and again two histories part and race for the witness, which is killed at a moment that
    is drawn. All that it ever gave out must be of one history, the one that it knows when it is
    back."""
    witness = Witness(tmp_path, log)
    draw = random.Random(14)
    base, parted = log.grow(4), 0
    try:
        witness.start()
        cosigned(witness, base, 0)
        for i in range(KILLS):
            size, given = len(base.leaves), []
            forks = [base.fork(size).grow(4, f"{i} {word}") for word in ("one", "two")]
            draw.shuffle(forks)
            threads = [
                threading.Thread(target=push, args=(witness, f, size, given)) for f in forks
            ]
            for t in threads:
                t.start()
            let_pass(draw.uniform(0, 0.012) * SLOW, "the moment of the kill is drawn")
            witness.kill()
            for t in threads:
                t.join()
            witness.start()
            text = witness.latest(log).partition("\n\n")[0] + "\n"
            now = int(text.split("\n")[1])
            (winner, *_) = [f for f in forks if f.text(now) == text]
            ours = {winner.text(n) for n in range(size, now + 1)}
            assert set(given) <= ours, "a cosignature of another history, or a forgotten one"
            parted += now > size
            base = winner.fork(now)
        assert parted > KILLS // 10
        witness.stop()
    finally:
        witness.kill()
