"""Goal: the timeglas command seals while it sends, in few writes and without waiting for more than
it has, and a refusal or an odd value stores nothing."""
import base64
import hashlib
import os
import socket
import subprocess

import pytest

from cli_client import (
    BLOB,
    PROBLEM,
    command_env,
    home,
    keys,
    pki,
    run,
    sealed,
)  # noqa: F401  fixtures, too
from cli_command import TIMEGLAS
from cli_server import Answer, serve, stored
from harness import wait_for


def put_fields(server):
    return {k.lower(): v for k, v in server.seen[-1][2].items()}


@pytest.mark.parametrize("size", [0, 100, 65536, 3_000_000])
def test_put_seals_while_it_sends(run, pki, keys, tmp_path, size):
    """Goal: a file goes up with its exact sealed length, opens to the same bytes, and the id stands
    alone on stdout."""
    data = os.urandom(size)
    (tmp_path / "f").write_bytes(data)
    with serve(pki, stored(BLOB)) as server:
        done = run(
            server, "put", "--kind", "passport", "--issuer", "uto".upper(), "--session", "s1",
            "--to", "a,b", "--to", "c", "--ttl", "2h", "--idempotency-key", "k", tmp_path / "f",
            env=keys, ok=0,
        )
        f = put_fields(server)
        assert (
            done.stdout == b"00" + f["timeglas-name"].encode() + b"\n"
            and b"erased at" in done.stderr
        )
        assert (f["timeglas-kind"], f["timeglas-issuer"], f["timeglas-session"]) == (
            "passport",
            "UTO",
            "s1",
        )
        assert (f["timeglas-to"], f["timeglas-ttl"], f["idempotency-key"]) == (
            "a, b, c",
            "7200",
            "k",
        )
        assert "transfer-encoding" not in f and "content-digest" not in f
        body = server.seen[-1][3]
        assert int(f["content-length"]) == len(body)
        assert (f.get("expect") == "100-continue") == (len(body) >= 65536)
        (tmp_path / "got").write_bytes(body)
        assert (
            run(
                None, "open", "--id", "00" + f["timeglas-name"], tmp_path / "got", env=keys,
                url="x", ok=0,
            ).stdout
            == data
        )


def test_put_from_a_pipe_is_chunked(run, pki, keys):
    """Goal: content of unknown length needs no temporary file."""
    with serve(pki, stored(BLOB)) as server:
        run(server, "put", "--kind", "liveness", "--raw", "-", stdin=b"z" * 200_000, env=keys, ok=0)
        assert put_fields(server)["transfer-encoding"] == "chunked"
        opened = subprocess.run(
            ["age", "-d", "-i", keys["TIMEGLAS_IDENTITY"]],
            input=server.seen[0][3],
            capture_output=True,
        )
        assert opened.stdout == b"z" * 200_000


def test_put_fills_its_writes(pki, keys, command_env):
    """Goal: where more is at hand, no write to the server is as small as the rest of a sealed
    chunk."""
    ours, theirs = socket.socketpair()
    with serve(pki, stored(BLOB)) as server, ours, theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 400_000)
        ours.sendall(b"z" * 200_000)
        ours.shutdown(socket.SHUT_WR)
        subprocess.run(
            [TIMEGLAS, "put", "--kind", "liveness", "--raw", "-"], stdin=theirs,
            env=command_env(server, **keys), check=True, capture_output=True,
        )
        *full, last, end = server.chunks
        assert min(full) > 60_000 and last > 0 and end == 0


def test_put_keeps_nothing_back_for_a_slow_pipe(pki, keys, command_env):
    """Goal: a chunk that can be sealed is sent before the next byte comes."""
    with serve(pki, stored(BLOB)) as server, subprocess.Popen(
        [TIMEGLAS, "put", "--kind", "liveness", "--raw", "-"], stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=command_env(server, **keys),
    ) as put:
        put.stdin.write(b"z" * 66_000)
        put.stdin.flush()
        wait_for(
            lambda: put.poll() is not None or sum(server.chunks) > 65_536,
            lambda: f"more than one chunk came: {server.chunks}",
            20,
        )
        assert put.poll() is None
        put.stdin.close()
        assert put.wait(20) == 0


@pytest.mark.parametrize("from_stdin", [False, True])
def test_put_sealed_sends_its_digest(run, pki, keys, tmp_path, from_stdin):
    """Goal: a file that is sealed already goes up byte for byte, with its Content-Digest (RFC
    9530)."""
    body = sealed(keys, tmp_path, b"y" * 100_000)
    (tmp_path / "f.age").write_bytes(body)
    with serve(pki, stored(BLOB)) as server:
        run(
            server,
            "put",
            "--kind",
            "liveness",
            "--sealed",
            "-" if from_stdin else tmp_path / "f.age",
            env=keys,
            ok=0,
            stdin=body if from_stdin else b"",
        )
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        f = put_fields(server)
        assert f["content-digest"] == f"sha-256=:{digest}:" and f["content-length"] == str(
            len(body)
        )
        assert server.seen[0][3] == body


def test_put_refused_early_reads_the_answer(run, pki, keys, tmp_path):
    """Goal: a refusal from the headers reaches the user although most of the body was never
    sent."""
    (tmp_path / "f").write_bytes(b"\0" * 20_000_000)
    body = {
        "type": "/problems/too-large",
        "title": "content too large",
        "status": 413,
        "detail": "33554432 bytes at most",
    }
    with serve(pki, Answer(413, body, PROBLEM, early=True)) as server:
        done = run(server, "put", "--kind", "liveness", tmp_path / "f", env=keys, ok=1)
        assert (
            b"content too large (413)" in done.stderr
            and b"33554432" in done.stderr
            and done.stdout == b""
        )


def test_put_values_cannot_add_header_fields(run, pki, keys):
    """Goal: a line break in a value is refused before anything is sent."""
    with serve(pki, stored(BLOB)) as server:
        run(
            server, "put", "--kind", "liveness", "--raw", "--session", "a\r\nTimeglas-To: evil",
            "-", env=keys, ok=2,
        )
        run(server, "put", "--kind", "liveness", "--raw", "--to", "a\nb", "-", env=keys, ok=2)
        assert server.seen == []
