"""The timeglas command against a server that says what the test wants: how it identifies itself,
what it sends, and above all what it makes of answers that are broken off, mislabelled, replayed or
nonsense. Real TLS 1.3 with client certificates."""
import base64
import contextlib
import datetime
import fcntl
import hashlib
import itertools
import json
import os
import re
import select
import socket
import ssl
import stat
import subprocess
import threading

import pytest

from cli_server import Answer, Handler, make_pki, serve, stored
from harness import wait_for
from test_cli import TIMEGLAS, environment

BLOB = {
    "blob": "00AAAAAAAAAAAAAAAAAAAAAA",
    "tag": "ab" * 16,
    "state": "live",
    "kind": "liveness",
    "issuer": None,
    "session": None,
    "size": 7,
    "sha256": None,
    "stored_at": "2026-11-22T12:00:00.123Z",
    "deadline": "2026-11-23T12:00:00.123Z",
}
ID = BLOB["blob"]
SESSION = {
    "session": "sess-1",
    "state": "open",
    "opened_at": "2026-11-22T12:00:00.123Z",
    "deadline": "2026-11-22T13:00:00.123Z",
    "idle_s": 600,
}
GONE = {
    "type": "/problems/gone",
    "title": "the blob is gone",
    "status": 410,
    "detail": "It was taken.",
    "cause": "consumed",
    "gone_at": "2026-11-22T12:00:01.000Z",
}
PROBLEM = "application/problem+json"
RECEIPT = {
    "blob": ID,
    "tag": "0" * 32,
    "cause": "consumed",
    "erased_at": "2026-11-22T12:00:01.000Z",
    "event": "00-1-1",
    "head": None,
}


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return make_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "tmp").mkdir()
    return tmp_path / "home"


@pytest.fixture
def command_env(pki, home, tmp_path):
    def env(server, pki=pki, url=None, **more):
        more = {
            "TIMEGLAS_URL": url or server.url,
            "TIMEGLAS_CA": pki["ca.pem"],
            "TIMEGLAS_CERT": pki["client.pem"],
            "TIMEGLAS_KEY": pki["client.key"],
            "XDG_STATE_HOME": home / "state",
            "TMPDIR": tmp_path / "tmp",
            **more,
        }
        return {**environment(home), **{k: str(v) for k, v in more.items()}}

    return env


@pytest.fixture
def run(command_env, tmp_path):
    def call(server, *args, ok=None, stdin=b"", env=None, **more):
        done = subprocess.run(
            [TIMEGLAS, *map(str, args)],
            input=stdin,
            capture_output=True,
            timeout=60,
            cwd=tmp_path,
            env=command_env(server, **more, **(env or {})),
        )
        assert (
            b"Sanitizer" not in done.stderr and b"runtime error" not in done.stderr
        ), done.stderr.decode()
        if ok is not None:
            assert done.returncode == ok, (done.returncode, done.stderr.decode())
        return done

    return call


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")

    def keygen(name, *args):
        return (
            subprocess.run(
                [TIMEGLAS, "keygen", *args, "-o", folder / name],
                capture_output=True,
                check=True,
                env=environment(folder),
            )
            .stdout.decode()
            .strip()
        )

    return {
        "TIMEGLAS_RECIPIENT": keygen("id"),
        "TIMEGLAS_IDENTITY": folder / "id",
        "TIMEGLAS_SENDER": keygen("sign", "--sign"),
        "TIMEGLAS_SIGNING_KEY": folder / "sign",
    }


class Sealed(bytes):
    """A sealed file; id: of a blob that it may be the content of."""


def sealed(keys, tmp_path, data, *labels):
    done = subprocess.run(
        [TIMEGLAS, "seal", *(labels or ("--kind", "liveness"))], input=data, capture_output=True,
        check=True, env=environment(tmp_path, **keys),
    )
    body = Sealed(done.stdout)
    body.id = "00" + re.search(rb"--name ([A-Za-z0-9_-]{22})", done.stderr)[1].decode()
    return body


def changed(body, at=-1):
    """With one bit flipped: still asked for as the same blob."""
    other = bytearray(body)
    other[at] ^= 1
    other = Sealed(other)
    other.id = body.id
    return other


def now(later_s=0):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=later_s)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def taken(body, kind="liveness", **more):
    fields = {
        "Timeglas-Kind": kind,
        "Timeglas-Stored-At": more.get("stored_at", BLOB["stored_at"]),
        "ETag": '"e"',
    }
    fields.update(
        {f"Timeglas-{k.title()}": v for k, v in more.items() if k in ("issuer", "session")}
    )
    return Answer(
        200, body, "application/octet-stream", fields, cut=more.get("cut"),
        length=more.get("length", True),
    )


# Who talks to whom ---------------------------------------------------------


def test_nobody_there_is_exit_3(run):
    """Goal: "could not reach it" is not "refused"."""
    done = run(None, "policy", ok=3, url="https://127.0.0.1:1")
    assert done.stdout == b"" and done.stderr.startswith(b"timeglas: ")
    assert (
        json.loads(run(None, "--json", "policy", ok=3, url="https://127.0.0.1:1").stderr)["error"]
        == "unreachable"
    )


def test_server_of_another_authority_gets_nothing(run, pki):
    """Goal: no request leaves for a server that the given CA did not sign, not even one whose CA
    the system knows."""
    with serve(pki, Answer(200, {})) as server:
        run(server, "policy", ok=3, env={"TIMEGLAS_CA": pki["otherca.pem"]})
        run(
            server,
            "policy",
            ok=3,
            env={"TIMEGLAS_CA": pki["otherca.pem"], "SSL_CERT_FILE": pki["ca.pem"]},
        )
        assert server.seen == []


def test_server_with_another_name_gets_nothing(run, pki):
    """Goal: the certificate has to be for the host that was asked for."""
    with serve(pki, Answer(200, {})) as server:
        run(server, "policy", ok=3, url=server.url.replace("127.0.0.1", "localhost"))
        assert server.seen == []


def test_tls_12_is_not_spoken(run, pki):
    """Goal: TLS 1.3 or nothing."""
    with serve(
        pki, Answer(200, {}), versions=(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
    ) as server:
        run(server, "policy", ok=3)
        assert server.seen == []


@pytest.mark.parametrize(
    "what",
    [
        "http://127.0.0.1:1", "https://", "https://a@127.0.0.1:1", "https://127.0.0.1:1/x",
        "file:///etc",
    ],
)
def test_odd_addresses_are_usage(run, what):
    """Goal: an address that is not https://host:port is named, not tried."""
    assert b"https://host:port" in run(None, "policy", ok=2, url=what).stderr


def test_missing_certificate_is_usage(run, pki):
    """Goal: a file that is not there is told by name."""
    with serve(pki, Answer(200, {})) as server:
        assert b"/nowhere" in run(server, "policy", ok=2, env={"TIMEGLAS_KEY": "/nowhere"}).stderr
        done = run(server, "policy", ok=2, env={"TIMEGLAS_CERT": ""})
        assert b"--cert is missing" in done.stderr and server.seen == []


def test_proxies_and_redirects_are_not_followed(run, pki):
    """Goal: neither the environment nor the server can send evidence elsewhere."""
    with serve(pki, Answer(200, {"retention": []})) as server:
        run(
            server,
            "policy",
            ok=0,
            env={"https_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"},
        )
    with serve(pki, Answer(307, {}, fields={"Location": "/elsewhere"})) as server:
        run(server, "policy", ok=3)
        assert len(server.seen) == 1


# What a refusal looks like -------------------------------------------------


def test_problem_is_printed(run, pki):
    """Goal: exit 1, and title, detail, status, cause and time for people; the same as JSON for
    scripts."""
    with serve(pki, Answer(410, GONE, PROBLEM)) as server:
        text = run(server, "stat", ID, ok=1).stderr.decode()
        for part in (GONE["title"], "410", GONE["detail"], "consumed", GONE["gone_at"]):
            assert part in text
        o = json.loads(run(server, "--json", "stat", ID, ok=1).stderr)
        assert (
            o["error"] == "gone"
            and o["status"] == 410
            and o["cause"] == "consumed"
            and o["exit"] == 1
        )


def test_retry_after_is_told(run, pki):
    """Goal: who may try again later learns when."""
    body = {"type": "/problems/store-full", "title": "the store is full", "status": 507}
    with serve(pki, Answer(507, body, PROBLEM, {"Retry-After": "7"})) as server:
        assert b"7 s" in run(server, "stat", ID, ok=6).stderr
        assert json.loads(run(server, "--json", "stat", ID, ok=6).stderr)["retry_after_s"] == 7


@pytest.mark.parametrize(
    "answer",
    [
        Answer(502, b"<html>bad gateway</html>", "text/html"),
        Answer(500, b"{", PROBLEM),
        Answer(500, b"[1]", PROBLEM),
        Answer(404, {"type": 3, "title": ["x"]}, PROBLEM),
        Answer(404, b"", "text/plain"),
    ],
)
def test_refusal_without_a_problem_is_still_a_refusal(run, pki, answer):
    """Goal: a proxy's HTML or a broken document neither crashes the client nor passes for something
    else."""
    with serve(pki, answer) as server:
        assert str(answer.status).encode() in run(server, "stat", ID, ok=1).stderr
        assert json.loads(run(server, "--json", "stat", ID, ok=1).stderr)["error"] == "refused"


def test_a_server_cannot_steer_the_terminal(run, pki):
    """Goal: escape sequences in a problem or in an answer come out as question marks."""
    evil = dict(GONE, title="a\x1b[2Jb", detail="c\u009bd\x07")
    with serve(
        pki, Answer(410, evil, PROBLEM), Answer(200, dict(BLOB, more="e\x1b[2Jf"))
    ) as server:
        err = run(server, "stat", ID, ok=1).stderr
        assert (
            b"\x1b" not in err
            and b"\xc2\x9b" not in err
            and b"\x07" not in err
            and b"a?[2Jb" in err
        )
        assert b"\x1b" not in run(server, "stat", ID, ok=0).stdout


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b""),
        Answer(200, b"nonsense"),
        Answer(200, b"[]"),
        Answer(200, {"blob": 7}),
        Answer(200, {"blob": "x" * 100}),
        Answer(200, b'{"blob":"a","pad":"' + b"x" * 1_100_000 + b'"}'),
        Answer(200, BLOB, cut=20),
    ],
)
def test_answers_out_of_contract_are_exit_3(run, pki, answer):
    """Goal: no JSON, other JSON, too much of it, half of it: never success."""
    with serve(pki, answer) as server:
        assert run(server, "stat", ID, ok=3).stdout == b""


@pytest.mark.parametrize(
    "lie",
    [
        {"blob": "../../etc"},
        {"blob": "a b"},
        {"blob": "$(id)"},
        {"deadline": None},
        {"kind": "face3d"},
        {"size": 8},
        {"size": None},
        {"issuer": "DNK", "kind": "face3d"},
        {"session": "s9"},
        {"deadline": "tomorrow"},
        {"sha256": "0"},
    ],
)
def test_put_answer_that_does_not_fit_is_exit_3(run, pki, keys, lie):
    """Goal: who puts gets a well-formed id of what was put, with its deadline, or no success."""
    with serve(pki, stored(BLOB, **lie)) as server:
        assert run(server, "put", "--kind", "liveness", "--raw", "-", env=keys, ok=3).stdout == b""


def test_answer_that_is_no_http_is_exit_3(run, pki, keys):
    """Goal: a server that speaks something else is the server's fault, not the user's."""
    with serve(pki, Answer(200, BLOB)) as server:
        server.RequestHandlerClass = type(
            "Gibberish",
            (Handler,),
            {"handle": lambda h: h.rfile.readline() and h.wfile.write(b"\0\xff" * 500)},
        )
        run(server, "stat", ID, ok=3)


def test_ids_cannot_leave_their_place_in_the_path(run, pki):
    """Goal: an "id" with a slash, a question mark or a line break is refused here."""
    with serve(pki, Answer(200, BLOB)) as server:
        for evil in ("a/b", "a?b", "a\r\nX: y", "a%2fb", "x" * 65, "..", "a#b"):
            for command in (
                ("stat",), ("rm",), ("take", "-o", "x"), ("session", "show"), ("session", "close"),
            ):
                run(server, *command, evil, ok=2)
        assert server.seen == []


# Sessions, stat, rm, policy ------------------------------------------------


def test_session_commands(run, pki):
    """Goal: the right calls, and the id alone on stdout."""
    subject = "ab" * 32
    with serve(pki, Answer(201, SESSION)) as server:
        assert (
            run(server, "session", "open", "--idle", "1m", "--subject", subject, ok=0).stdout
            == b"sess-1\n"
        )
        assert json.loads(server.seen[0][3]) == {"subject": subject, "idle_s": 60}
        assert server.seen[0][2]["Content-Type"] == "application/json"
        assert json.loads(run(server, "session", "open", "--json", ok=0).stdout) == SESSION
        assert json.loads(server.seen[1][3]) == {}
    closed = Answer(200, {**SESSION, "state": "closed", "receipts": [RECEIPT]})
    with serve(
        pki,
        Answer(200, SESSION),
        Answer(200, SESSION),
        closed,
        closed,
        Answer(200, {**SESSION, "receipts": []}),
    ) as server:
        assert b"600" in run(server, "session", "show", "sess-1", ok=0).stdout
        run(server, "session", "touch", "sess-1", ok=0)
        run(server, "session", "close", "sess-1", ok=0)
        run(server, "session", "close", "sess-1", "--erase-all", ok=0)
        assert [s[:2] for s in server.seen] == [
            ("GET", "/v1/sessions/sess-1"),
            ("POST", "/v1/sessions/sess-1/touch"),
            ("DELETE", "/v1/sessions/sess-1"),
            ("DELETE", "/v1/sessions/sess-1?erase=all"),
        ]
        assert b"still open" in run(server, "session", "close", "sess-1", ok=3).stderr
        assert (
            server.seen[1][2]["Content-Length"] == "0" and server.seen[1][2]["Content-Type"] is None
        )


def test_tables_and_json(run, pki):
    """Goal: people see every value of the answer, scripts the server's own object."""
    policy = {
        "retention": [
            {"kind": "passport", "issuer": "danish", "ceiling_s": 3600, "session_bound": True},
            {"kind": "face3d", "issuer": None, "ceiling_s": 86400, "session_bound": False},
        ],
        "lease_max_s": 900,
    }
    with serve(pki, Answer(200, policy)) as server:
        lines = run(server, "policy", ok=0).stdout.decode().splitlines()
        rows = [line.split() for line in lines]
        assert ["lease_max_s", "900"] in rows and [
            "kind",
            "issuer",
            "ceiling_s",
            "session_bound",
        ] in rows
        assert ["passport", "danish", "3600", "yes"] in rows and [
            "face3d",
            "-",
            "86400",
            "no",
        ] in rows
        assert json.loads(run(server, "--json", "policy", ok=0).stdout) == policy
    with serve(pki, Answer(200, RECEIPT)) as server:
        assert b"consumed" in run(server, "rm", ID, ok=0).stdout
        assert server.seen[0][:2] == ("DELETE", f"/v1/blobs/{ID}")


# put -----------------------------------------------------------------------


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


# take (get: test_cli_claims.py) --------------------------------------------


def strays(tmp_path):
    return sorted(
        p.name for folder in (tmp_path, tmp_path / "tmp") for p in folder.iterdir() if p.is_file()
    )


def test_take_opens_to_file_and_stdout(run, pki, keys, tmp_path):
    """Goal: one POST, the content released as a 0600 file or to stdout, nothing else left."""
    labels = ("--kind", "passport", "--issuer", "D", "--session", "s1")
    bodies = [sealed(keys, tmp_path, b"v" * 150_000, *labels) for _ in range(3)]
    with serve(pki, *[taken(b, "passport", issuer="D", session="s1") for b in bodies]) as server:
        run(server, "take", bodies[0].id, "-o", "out", env=keys, ok=0)
        assert (tmp_path / "out").read_bytes() == b"v" * 150_000
        assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o600
        assert run(server, "take", bodies[1].id, env=keys, ok=0).stdout == b"v" * 150_000
        o = json.loads(
            run(server, "take", bodies[2].id, "--json", "-o", "out", env=keys, ok=0).stdout
        )
        assert (
            o["opened"] is True
            and o["head"]["issuer"] == "D"
            and o["kind"] == "passport"
            and o["blob"] == bodies[2].id
        )
        assert [s[:2] for s in server.seen] == [("POST", f"/v1/blobs/{b.id}/take") for b in bodies]
        assert server.seen[0][2]["Content-Length"] == "0"
    assert strays(tmp_path) == ["out"]


def test_ciphertext_is_given_only_where_it_is_asked_for(run, pki, keys, tmp_path):
    """Goal: who holds the key elsewhere gets the sealed bytes as they are; but a variable that is
    not set makes nothing pass unchecked."""
    body = sealed(keys, tmp_path, b"v" * 1000)
    with serve(pki, taken(body)) as server:
        for how in ("take", "get"):
            assert (
                b"--identity is missing"
                in run(
                    server, how, ID, "-o", "out", env={**keys, "TIMEGLAS_IDENTITY": ""}, ok=2
                ).stderr
            )
        assert server.seen == [] and strays(tmp_path) == []
        assert run(server, "take", ID, "--sealed", ok=0).stdout == body
        run(server, "take", ID, "--sealed", "-o", "out.age", env=keys, ok=0)
        assert (tmp_path / "out.age").read_bytes() == body and strays(tmp_path) == ["out.age"]


def kept(done, tmp_path, body, name):
    assert done.stdout == b"" and name in done.stderr.decode()
    assert (tmp_path / name).read_bytes() == body and stat.S_IMODE(
        (tmp_path / name).stat().st_mode
    ) == 0o600
    (tmp_path / name).unlink()


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "face3d"},
        {"kind": "liveness", "issuer": "UTO"},
        {"kind": "liveness", "session": "s2"},
    ],
)
def test_mislabelled_is_exit_4_and_kept_sealed(run, pki, keys, tmp_path, said):
    """Goal: a buffer that relabels evidence is found out; the evidence survives, sealed."""
    body = sealed(keys, tmp_path, b"secret plaintext")
    with serve(pki, taken(body, **said)) as server:
        done = run(server, "take", body.id, "-o", "out", env=keys, ok=4)
        assert b"sealed head" in done.stderr
        kept(done, tmp_path, body, "out.age")
        kept(run(server, "take", body.id, env=keys, ok=4), tmp_path, body, body.id + ".age")
        assert (
            json.loads(run(server, "take", body.id, "--json", "-o", "out", env=keys, ok=4).stderr)[
                "error"
            ]
            == "mislabelled"
        )
    assert strays(tmp_path) == ["out.age"]


def test_damaged_is_exit_4_and_never_overwrites_what_was_kept(run, pki, keys, tmp_path):
    """Goal: two failures keep two files, and an earlier good result stays."""
    body = changed(sealed(keys, tmp_path, b"secret plaintext"))
    (tmp_path / "out").write_bytes(b"earlier")
    with serve(pki, taken(body, stored_at=now())) as server:
        run(server, "take", body.id, "-o", "out", env=keys, ok=4)
        run(server, "take", body.id, "-o", "out", env=keys, ok=4)
    assert (
        strays(tmp_path) == ["out", "out.age", "out.age.1"]
        and (tmp_path / "out").read_bytes() == b"earlier"
    )


def test_another_sender_is_exit_4(run, pki, keys, tmp_path):
    """Goal: evidence that a compromised buffer made itself does not pass."""
    other = subprocess.run(
        [TIMEGLAS, "keygen", "--sign", "-o", tmp_path / "evil"],
        capture_output=True,
        check=True,
        env=environment(tmp_path),
    )
    (tmp_path / "evil").rename(tmp_path / "home/evil")
    body = sealed({**keys, "TIMEGLAS_SIGNING_KEY": tmp_path / "home/evil"}, tmp_path, b"forged")
    with serve(pki, taken(body)) as server:
        kept(run(server, "take", body.id, "-o", "out", env=keys, ok=4), tmp_path, body, "out.age")
        assert (
            run(
                server, "take", body.id, "--sender", other.stdout.decode().strip(), env=keys, ok=0
            ).stdout
            == b"forged"
        )


def test_replay_within_a_day_is_refused(run, pki, keys, tmp_path, home):
    """Goal: the same sealed evidence is received once; other evidence of the same sender still is.
    The memory tells no reference."""
    body, other = sealed(keys, tmp_path, b"one"), sealed(keys, tmp_path, b"two")
    with serve(pki, taken(body), taken(body), taken(other)) as server:
        assert run(server, "take", body.id, env=keys, ok=0).stdout == b"one"
        done = run(server, "take", body.id, "-o", "out", env=keys, ok=4)
        assert b"replay" in done.stderr
        kept(done, tmp_path, body, "out.age")
        assert run(server, "take", other.id, env=keys, ok=0).stdout == b"two"
    seen = home / "state/timeglas/received"
    assert stat.S_IMODE(seen.stat().st_mode) == 0o600 and seen.stat().st_size == 16 + 2 * 40
    plain = subprocess.run(
        ["age", "-d", "-i", keys["TIMEGLAS_IDENTITY"]], input=body, capture_output=True
    ).stdout
    ref = next(
        line.split()[1] for line in plain.split(b"\n\n")[0].splitlines() if line.startswith(b"ref:")
    )
    assert bytes.fromhex(ref.decode()) not in seen.read_bytes() and ref not in seen.read_bytes()


def test_damaged_memory_is_told_and_nothing_is_consumed(run, pki, keys, tmp_path, home):
    """Goal: a verifier that cannot remember must not take (what the memory itself promises:
    tests/unit/test_seen.c)."""
    body, other = sealed(keys, tmp_path, b"one"), sealed(keys, tmp_path, b"two")
    seen = home / "state/timeglas/received"
    with serve(pki, taken(body), taken(other)) as server:
        run(server, "take", body.id, env=keys, ok=0)
        seen.write_bytes(bytes(changed(sealed(keys, tmp_path, b"")))[:16] + seen.read_bytes()[16:])
        done = run(server, "take", other.id, env=keys, ok=2)
        assert (
            b"nothing was fetched" in done.stderr
            and b"damaged" in done.stderr
            and str(seen).encode() in done.stderr
        )
        assert len(server.seen) == 1


@pytest.mark.parametrize("how", ["short", "no length", "no kind"])
def test_broken_off_is_exit_3_and_releases_nothing(run, pki, keys, tmp_path, how):
    """Goal: a body that may not be whole is never success, with or without opening."""
    body = sealed(keys, tmp_path, b"w" * 100_000)
    answer = taken(body, cut=50_000 if how == "short" else None, length=how != "no length")
    if how == "no kind":
        answer.fields.pop("Timeglas-Kind")
    (tmp_path / "out").write_bytes(b"earlier")
    with serve(pki, answer) as server:
        for more, env in ((["--sealed"], {}), ([], keys)):
            assert run(server, "take", ID, *more, env=env, ok=3).stdout == b""
            run(server, "take", ID, *more, "-o", "out", env=env, ok=3)
        assert len(server.seen) == 4  # not once did it ask again by itself
    assert strays(tmp_path) == ["out"] and (tmp_path / "out").read_bytes() == b"earlier"


def test_take_refused_leaves_nothing(run, pki, keys, tmp_path):
    """Goal: a 410 is exit 1, with no file and no output."""
    with serve(pki, Answer(410, GONE, PROBLEM)) as server:
        for more, env in ((["--sealed"], {}), ([], keys)):
            assert run(server, "take", ID, *more, "-o", "out", env=env, ok=1).stdout == b""
            assert run(server, "take", ID, *more, env=env, ok=1).stdout == b""
    assert strays(tmp_path) == []


def test_nothing_is_consumed_when_it_could_not_be_written(run, pki, keys, home):
    """Goal: what fails on this machine fails before the only copy is asked for."""
    with serve(pki, taken(b"x")) as server:
        run(server, "take", ID, "-o", "/nowhere/out", env=keys, ok=2)
        run(server, "take", ID, "-o", "/", env=keys, ok=2)
        run(server, "take", ID, "--identity", "/nowhere/id", "-o", "x", env=keys, ok=2)
        run(server, "take", ID, "-o", "x", env={**keys, "TIMEGLAS_SENDER": "", "HOME": home}, ok=2)
        (home / "file").write_text("")
        run(server, "take", ID, "-o", "x", env={**keys, "XDG_STATE_HOME": home / "file"}, ok=2)
        run(server, "get", ID, "-o", "x", "--receipt", "/nowhere/r", env=keys, ok=2)
        for lease in ("0", "901", "1.5", "-1", "16m", "1d"):
            run(server, "get", ID, "-o", "x", "--lease", lease, env=keys, ok=2)
        assert server.seen == []


def test_output_that_fails_after_the_take_keeps_it_sealed(run, pki, keys, tmp_path):
    """Goal: a full disk behind stdout costs no evidence."""
    body = sealed(keys, tmp_path, b"w" * 100_000)
    for more, env in (([], keys), (["--sealed"], {})):
        with serve(pki, taken(body)) as server:
            kept(
                run(
                    server,
                    "take",
                    body.id,
                    *more,
                    "-o",
                    "/dev/full",
                    env={**env, "XDG_STATE_HOME": tmp_path / "tmp" / str(len(env))},
                    ok=2,
                ),
                tmp_path,
                body,
                body.id + ".age",
            )


@pytest.mark.parametrize(
    "output, receipt",
    [
        *itertools.product(("out", "there"), ("{}", "./{}", "{cwd}/{}", "sub/../{}", "same/{}")),
        ("there", "hard-link"),
        ("there", "soft-link"),
    ],
)
def test_receipt_does_not_replace_the_evidence(run, pki, keys, tmp_path, output, receipt):
    """Goal: one file for both, whatever its two names are, is refused before anything is asked
    for."""
    (tmp_path / "there").write_bytes(b"older")
    (tmp_path / "sub").mkdir()
    (tmp_path / "same").symlink_to(".")
    (tmp_path / "soft-link").symlink_to("there")
    os.link(tmp_path / "there", tmp_path / "hard-link")
    receipt = receipt.format(output, cwd=tmp_path)
    with serve(pki, Answer(500)) as server:
        done = run(server, "get", ID, "-o", output, "--receipt", receipt, env=keys, ok=2)
        assert b"name one file" in done.stderr
        assert server.seen == []
    assert (tmp_path / "there").read_bytes() == b"older"


@pytest.mark.parametrize("receipt", ["out.age", "./out.age", "out.age.1", "same/out.age.27"])
def test_receipt_does_not_replace_a_kept_copy(run, pki, keys, tmp_path, receipt):
    """Goal: a failed check is acked, too, so its receipt must not go where the sealed copy does."""
    (tmp_path / "same").symlink_to(".")
    with serve(pki, Answer(500)) as server:
        done = run(server, "get", ID, "-o", "out", "--receipt", receipt, env=keys, ok=2)
        assert b"keeps the sealed copy" in done.stderr
        assert server.seen == []


@pytest.mark.parametrize("mode", [0o777, 0o720])
def test_memory_of_others_is_refused(run, pki, keys, home, mode):
    """Goal: whoever else may write to the state folder could make a verifier forget what it has
    received; nothing is fetched with such a folder."""
    folder = home / "state/timeglas"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(mode)
    with serve(pki, Answer(500)) as server:
        done = run(server, "get", ID, "-o", "out", env=keys, ok=2)
        assert b"cannot use the folder" in done.stderr and b"chmod 700" in done.stderr
        assert server.seen == []


@pytest.mark.long
def test_memory_that_stays_locked_ends_the_fetch(run, pki, keys, home):
    """Goal: a process that was stopped while it had the lock makes no other wait for ever."""
    (home / "state/timeglas").mkdir(parents=True, exist_ok=True)
    with open(home / "state/timeglas/lock", "w") as lock, serve(pki, Answer(500)) as server:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run(server, "take", ID, "-o", "out", env=keys, ok=2)
        assert (
            b"cannot lock the memory" in done.stderr
            and b"timed out" in done.stderr
            and server.seen == []
        )


def test_progress_is_for_terminals_only(run, pki, keys, tmp_path):
    """Goal: no control characters in a log file."""
    (tmp_path / "f").write_bytes(b"\0" * 3_000_000)
    with serve(pki, stored(BLOB)) as server:
        assert (
            b"\r"
            not in run(server, "put", "--kind", "liveness", tmp_path / "f", env=keys, ok=0).stderr
        )


def test_progress_bar_on_a_terminal(run, pki, keys, tmp_path, home):
    """Goal: whoever waits at a terminal sees percentage, rate and the time left, and a clean line
    afterwards."""
    body, hold, seen = sealed(keys, tmp_path, b"w" * 400_000), threading.Event(), b""
    answer = taken(body)
    answer.hold = hold
    ours, theirs = os.openpty()
    with serve(pki, answer) as server:
        env = {
            **environment(home),
            "TIMEGLAS_URL": server.url,
            "TIMEGLAS_CA": pki["ca.pem"],
            "TIMEGLAS_CERT": pki["client.pem"],
            "TIMEGLAS_KEY": pki["client.key"],
            **{k: str(v) for k, v in keys.items()},
        }
        with subprocess.Popen(
            [TIMEGLAS, "take", body.id, "-o", "out"], stderr=theirs, cwd=tmp_path, env=env
        ) as child:
            os.close(theirs)
            try:
                while b"ETA" not in seen and select.select([ours], [], [], 10)[0]:
                    seen += os.read(ours, 4096)
            finally:
                hold.set()
            with contextlib.suppress(OSError):  # the end of a terminal reads as an error
                while piece := os.read(ours, 4096):
                    seen += piece
        os.close(ours)
    assert child.returncode == 0 and (tmp_path / "out").read_bytes() == b"w" * 400_000
    assert b"%" in seen and b"/s" in seen and b"ETA" in seen
    assert b"\r\x1b[K" in seen and seen.rstrip().endswith(b"whose signature is good")
