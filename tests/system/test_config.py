"""A server that is configured by a file: its peers, its limits, and what a reload changes."""
import os
import re
import signal
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import harness
from configured import QUIET, Configured, pki  # noqa: F401  pylint: disable=unused-import
from harness import BIN, ROOT, wait_for
from problems import check_problem
from wire import Closed
from witness_log import cosignature

@pytest.fixture(scope="module")
def configured(pki, tmp_path_factory):
    c = Configured(pki, tmp_path_factory.mktemp("conf"))
    server = c.start()
    try:
        yield c
        server.stop()
    finally:
        server.kill()


def test_equal_digits_of_two_uploaders_are_two_persons(configured):
    """What one uploader names is not another's to see, to freeze or to erase."""
    server, path = configured.server, "/v1/subjects/" + "ab" * 32
    body, blobs = server.sealed(300), {}
    for peer in ("uploader", "other"):
        blobs[peer] = server.put_ok(body, peer=peer, subject="ab" * 32, to="verifier")["blob"]
    for peer, blob in blobs.items():
        shown = server.call("GET", path, peer).json()
        assert [b["blob"] for b in shown["live"]] == [blob] and shown["uploader"] == peer
    assert server.call("POST", path + "/freeze", "uploader").status == 200
    assert server.call("DELETE", path, "uploader").json()["count"] == 1
    assert server.call("GET", path, "other").json()["frozen_until"] is None
    assert server.take(blobs["other"]).status == 200


def test_check_says_where_a_file_is_wrong(pki, tmp_path):
    """-t: silent consent for a good file; FILE:LINE and a way out for a bad one, and nothing is
    started."""
    c = Configured(pki, tmp_path)
    capture = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20, check=False)
    assert subprocess.run([BIN / "timeglasd", "-t", "-c", c.file], **capture).returncode == 0
    c.write("max_blub = 5")
    number = c.file.read_text().splitlines().index("max_blub = 5") + 1
    for args in (["-t", "-c", c.file], ["-c", c.file]):
        done = subprocess.run([BIN / "timeglasd", *args], **capture)
        assert done.returncode not in (0, -6, -11)
        assert f"{c.file}:{number}:" in (done.stdout + done.stderr).decode()


def test_check_names_witnesses_that_cannot_be_asked(pki, tmp_path):
    """A policy that is right for auditors need not be one that the server can use."""
    c = Configured(pki, tmp_path)
    keys = [cosignature(n, Ed25519PrivateKey.generate(), "x\n", 1)[1] for n in ("a", "b", "c")]
    policy = tmp_path / "policy"

    def check(urls, *lines):
        rows = "".join(f"witness w{i} {k} {u}\n" for i, (k, u) in enumerate(zip(keys, urls)))
        policy.write_text(rows + "group g 1 w0 w1 w2\nquorum g\n")
        c.write()
        mine = "\n".join(("drain_s = 0", f"witnesses = {policy}", *lines))
        c.file.write_text(c.file.read_text().replace("drain_s = 0", mine))
        done = subprocess.run(
            [BIN / "timeglasd", "-t", "-c", c.file], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=20, check=False,
        )
        return done.returncode, done.stdout.decode()

    good = ("http://127.0.0.1:1", "http://w.example:80/x", "https://w.example")
    status, said = check(good)
    assert status != 0 and "witness w2" in said and "witness_ca" in said
    assert "witness w0" not in said and "witness w1" not in said
    assert check(good, f"witness_ca = {pki}/ca.pem")[0] == 0
    status, said = check(("", "w.example:80", "ftp://w.example"))
    assert status != 0 and all(f"witness w{i}: " in said for i in range(3))


def test_check_promises_what_will_happen(pki, tmp_path):
    """-t says all at once what a start would trip over, and who would not be let in; a start warns
    of what does not stop it."""
    c = Configured(pki, tmp_path)
    c.peers["newcomer"] = "role = verifier"
    old, other = pki / "newcomer.pem", tmp_path / "newcomer.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "1", "-subj", "/CN=self", "-keyout", tmp_path / "self.key", "-out",
            other,
        ],
        **QUIET,
    )
    c.write("[store]\nredis_server = no-such-redis")
    c.file.write_text(
        c.file.read_text()
        .replace(str(old), str(other))
        .replace(f"admin = 127.0.0.1:{c.admin}", f"admin = 127.0.0.1:{c.port}")
        .replace("audit.jsonl", "gone/audit.jsonl")
    )
    done = subprocess.run(
        [BIN / "timeglasd", "-t", "-c", c.file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=20, check=False, text=True,
    )
    assert done.returncode == 1 and "ok" not in done.stdout, done.stdout
    for part in (
        "admin and listen both take port",
        "no program no-such-redis",
        "/gone (No such file",
        "'newcomer' will not be let in",
    ):
        assert part in done.stdout, (part, done.stdout)
    assert len(done.stdout.splitlines()) == 4 and all(
        re.match(rf"{c.file}:\d+: .*; ", line) for line in done.stdout.splitlines()
    ), done.stdout
    # One of them alone: the others are served, and whoever starts it is told.
    c.write()
    c.file.write_text(c.file.read_text().replace(str(old), str(other)))
    server = c.start()
    try:
        wait_for(
            lambda: [
                e
                for e in server.log()
                if e["event"] == "config" and "'newcomer' will not be let in" in e["detail"]
            ],
            "a line of it in the log",
            3,
        )
        assert server.call("GET", "/v1/policy", "operator").status == 200
        server.stop()
    finally:
        server.kill()


def test_check_finds_what_no_checkpoint_could_be_carried_with(pki, tmp_path):
    """The policy's example is a policy; each witness needs a URL, and one with https an authority,
    whose file is there."""
    c = Configured(pki, tmp_path)
    c.write()
    text = c.file.read_text()
    example = (ROOT / "deploy/witnesses.policy").read_text()
    no_url = example.replace(" http://192.0.2.7:8490", "")
    assert no_url != example and "https://" in example

    def check(policy, ca):
        (tmp_path / "policy").write_text(policy)
        named = f"witnesses = {tmp_path / 'policy'}\n" + (f"witness_ca = {ca}\n" if ca else "")
        c.file.write_text(text.replace("[server]\n", "[server]\n" + named, 1))
        done = subprocess.run(
            [BIN / "timeglasd", "-t", "-c", c.file], capture_output=True, timeout=20, check=False,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    assert check(example, pki / "ca.pem") == (0, f"{c.file}: ok\n")
    for policy, ca, said in (
        (example, None, "authority has https; name its authority with witness_ca"),
        (example, tmp_path / "gone.pem", "gone.pem (No such file"),
        (no_url, pki / "ca.pem", "witness dpo: '' is no URL; write http://HOST:PORT"),
    ):
        status, told = check(policy, ca)
        assert status == 1 and said in told, told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_check_looks_with_the_eyes_of_the_user(pki, tmp_path):
    """-t by root: what the configured user may not read is named, since a reload would fail by it;
    a log that is a FIFO is as good as a file."""
    c = Configured(pki, tmp_path)
    os.mkfifo(tmp_path / "fifo")
    os.chmod(pki / "server.key", 0o600)
    c.file.write_text(
        c.file.read_text().replace("workers = 2", f"user = nobody\nlog = {tmp_path}/fifo")
    )
    done = subprocess.run(
        [BIN / "timeglasd", "-t", "-c", c.file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=20, check=False, text=True,
    )
    number = next(
        i for i, line in enumerate(c.file.read_text().splitlines(), 1) if line.startswith("key = ")
    )
    assert (
        done.returncode == 1
        and f"{c.file}:{number}: nobody may not read {pki}/server.key" in done.stdout
    ), done.stdout
    c.file.write_text(c.file.read_text().replace("user = nobody\n", ""))
    done = subprocess.run(
        [BIN / "timeglasd", "-t", "-c", c.file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=20, check=False, text=True,
    )
    assert done.returncode == 0, done.stdout


def test_without_an_addressee_an_upload_is_422(configured):
    """No default in the configuration and no Timeglas-To: nobody could ever fetch it, so it is
    refused."""
    server = configured.server
    body = server.sealed(300)
    check_problem(server.put(body), 422, "recipient")
    blob = server.put_ok(body, to="verifier")["blob"]
    assert server.take(blob).body == body
    blob = server.put_ok(body, peer="other")["blob"]
    assert server.take(blob).body == body


def test_configured_limits_hold(configured):
    """max_blob and a shortened lifetime are kept and told."""
    server = configured.server
    with server.connect("other") as conn:
        conn.send(server.upload_head((1 << 20) + 1))
        check_problem(conn.response(), 413, "too-large")
    check_problem(server.put(server.sealed(10), peer="other", kind="face3d", ttl=61), 422, "ttl")
    policy = server.call("GET", "/v1/policy").json()
    assert policy["max_blob_bytes"] == 1 << 20
    assert [r["ceiling_s"] for r in policy["retention"] if r["kind"] == "face3d"] == [60]


def test_one_uploader_sees_nothing_of_anothers(configured):
    """Sessions and blobs are their uploader's alone: to another they do not exist, nor can it put
    anything there."""
    server = configured.server
    session = server.session()["session"]
    blob = server.put_ok(server.sealed(300), to="verifier", session=session)["blob"]
    for method, target in (
        ("GET", f"/v1/sessions/{session}"), ("POST", f"/v1/sessions/{session}/touch"),
        ("DELETE", f"/v1/sessions/{session}?erase=all"), ("GET", f"/v1/blobs/{blob}"),
        ("DELETE", f"/v1/blobs/{blob}"),
    ):
        check_problem(server.call(method, target, "other"), 404, "not-found")
    for size in (300, 200_000):
        for fields in (dict(kind="passport", issuer="DNK"), {}):
            check_problem(
                server.put(server.sealed(size), peer="other", session=session, **fields),
                422,
                "session",
            )
    assert server.stat(blob).json()["state"] == "live"
    assert [b["blob"] for b in server.call("GET", f"/v1/sessions/{session}").json()["blobs"]] == [
        blob
    ]
    assert server.call("DELETE", f"/v1/sessions/{session}?erase=all").status == 200


def test_processor_may_not_take(configured):
    """Not even what is addressed to it: a processor claims."""
    server = configured.server
    blob = server.put_ok(
        server.sealed(300), kind="passport", issuer="SWE", to="processor,verifier"
    )["blob"]
    check_problem(server.take(blob, "processor"), 403, "role")
    assert server.take(blob).status == 200


def test_embedded_store_is_closed_but_attested(configured):
    """Outside --dev nobody but the server may do anything in the embedded Redis, and the server
    itself may only look."""
    server = configured.server
    (title,) = (
        t for t in map(server.title, server.children(server.proc.pid)) if "redis-server" in t
    )
    path = re.search(r"unixsocket:(\S+)", title)[1]
    for command in (["PING"], ["CONFIG", "GET", "save"], ["KEYS", "*"], ["ACL", "LIST"]):
        out = subprocess.run(
            ["redis-cli", "-s", path, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        ).stdout
        assert out.startswith(b"NOAUTH"), (command, out)
    status, text = server.admin("/readyz")
    assert status == 200 and "seen to be volatile" in text
    events = {e["event"]: e.get("detail") for e in server.log()}
    assert (
        "seen" in events["store-attested"]
        and "core" in events["store-core"]
        and events["store-swap"]
    )


def test_reload_removes_and_adds_peers(configured):
    """SIGHUP: a removed peer's connection is closed at once, and it is a stranger from then on; a
    new peer is let in; all others stay."""
    server = configured.server
    with server.connect("operator") as leaves, server.connect("uploader") as stays:
        assert (
            leaves.request("GET", "/v1/policy").status
            == stays.request("GET", "/v1/policy").status
            == 200
        )
        operator = configured.peers.pop("operator")
        configured.peers["newcomer"] = "role = uploader\nto = verifier"
        configured.write()
        configured.reload()
        assert leaves.ended(5)
        assert stays.request("GET", "/v1/policy").status == 200
        check_problem(server.call("GET", "/v1/policy", "operator"), 403, "unknown-peer")
        body = server.sealed(300)
        assert server.take(server.put_ok(body, peer="newcomer")["blob"]).body == body
        configured.peers["operator"] = operator
        del configured.peers["newcomer"]
        configured.write()
        configured.reload()
        assert server.call("GET", "/v1/policy", "operator").status == 200
        assert stays.request("GET", "/v1/policy").status == 200


def test_reload_of_a_broken_file_changes_nothing(configured):
    """A mistake in the file is reported, and the server goes on as it was."""
    server = configured.server
    workers = server.workers()
    good = configured.file.read_text()
    with server.connect() as conn:
        assert conn.request("GET", "/v1/policy").status == 200
        configured.file.write_text(good + "\n[peer broken]\nrole = king\n")
        server.proc.send_signal(signal.SIGHUP)
        wait_for(lambda: "no role 'king'" in server.log_text(), "the mistake is reported", 5)
        assert conn.request("GET", "/v1/policy").status == 200
    configured.file.write_text(good)
    configured.reload()
    assert (
        server.workers() == workers and server.call("GET", "/v1/policy", "operator").status == 200
    )


def test_connection_without_certificate_after_reload(configured):
    """A reload does not loosen TLS."""
    configured.reload()
    with pytest.raises((OSError, Closed)):
        with configured.server.connect(None) as conn:
            conn.sock.sendall(conn.head("GET", "/v1/policy"))
            conn.response()


def test_reload_reaches_a_worker_that_is_starting(configured):
    """A worker that was forked by the old configuration and cannot reload yet must not let a
    removed peer in afterwards."""
    server = configured.server
    operator = configured.peers["operator"]

    def seen():
        try:
            return server.call("GET", "/v1/policy", "operator").status
        except Closed:  # let in, and removed before it was answered
            return None

    for _ in range(4):
        old = set(server.workers())
        os.kill(min(old), signal.SIGKILL)
        with_peer = set(server.children(server.proc.pid))
        configured.peers.pop("operator")
        configured.write()
        wait_for(
            lambda: set(server.children(server.proc.pid)) - with_peer,
            "another worker is forked",
            15,
            0.0005,
        )
        server.proc.send_signal(signal.SIGHUP)
        wait_for(
            lambda: len(server.workers()) == 2 and server.admin("/readyz")[0] == 200,
            "both workers serve",
            15,
        )
        wait_for(lambda: {seen() for _ in range(12)} == {403}, "it is a stranger to both", 5)
        configured.peers["operator"] = operator
        configured.write()
        configured.reload()


def streams(pid):
    """What stands at the numbers of the standard streams: descriptor -> target."""
    found = {}
    for fd in range(3):
        try:
            found[fd] = os.readlink(f"/proc/{pid}/fd/{fd}")
        except OSError:
            found[fd] = None
    return found


def test_closed_standard_streams_become_no_file_of_the_server(tmp_path):
    """Started with all three closed: in no process does a socket, the evidence or another file take
    their numbers, where the log or a complaint would be written into it."""
    d = tmp_path / "d"
    command = [str(BIN / "timeglasd"), "--dev", str(d), "--workers", "1"]
    closed = subprocess.Popen(
        ["/bin/sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh", *command], stdin=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: (d / "env").exists() or closed.poll() is not None, "ready", 15)
        assert closed.poll() is None, "it runs without standard streams"
        children = harness.Server.children(closed.pid)
        assert len(children) >= 5, "all processes run"
        for pid in (closed.pid, *children):
            for fd, target in streams(pid).items():
                assert target in ("/dev/null", None) or target.startswith("pipe:"), (pid, fd)
    finally:
        closed.send_signal(signal.SIGTERM)
        assert closed.wait(30) == 0
