"""The timeglas command as a client of cli_server.py: its certificates and keys, what it seals, what
a server answers."""
import datetime
import re
import stat
import subprocess

import pytest

from cli_command import TIMEGLAS, environment
from cli_server import Answer, make_pki

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


def strays(tmp_path):
    return sorted(
        p.name for folder in (tmp_path, tmp_path / "tmp") for p in folder.iterdir() if p.is_file()
    )


def kept(done, tmp_path, body, name):
    assert done.stdout == b"" and name in done.stderr.decode()
    assert (tmp_path / name).read_bytes() == body and stat.S_IMODE(
        (tmp_path / name).stat().st_mode
    ) == 0o600
    (tmp_path / name).unlink()
