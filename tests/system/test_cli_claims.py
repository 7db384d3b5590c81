"""timeglas get and put when connections break: against a scripted server that breaks them where the
test wants, and against a real one behind a proxy that cuts at random bytes."""
import hashlib
import json
import os
import random
import socket
import subprocess
import threading

import pytest

from cli_server import Answer, serve, stored
from harness import wait_for
from cli_command import TIMEGLAS, environment
from cli_client import (
    BLOB,
    GONE,
    ID,
    PROBLEM,
    RECEIPT,
    changed,
    command_env,
    home,
    keys,
    kept,
    pki,
    run,
    sealed,
    strays,
)  # noqa: F401  fixtures, too

SIZE = 150_000


def token(body):
    return body.id + "B" * 22


def claimed(body, sha256=None, **more):
    return Answer(
        201,
        {
            "claim": token(body),
            "size": len(body),
            "sha256": sha256,
            "lease_deadline": "2026-11-22T12:01:00.123Z",
        },
        **more,
    )


def part(body, first=0, kind="liveness", cut=None, **fields):
    head = {"Timeglas-Kind": kind, "Timeglas-Stored-At": BLOB["stored_at"], "ETag": '"e"', **fields}
    if first:
        head.setdefault("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
    return Answer(206 if first else 200, body[first:], "application/octet-stream", head, cut=cut)


def looked_at(body, **more):
    """How long may it be kept?"""
    return Answer(200, {**BLOB, "blob": body.id, "state": "claimed", **more})


def acked(body, **more):
    return Answer(200, {**RECEIPT, "blob": body.id, **more})


def calls(server):
    return [
        (method, path.removeprefix("/v1"), headers.get("Range"))
        for method, path, headers, _ in server.seen
    ]


def outcome(server):
    return json.loads(server.seen[-1][3])["outcome"]


def test_get_claims_reads_and_acks(run, pki, keys, tmp_path):
    """Goal: three requests, the content, and the receipt where it is wanted; the ack comes after
    the file is there."""
    body = sealed(keys, tmp_path, b"v" * SIZE)
    with serve(
        pki, claimed(body, hashlib.sha256(body).hexdigest()), part(body), acked(body)
    ) as server:
        o = json.loads(
            run(
                server, "get", body.id, "--json", "-o", "out", "--receipt", "r.json", "--lease",
                "7", env=keys, ok=0,
            ).stdout
        )
        assert calls(server) == [
            ("POST", f"/blobs/{body.id}/claim", None),
            ("GET", f"/claims/{token(body)}", None),
            ("POST", f"/claims/{token(body)}/ack", None),
        ]
        assert json.loads(server.seen[0][3]) == {"lease_s": 7} and outcome(server) == "ok"
        sent = [s[2]["Idempotency-Key"] for s in server.seen]
        assert sent[0] and sent[2] and sent[0] != sent[2] and sent[1] is None
    receipt = {**RECEIPT, "blob": body.id}
    assert (
        o["receipt"] == receipt == json.loads((tmp_path / "r.json").read_text())
        and o["opened"] is True
        and o["blob"] == body.id
    )
    assert (tmp_path / "out").read_bytes() == b"v" * SIZE
    assert strays(tmp_path) == ["out", "r.json"]


def test_get_resumes_where_it_broke(run, pki, keys, tmp_path):
    """Goal: broken three times, once before the first byte of a part; each byte is asked for
    once."""
    body = sealed(keys, tmp_path, b"v" * SIZE)
    script = [
        claimed(body), part(body, cut=40_000), part(body, 40_000, cut=0),
        part(body, 40_000, cut=70_001), part(body, 110_001), acked(body),
    ]
    with serve(pki, *script) as server:
        assert run(server, "get", body.id, env=keys, ok=0).stdout == b"v" * SIZE
        assert [c[2] for c in calls(server)] == [
            None, None, "bytes=40000-", "bytes=40000-", "bytes=110001-", None,
        ]


@pytest.mark.parametrize("odd", ["other start", "whole again", "no range"])
def test_get_takes_no_byte_of_another_part(run, pki, keys, tmp_path, odd):
    """Goal: a server that answers a resumption with other bytes is out of contract: nothing is
    released, nothing acked."""
    body = sealed(keys, tmp_path, b"v" * SIZE)
    second = part(
        body,
        50_000,
        **{"Content-Range": f"bytes 0-{len(body) - 1}/{len(body)}" if odd == "other start" else ""},
    )
    if odd == "whole again":
        second = part(body)
    elif odd == "no range":
        second.fields.pop("Content-Range")
    with serve(pki, claimed(body), part(body, cut=50_000), second) as server:
        done = run(server, "get", body.id, env=keys, ok=3)
        assert done.stdout == b"" and b"another part" in done.stderr and len(server.seen) == 3
    assert strays(tmp_path) == []


def test_lost_answers_of_claim_and_ack_are_asked_for_again(run, pki, keys, tmp_path):
    """Goal: the same request under the same key, until it is answered."""
    body = sealed(keys, tmp_path, b"v" * 1000)
    script = [
        claimed(body, cut=3),
        Answer(
            503,
            {"type": "/problems/store-unreachable", "status": 503},
            PROBLEM,
            {"Retry-After": "1"},
        ),
        claimed(body),
        part(body),
        Answer(200, {**RECEIPT, "blob": body.id}, cut=0),
        acked(body),
    ]
    with serve(pki, *script) as server:
        assert run(server, "get", body.id, env=keys, ok=0).stdout == b"v" * 1000
        keys_sent = [s[2]["Idempotency-Key"] for s in server.seen]
        assert len(set(keys_sent[:3])) == 1 and keys_sent[4] == keys_sent[5] != keys_sent[0]
        assert server.seen[4][3] == server.seen[5][3]


@pytest.mark.parametrize(
    "broken, said",
    [
        ("signature", "bad-signature"), ("label", "mislabelled"), ("bytes", "decrypt-failed"),
        ("digest", "decrypt-failed"), ("replay", "rejected"),
    ],
)
def test_failed_check_is_acked_as_such_and_kept(run, pki, keys, tmp_path, broken, said):
    """Goal: exit 4, the sealed bytes kept, the buffer told what was wrong, and the receipt written
    all the same."""
    body = sealed(keys, tmp_path, b"v" * 1000)
    if broken == "signature":  # sealed and signed by somebody else
        subprocess.run(
            [TIMEGLAS, "keygen", "--sign", "-o", tmp_path / "home/other.key"],
            check=True,
            capture_output=True,
        )
        body = sealed(
            {**keys, "TIMEGLAS_SIGNING_KEY": tmp_path / "home/other.key"}, tmp_path, b"v" * 1000
        )
    sha = hashlib.sha256(body + b"x").hexdigest() if broken == "digest" else None
    if broken == "bytes":
        body = changed(body)
    round_ = [
        claimed(body, sha),
        part(body, kind="face3d" if broken == "label" else "liveness"),
        looked_at(body),
        acked(body),
    ]
    with serve(pki, *(round_[:2] + round_[3:] if broken == "replay" else []), *round_) as server:
        if broken == "replay":
            run(server, "get", body.id, "-o", "first", env=keys, ok=0)
            (tmp_path / "first").unlink()
        done = run(server, "get", body.id, "-o", "out", "--receipt", "r.json", env=keys, ok=4)
        assert outcome(server) == said and b"has erased it" in done.stderr
        kept(done, tmp_path, body, "out.age")
    assert strays(tmp_path) == ["r.json"]


def test_local_failure_is_not_acked(run, pki, keys, tmp_path):
    """Goal: a full disk is no verdict on the evidence: the sealed content is kept, the lease runs
    out."""
    body = sealed(keys, tmp_path, b"v" * 100_000)
    with serve(pki, claimed(body), part(body), looked_at(body), acked(body)) as server:
        done = run(server, "get", body.id, "-o", "/dev/full", env=keys, ok=2)
        assert b"when the lease ends" in done.stderr and [c[0] for c in calls(server)] == [
            "POST",
            "GET",
            "GET",
        ]
        kept(done, tmp_path, body, body.id + ".age")


def test_get_refusals_leave_nothing(run, pki, keys, tmp_path):
    """Goal: claimed by another, or gone before or in the middle: exit 1, no file; nobody asks a
    second time."""
    body = sealed(keys, tmp_path, b"v" * SIZE)
    taken = {"type": "/problems/claimed", "title": "claimed by another verifier", "status": 409}
    for script, n in (
        ([Answer(409, taken, PROBLEM)], 1),
        ([Answer(410, GONE, PROBLEM)], 1),
        ([claimed(body), part(body, cut=10), Answer(410, GONE, PROBLEM)], 3),
    ):
        with serve(pki, *script) as server:
            assert run(server, "get", body.id, "-o", "out", env=keys, ok=1).stdout == b""
            assert len(server.seen) == n
    assert strays(tmp_path) == []


def test_ack_that_is_refused_is_told_and_the_file_stays(run, pki, keys, tmp_path):
    """Goal: the lease ended while we wrote: the content is good, and the user learns that the
    buffer thinks otherwise."""
    body = sealed(keys, tmp_path, b"v" * 1000)
    with serve(
        pki, claimed(body), part(body), Answer(410, {**GONE, "cause": "lease-expired"}, PROBLEM)
    ) as server:
        done = run(server, "get", body.id, "-o", "out", env=keys, ok=1)
        assert b"lease-expired" in done.stderr and b"checked and written" in done.stderr
    assert (tmp_path / "out").read_bytes() == b"v" * 1000


def test_lease_bounds_how_long_it_tries(run, pki, keys, tmp_path):
    """Goal: with the lease over nobody goes on asking; exit 3."""
    body = sealed(keys, tmp_path, b"v" * SIZE)
    with serve(pki, claimed(body), part(body, cut=10), part(body, 10, cut=0)) as server:
        done = run(server, "get", body.id, "--lease", "1", env=keys, ok=3)
        assert done.stdout == b"" and 3 <= len(server.seen) <= 14
    assert strays(tmp_path) == []


@pytest.mark.parametrize("how", ["file", "raw", "sealed", "pipe"])
def test_put_repeats_under_one_name_or_key(run, pki, keys, tmp_path, how):
    """Goal: an answer that was lost is asked for again with all of the content, sealed anew; a pipe
    cannot be read twice. What is signed keeps its name, reference and time, and needs no key."""
    data = os.urandom(100_000)
    (tmp_path / "f").write_bytes(sealed(keys, tmp_path, data) if how == "sealed" else data)
    args = {"raw": ["--raw"], "sealed": ["--sealed"]}.get(how, [])
    script = [
        stored(BLOB, cut=0),
        Answer(409, {"type": "/problems/in-flight", "status": 409}, PROBLEM, {"Retry-After": "1"}),
        stored(BLOB, 200),
    ]
    with serve(pki, *script) as server:
        if how == "pipe":
            run(server, "put", "--kind", "liveness", "-", stdin=data, env=keys, ok=3)
            assert len(server.seen) == 1 and server.seen[0][2]["Idempotency-Key"] is None
            return
        told = (
            run(server, "put", "--kind", "liveness", *args, tmp_path / "f", env=keys, ok=0)
            .stdout.decode()
            .strip()
        )
        sent = [(s[2]["Timeglas-Name"], s[2]["Idempotency-Key"]) for s in server.seen]
        assert len(sent) == 3 and len(set(sent)) == 1
        name, key = sent[0]
        assert (
            (name and told == "00" + name and not key)
            if how == "file"
            else (key and told == ID and not name)
        )
        heads = []
        for _, _, headers, body in server.seen:
            assert int(headers["Content-Length"]) == len(body)
            more = ["--raw"] if how == "raw" else []
            done = run(
                None,
                "open",
                *more,
                "--json",
                "-o",
                "got",
                stdin=body,
                env={**keys, **({"TIMEGLAS_SENDER": ""} if how == "raw" else {})},
                url="x",
                ok=0,
            )
            heads.append(json.loads(done.stdout).get("head"))
            assert (tmp_path / "got").read_bytes() == data
        assert all(h == heads[0] for h in heads) and (how != "file" or heads[0]["name"] == name)


def test_put_to_nobody_gives_up_at_once(run, keys, tmp_path):
    """Goal: patience is for what has begun."""
    (tmp_path / "f").write_bytes(b"x")
    run(
        None, "put", "--kind", "liveness", tmp_path / "f", env=keys, ok=3, url="https://127.0.0.1:1"
    )


# Against the real server ---------------------------------------------------


class Proxy:
    """Passes bytes on and cuts a connection after as many bytes as `cuts` says next (one way each:
    up, down); None: leaves it whole."""

    def __init__(self, address):
        self.address, self.cuts, self.made, self.stopped = address, [], 0, False
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.socket.getsockname()[1]}"
        self.threads = [threading.Thread(target=self.accept, daemon=True)]
        self.threads[0].start()

    def accept(self):
        while not self.stopped:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            if self.stopped:
                client.close()
                return
            self.made += 1
            server = socket.create_connection(self.address)
            cut = self.cuts.pop(0) if self.cuts else (None, None)
            for source, sink, limit in ((client, server, cut[0]), (server, client, cut[1])):
                self.threads.append(
                    threading.Thread(target=self.pump, args=(source, sink, limit), daemon=True)
                )
                self.threads[-1].start()

    @staticmethod
    def pump(source, sink, limit):
        passed = 0
        try:
            while data := source.recv(65536 if limit is None else min(65536, limit - passed)):
                sink.sendall(data)
                passed += len(data)
                if passed == limit:
                    break
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        self.stopped = True
        with socket.create_connection(self.socket.getsockname()):
            pass
        for t in self.threads:
            t.join(10)
        self.socket.close()


@pytest.fixture
def proxy(server):
    p = Proxy(server.address)
    yield p
    p.stop()


def command(server, proxy, tmp_path, peer, *args, ok=0):
    env = environment(
        tmp_path, **{k: v for k, v in server.env.items() if k.startswith("TIMEGLAS_")}
    )
    env.update(
        {
            "TIMEGLAS_URL": proxy.url,
            "TIMEGLAS_CERT": server.files(peer)[0],
            "TIMEGLAS_KEY": server.files(peer)[1],
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "TMPDIR": str(tmp_path),
        }
    )
    done = subprocess.run(
        [TIMEGLAS, *map(str, args)], capture_output=True, timeout=120, cwd=tmp_path, env=env
    )
    assert done.returncode == ok, (done.returncode, done.stderr.decode())
    return done


def test_put_and_get_through_connections_that_break(server, proxy, tmp_path, nothing_new):
    """Goal: whatever byte the network breaks at, each upload is stored once, each download comes
    out whole, read by one, and acked."""
    rng = random.Random(7)
    broken = 0
    for i in range(8):
        data = rng.randbytes(1_500_000)
        (tmp_path / "in").write_bytes(data)
        proxy.cuts = [
            (
                (rng.randrange(3000, 1_600_000), None)
                if rng.random() < 0.5
                else (None, rng.randrange(3000, 5000))
            )
        ]
        before, live = proxy.made, set(server.chunks())
        blob = (
            command(server, proxy, tmp_path, "uploader", "put", "--kind", "liveness", "in")
            .stdout.decode()
            .strip()
        )
        server.secrets.add(blob)
        size = server.stat(blob).json()["size"]
        wait_for(
            lambda old=live, n=size: sum(
                int(server.redis("STRLEN", key)) for key in set(server.chunks()) - old
            )
            == n,
            "stored once",
            5,
        )
        proxy.cuts = [(None, rng.randrange(3000, 1_500_000)) for _ in range(3)]
        command(server, proxy, tmp_path, "verifier", "get", blob, "-o", "out", "--receipt", "r")
        broken += proxy.made - before - 2
        assert (tmp_path / "out").read_bytes() == data
        receipt = json.loads((tmp_path / "r").read_text())
        assert receipt["blob"] == blob and receipt["cause"] == "consumed"
        assert server.stat(blob).json()["cause"] == "consumed"
        assert not set(server.chunks()) - live
    print(f"8 blobs, {broken} broken connections")
    assert broken >= 16


def test_get_of_relabelled_evidence_is_acked_mislabelled(server, proxy, tmp_path):
    """Goal: sealed as a face, declared as a film: exit 4, and gone from the buffer."""
    sealed_file = tmp_path / "f.age"
    (tmp_path / "f").write_bytes(b"x" * 1000)
    sealed_file.write_bytes(
        command(server, proxy, tmp_path, "uploader", "seal", "--kind", "face3d", "f").stdout
    )
    blob = (
        command(
            server, proxy, tmp_path, "uploader", "put", "--kind", "liveness", "--sealed", "f.age"
        )
        .stdout.decode()
        .strip()
    )
    command(server, proxy, tmp_path, "verifier", "get", blob, "-o", "out", ok=4)
    assert (tmp_path / "out.age").read_bytes() == sealed_file.read_bytes() and not (
        tmp_path / "out"
    ).exists()
    assert server.stat(blob).json()["cause"] == "consumed" and not server.chunks(blob)
    shown = command(server, proxy, tmp_path, "uploader", "stat", blob).stdout.decode()
    gone = json.loads(command(server, proxy, tmp_path, "uploader", "stat", blob, "--json").stdout)
    assert "mislabelled" in shown and gone["outcome"] == "mislabelled" and gone["event"] in shown


def test_closed_stdout_is_no_other_file(command_env, pki, keys, tmp_path):
    """Goal: where stdout is closed, the next file that is opened does not take its number, and with
    it the evidence."""
    body = sealed(keys, tmp_path, b"w" * 1000)
    with serve(pki, claimed(body), part(body), acked(body)) as server:
        done = subprocess.run(
            [
                "sh", "-c", '"$0" get "$1" -o - --receipt receipt >&-; echo $? > status', TIMEGLAS,
                body.id,
            ],
            cwd=tmp_path,
            env=command_env(server, **keys),
            stderr=subprocess.PIPE,
        )
        assert (tmp_path / "status").read_text() == "2\n" and b"Bad file descriptor" in done.stderr
        assert "/ack" not in [s[1][-4:] for s in server.seen]
    assert not (tmp_path / "receipt").exists()
