"""Goal: a server's checkpoints come back cosigned, from witnesses that are there, whatever others
do; a witness that is away, slow or hostile costs nothing but its cosignature; and a log that
contradicts what was cosigned gets no further one."""
import itertools
import json
import os
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import audit, finished, key_of, verify
from harness import BIN, ROOT, SANITIZED, SLOW, let_pass, wait_for
from witness_log import (
    ED25519, Hostile, Log, Witness, answering, cosignature, cosigned_at, vkey,
)  # fmt: skip


def policy_of(tmp_path, k, witnesses):
    """witnesses: (name, key, url)"""
    path = tmp_path / "policy"
    path.write_text(
        "".join(f"witness {n} {key} {url}\n" for n, key, url in witnesses)
        + f"group enough {k} {' '.join(n for n, _, _ in witnesses)}\nquorum enough\n"
    )
    return path


class Folder:
    """What a recorder keeps beside its log: tiles of up to 255 lines, and the checkpoint."""

    def __init__(self, path, log):
        self.path, self.log = Path(path), log
        self.path.mkdir(exist_ok=True)

    def put(self, name, data):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (self.path / "new").write_bytes(data)
        os.rename(self.path / "new", path)

    def save(self):
        leaves = self.log.leaves
        assert 0 < len(leaves) < 256
        self.put(f"tile/0/000.p/{len(leaves)}", b"".join(leaves))
        self.put("checkpoint", self.log.note().encode())

    def cosigned(self):
        path = self.path / "cosigned"
        return path.read_text() if path.exists() else ""

    def signers(self, keys):
        """The names of those who have cosigned the latest checkpoint."""
        text = self.cosigned()
        if not text.startswith(self.log.note()):
            return set()
        lines = text[len(self.log.note()) :]
        return {n for n, key in keys.items() if cosigned_at(key, self.log.text(), lines)}


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def witnesses(tmp_path, log):
    started = []
    for i in range(3):
        (tmp_path / f"w{i}").mkdir()
        started.append(Witness(tmp_path / f"w{i}", log, name=f"w{i}.example").start())
    yield started
    for w in started:
        w.kill()


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    out = tmp_path_factory.mktemp("courier") / "courier_alone"
    sanitize = ["-fsanitize=address,undefined"] if SANITIZED else []
    libraries = "event_openssl event_core event_extra ssl crypto hiredis sodium jansson inih"
    subprocess.run(
        [
            "cc", "-std=gnu11", "-D_GNU_SOURCE", *sanitize, "-I", ROOT, "-I", ROOT / "include",
            "-I", ROOT / "server", "-o", out, ROOT / "tests/system/courier_alone.c",
            BIN / "libserver.a", BIN / "libcore.a",
            *(f"-l{lib}" for lib in libraries.split()),
        ],
        check=True,
    )
    return out


class Courier:
    """The process alone, and the folder of a log that the test writes itself."""

    def __init__(self, program, tmp_path, log, policy, *ca):
        self.folder = Folder(tmp_path / "audit.log.tiles", log)
        self.err_path = tmp_path / "courier.log"
        with open(self.err_path, "ab") as err:
            self.proc = subprocess.Popen(
                [program, tmp_path / "audit.log", policy, *ca], stderr=err
            )

    def said(self, event, what=""):
        lines = [json.loads(x) for x in self.err_path.read_text().splitlines() if x[0] == "{"]
        return [r for r in lines if r["event"] == event and what in r["detail"]]

    def stop(self):
        self.proc.terminate()
        status = self.proc.wait(10 * SLOW)
        assert status == 0, self.err_path.read_text()

    def kill(self):
        self.proc.kill()
        self.proc.wait()


@pytest.fixture
def courier(program, tmp_path, log):
    started = []

    def start(policy, *ca):
        started.append(Courier(program, tmp_path, log, policy, *ca))
        return started[-1]

    yield start
    for c in started:
        c.kill()


def test_checkpoints_come_back_cosigned(courier, tmp_path, log, witnesses):
    keys = {f"w{i}": w.key for i, w in enumerate(witnesses)}
    policy = policy_of(tmp_path, 2, [(n, keys[n], w.url) for n, w in zip(keys, witnesses)])
    process = courier(policy)
    folder = process.folder
    for more in (1, 3, 60, 100):
        log.grow(more)
        folder.save()
        wait_for(lambda: folder.signers(keys) == set(keys), "all three have cosigned")
    assert len(process.said("witness")) == 3 and not process.said("witness-away")
    done = audit("receipt", "--policy", policy, folder.path / "cosigned")
    assert done.returncode == 7, "only the log's own key is not pinned"
    # one goes: two are enough; the log says so once
    witnesses[1].kill()
    for _ in range(3):
        log.grow(1)
        folder.save()
        wait_for(lambda: folder.signers(keys) == {"w0", "w2"}, "two have cosigned")
    assert len(process.said("witness-away")) == 1 and process.said("witness-away", "w1 at")
    # another goes: one is too few to take the place of two
    witnesses[2].kill()
    before = folder.cosigned()
    log.grow(1)
    folder.save()
    wait_for(lambda: process.said("witness-away", "w2 at"), "it is reported")
    wait_for(lambda: f"\n{len(log.leaves)}\n" in witnesses[0].latest(log), "the third cosigns")
    assert folder.cosigned() == before
    # a courier that begins anew goes on from what stands there
    process.stop()
    process = courier(policy)
    log.grow(1)
    folder.save()
    wait_for(lambda: f"\n{len(log.leaves)}\n" in witnesses[0].latest(log), "the third cosigns")
    assert folder.cosigned() == before
    process.stop()


@pytest.mark.parametrize("name", ("localhost", "127.0.0.1"))
def test_https_is_believed_for_its_name_and_authority_alone(
    courier, tmp_path, log, witnesses, name
):
    """A witness behind a proxy with TLS."""
    san = "IP:127.0.0.1" if name == "127.0.0.1" else f"DNS:{name}"
    for which in (san, "DNS:other.example"):
        subprocess.run(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", tmp_path / "k", "-out",
                tmp_path / "c", "-days", "2", "-subj", "/CN=x", "-addext",
                f"subjectAltName={which}",
            ],
            check=True, stderr=subprocess.DEVNULL,
        )
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(tmp_path / "c", tmp_path / "k")

        def forward(handler, body):
            status, headers, text = witnesses[0].add(body)
            data = text.encode()
            handler.wfile.write(
                f"HTTP/1.1 {status} X\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data
            )

        proxy = Hostile(forward, tls)
        url = proxy.url.replace("127.0.0.1", name)
        try:
            policy = policy_of(tmp_path, 1, [("w0", witnesses[0].key, url)])
            process = courier(policy, tmp_path / "c")
            log.grow(2)
            process.folder.save()
            if which == san:
                wait_for(
                    lambda p=process: p.folder.signers({"w0": witnesses[0].key}), "cosigned"
                )
            else:
                wait_for(lambda p=process: p.said("witness-away", "TLS failed"), "refused")
            process.stop()
        finally:
            proxy.close()


GOOD_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
HEAD_409 = b"HTTP/1.1 409 X\r\nContent-Length: %d\r\n\r\n"
sizes = itertools.cycle((0, 1, 2))


def another_size(handler, body):
    handler.wfile.write(HEAD_409 % 2 + b"%d\n" % next(sizes))


def dripping(handler, body):
    for byte in GOOD_HEAD % 1000 + b"x" * 1000:
        handler.wfile.write(bytes((byte,)))
        let_pass(0.2, "the witness is slow")


FAULTS = {
    "nothing": answering(b""),
    "no HTTP": answering(b"\0" * 100_000),
    "an endless head": answering(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 100_000),
    "an endless body": answering(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000),
    "a large length": answering(GOOD_HEAD % 10**12 + b"x" * 100_000),
    "a wrong length": answering(GOOD_HEAD % 100 + b"x"),
    "junk": answering(GOOD_HEAD % 5 + b"junk\n"),
    "a redirect": answering(b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\n\r\n"),
    "409 without a size": answering(b"HTTP/1.1 409 X\r\nContent-Length: 2\r\n\r\nx\n"),
    "409 with too many": answering(b"HTTP/1.1 409 X\r\nContent-Length: 4\r\n\r\n999\n"),
    "422": answering(b"HTTP/1.1 422 X\r\nContent-Length: 0\r\n\r\n"),
    "chunks": answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "silence": lambda handler, body: handler.connection.recv(1),
    "409 with 2^63": answering(HEAD_409 % 20 + b"9223372036854775808\n"),
    "409 with 2^63 - 1": answering(HEAD_409 % 20 + b"9223372036854775807\n"),
    "409 with 10^40": answering(HEAD_409 % 42 + b"1" + b"0" * 40 + b"\n"),
    "409 with -1": answering(HEAD_409 % 3 + b"-1\n"),
    "409 with another size each time": another_size,
    "10 MiB": answering(GOOD_HEAD % (10 << 20) + b"x" * (10 << 20)),
    "byte by byte": dripping,
    "another's line": answering(
        GOOD_HEAD % 137 + "\u2014 w0.example ".encode() + b"A" * 104 + b"=" * 17 + b"\n"
    ),
}


def test_hostile_witnesses_are_away_and_nothing_else(courier, tmp_path, log, witnesses):
    hostile = {n: Hostile(f) for n, f in FAULTS.items()}
    keys = {"w0": witnesses[0].key}
    named = [("w0", witnesses[0].key, witnesses[0].url)]
    try:
        for i, h in enumerate(hostile.values()):
            (tmp_path / f"h{i}").mkdir()
            named.append((f"h{i}", Witness(tmp_path / f"h{i}", log).key, h.url))
        process = courier(policy_of(tmp_path, 1, named))
        for _ in range(4):
            log.grow(2)
            process.folder.save()
            wait_for(lambda: process.folder.signers(keys) == {"w0"}, "the good one cosigns", 8)
        wait_for(
            lambda: len(process.said("witness-away")) == len(hostile), "each is reported", 25
        )
        assert all(h.asked for h in hostile.values())
        process.stop()
    finally:
        for h in hostile.values():
            h.close()


def test_right_cosignatures_of_something_else_are_none(courier, tmp_path, log, witnesses):
    """By its own key, of another size, another root, another log; and another's of this one."""
    own = Ed25519PrivateKey.generate()
    other = Log("other.example").grow(2)
    asked = []

    def answer(handler, body):
        text = [
            log.text(1), log.fork(1).grow(1, "forged").text(), other.text(),
            log.text() + "more\n",
        ][len(asked) % 4]  # fmt: skip
        asked.append(text)
        line = cosignature("h.example", own, text, int(time.time()))[0].encode()
        handler.wfile.write(GOOD_HEAD % len(line) + line)

    def anothers(handler, body):
        _, _, line = witnesses[0].add(body)
        handler.wfile.write(GOOD_HEAD % len(line.encode()) + line.encode())

    hostile, thief = Hostile(answer), Hostile(anothers)
    key = cosignature("h.example", own, "x\n", 1)[1]
    try:
        named = [("h", key, hostile.url), ("t", witnesses[1].key, thief.url)]
        log.grow(2)
        process = courier(policy_of(tmp_path, 1, named))
        process.folder.save()
        wait_for(lambda: len(asked) >= 4, "each was tried", 25)
        wait_for(lambda: process.said("witness-away", "t at"), "the thief is reported")
        assert process.said("witness-away", "no right cosignature by its key")
        assert process.folder.cosigned() == ""
        process.stop()
    finally:
        hostile.close()
        thief.close()


def children(pid):
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(x) for x in path.read_text().split()]


def test_a_dead_name_server_holds_up_no_other_witness(courier, tmp_path, log, witnesses):
    keys = {"w0": witnesses[0].key, "local": witnesses[1].key}
    local = witnesses[1].url.replace("127.0.0.1", "localhost")
    named = [
        ("dead", witnesses[2].key, "http://dead.example:80"),
        ("w0", keys["w0"], witnesses[0].url), ("local", keys["local"], local),
        ("lost", cosignature("n", Ed25519PrivateKey.generate(), "x\n", 1)[1],
         "http://nothing.invalid:80"),
    ]  # fmt: skip
    process, meanwhile = courier(policy_of(tmp_path, 2, named)), 0
    for _ in range(4):
        log.grow(2)
        process.folder.save()
        wait_for(
            lambda: process.folder.signers(keys) == set(keys),
            lambda: f"the others cosign: {process.err_path.read_text()}", 8,
        )  # fmt: skip
        meanwhile += bool(children(process.proc.pid))
    assert meanwhile, "they cosigned while a name was being looked up"
    asking = wait_for(lambda: children(process.proc.pid), "it is looked up", 15)[0]
    wait_for(lambda: process.said("witness-away", "its name was not looked up in time"), "", 15)
    wait_for(lambda: process.said("witness-away", "lost at"), "no such name", 15)
    wait_for(lambda: asking not in children(process.proc.pid), "nobody asks any more")
    asking = wait_for(lambda: children(process.proc.pid), "it is tried again", 15)[0]
    process.stop()
    wait_for(lambda: not Path(f"/proc/{asking}").exists(), "it ends with the courier")


def test_a_rolled_back_log_and_a_second_history_get_no_cosignature(
    courier, tmp_path, log, witnesses
):
    keys = {"w0": witnesses[0].key}
    process = courier(policy_of(tmp_path, 1, [("w0", witnesses[0].key, witnesses[0].url)]))
    folder = process.folder
    log.grow(20)
    folder.save()
    wait_for(lambda: folder.signers(keys), "it was cosigned")
    kept = folder.cosigned()
    folder.log = log.fork(9)
    folder.save()
    wait_for(lambda: process.said("witness-away", "the log was rolled back"), "it is reported")
    folder.log = log.fork(9).grow(30, "forged")
    folder.save()
    asked = "a signed checkpoint of 39 lines"
    wait_for(lambda: asked in witnesses[0].said(), "the witness keeps the contradiction", 15)
    assert folder.cosigned() == kept
    process.stop()
    assert cosigned_at(witnesses[0].key, log.text(), witnesses[0].latest(log))


def proof_of_an_end(server, path):
    """Keeps the proof of an end at path."""
    event = server.erase(server.put_ok(server.sealed(300))["blob"]).json()["event"]
    answer = wait_for(
        lambda: next(
            (a for a in [server.call("GET", f"/v1/receipts/{event}")] if a.status == 200), None
        ),
        "the proof is ready",
    )
    path.write_bytes(answer.body)
    return path


def test_a_servers_checkpoints_come_back_cosigned_and_are_verified(launch, tmp_path):
    """All of it: recorder, courier, a witness that comes late, and an auditor with a policy."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    witness = Witness(tmp_path)
    policy = policy_of(tmp_path, 1, [("dpo", witness.key, f"http://127.0.0.1:{port}/")])
    try:
        origin = "timeglas.example/../log?%41"  # whatever stands there chooses no other address
        server = launch(
            workers=1,
            options=[("server.witnesses", policy), ("server.audit_origin", origin)],
        )
        folder = Path(server.env["TIMEGLAS_AUDIT_LOG"] + ".tiles")
        wait_for((folder / "checkpoint").exists, "the first checkpoint")
        assert (folder / "checkpoint").read_text().partition("\n")[0] == origin
        public = bytes.fromhex(key_of(server).removeprefix("timeglas-audit1"))
        witness.conf.write_text(
            f"listen = 127.0.0.1:{port}\nstate = {tmp_path / 'state'}\n"
            f"log = {vkey(origin, ED25519, public)}\n"
        )
        failed = 'timeglas_witness_failures_total{witness="dpo",kind="%s"}'
        wait_for(lambda: server.metric(failed % "connection") > 0, "it is not there yet")
        alone = proof_of_an_end(server, tmp_path / "alone")
        pinned = ("--key", key_of(server), "--policy", policy)
        assert audit("receipt", alone, *pinned[:2]).returncode == 0
        done = audit("receipt", alone, "--json", *pinned)
        assert (done.returncode, json.loads(done.stdout)["fault"]) == (5, "policy")
        witness.start()
        blob = server.put_ok(server.sealed(1000))
        assert server.erase(blob["blob"]).status == 200
        (gone,) = server.evidence("gone", tag=blob["tag"])

        def covers():
            if not (folder / "cosigned").exists():
                return None
            note = (folder / "cosigned").read_text()
            return note if int(note.split("\n")[1]) >= gone["n"] else None

        note = wait_for(covers, "a checkpoint with the end was cosigned", 15)
        text, _, lines = note.partition("\n\n")
        assert cosigned_at(witness.key, text + "\n", lines)
        # a proof has the witness's line as soon as that covers its event
        answer = server.call("GET", f"/v1/receipts/{gone['id']}")
        assert answer.status == 200 and lines.encode() in answer.body
        (tmp_path / "proof").write_bytes(answer.body)
        assert audit("receipt", tmp_path / "proof", *pinned).returncode == 0
        wait_for(lambda: server.metric("timeglas_witnesses_up") == 1, "it is up")
        assert server.metric('timeglas_witness_last_lines{witness="dpo"}') >= gone["n"]
        at = server.metric('timeglas_witness_last_time_seconds{witness="dpo"}')
        assert abs(at - time.time()) < 60
        assert server.metric(failed % "history") == 0
        wait_for(
            lambda: server.metric("timeglas_witness_cosigned_lines") >= gone["n"], "it is counted"
        )
        (tmp_path / "kept").write_text(note)
        log, pub = finished(server, tmp_path)
        options = ("--key", pub, "--policy", policy)
        status, report = verify(*options, "--receipt", tmp_path / "kept", log)
        assert (status, report["verdict"]) == (0, "GOOD"), report
        assert report["receipt"]["ahead_s"] == 0
        status, report = verify(*options, "--witness", witness.url, log)
        assert (status, report["verdict"]) == (0, "GOOD"), report
        (asked,) = report["witnesses_asked"]
        assert asked["fits"] and asked["size"] >= gone["n"] and asked["ahead_s"] == 0
        # the end is cut off, behind the last checkpoint before the blob's end
        lines = log.read_text().splitlines(keepends=True)
        last = max(i for i in range(gone["n"] - 1) if '"checkpoint":' in lines[i])
        cut = tmp_path / "cut.log"
        cut.write_text("".join(lines[: last + 1]))
        assert verify("--key", pub, cut)[0] == 0, "alone, it is good"
        status, report = verify("--key", pub, "--witness", witness.url, cut)
        assert status == 5 and [f["what"] for f in report["findings"]] == ["witness"], report
        page = tmp_path / "page.html"
        assert audit("verify", "--key", pub, "--witness", witness.url, "--html", page, log)
        assert "is what it cosigned" in page.read_text()
        witness.stop()
    finally:
        witness.kill()


def test_a_server_waits_for_no_witness(launch, tmp_path, log):
    """One that takes every connection and says nothing, and one that is not there."""
    silent = Hostile(lambda handler, body: handler.connection.recv(1))
    key = Witness(tmp_path, log).key
    (tmp_path / "x").mkdir()
    other = Witness(tmp_path / "x", log).key
    try:
        policy = policy_of(
            tmp_path, 2, [("a", key, silent.url), ("b", other, "http://127.0.0.1:1")]
        )
        server = launch(workers=1, options=[("server.witnesses", policy)])
        wait_for(lambda: server.metric("timeglas_witnesses") == 2, "the courier has begun")
        assert server.metric("timeglas_witnesses_up") == 0
        for _ in range(5):
            blob = server.put_ok(server.sealed(1000))["blob"]
            started = time.monotonic()
            assert server.erase(blob).status == 200
            assert time.monotonic() - started < SLOW
        (courier,) = [p for p in server.children(server.proc.pid) if "courier" in server.title(p)]
        os.kill(courier, signal.SIGKILL)
        wait_for(
            lambda: [
                p for p in server.children(server.proc.pid)
                if "courier" in server.title(p) and p != courier
            ],
            "it is started again",
        )
        server.stop()
    finally:
        silent.close()


def courier_of(server):
    return [p for p in server.children(server.proc.pid) if "courier" in server.title(p)]


def reload(server, policy, text):
    policy.write_text(text)
    os.kill(server.proc.pid, signal.SIGHUP)


def test_a_policy_that_is_wrong_is_told_once_and_changes_nothing(launch, tmp_path, log):
    """At the start, at a reload, and when the courier is started again. The last good one stays."""
    key = Witness(tmp_path, log).key
    good = f"witness w {key} http://127.0.0.1:1\nquorum w\n"
    policy = tmp_path / "policy"
    policy.write_text("witness a\nquorum none\n")
    server = launch(workers=1, options=[("server.witnesses", policy)])
    bad = "no checkpoint is carried to witnesses"
    wait_for(lambda: "policy:1: write: witness NAME KEY" in server.log_text(), "it is logged")
    (courier,) = courier_of(server)
    assert server.metric("timeglas_witness_policy_valid") == 0
    reload(server, policy, good)
    wait_for(lambda: server.metric("timeglas_witness_policy_valid") == 1, "it is in force")
    assert server.metric("timeglas_witnesses") == 1
    assert courier_of(server) == [courier] and server.log_text().count(bad) == 1
    failed = 'timeglas_witness_failures_total{witness="w",kind="connection"}'
    server.put_ok(server.sealed(100))
    wait_for(lambda: server.metric(failed) > 0, "it is asked")
    # a bad one now: the one before stays in force
    reload(server, policy, "witness w x http://127.0.0.1:1\n")
    wait_for(lambda: "the witnesses of before stay in force" in server.log_text(), "it is logged")
    assert server.metric("timeglas_witness_policy_valid") == 0
    before = server.metric(failed)
    server.put_ok(server.sealed(100))
    wait_for(lambda: server.metric(failed) > before, "it is asked all the same", 15)
    assert server.metric("timeglas_witnesses") == 1 and courier_of(server) == [courier]
    # another witness: its numbers begin anew
    reload(server, policy, good.replace("witness w", "witness v").replace("quorum w", "quorum v"))
    wait_for(lambda: server.metric("timeglas_witness_policy_valid") == 1, "it is in force")
    assert server.metric('timeglas_witness_last_lines{witness="v"}') == 0
    with pytest.raises(AssertionError):
        server.metric(failed)
    # its process ends while the file is bad: a new one says so once, and waits
    policy.write_text("junk\n")
    os.kill(courier, signal.SIGKILL)
    wait_for(lambda: server.log_text().count(bad) == 2, "the new one has looked")
    (courier,) = courier_of(server)
    let_pass(2.5, "it must not be started again each second")
    assert courier_of(server) == [courier] and server.log_text().count(bad) == 2
    reload(server, policy, good)
    wait_for(lambda: server.metric("timeglas_witness_policy_valid") == 1, "it is in force")
    server.stop()
