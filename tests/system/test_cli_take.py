"""Goal: what the timeglas command takes from a server comes out only when it is what was asked for:
not broken off, mislabelled, replayed or damaged; and whatever fails on this machine fails before
anything is consumed. get is in test_cli_claims.py."""
import contextlib
import fcntl
import itertools
import json
import os
import select
import stat
import subprocess
import threading

import pytest

from cli_client import (
    BLOB,
    GONE,
    ID,
    PROBLEM,
    changed,
    command_env,
    home,
    kept,
    keys,
    now,
    pki,
    run,
    sealed,
    strays,
    taken,
)  # noqa: F401  fixtures, too
from cli_command import TIMEGLAS, environment
from cli_server import Answer, serve, stored


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
