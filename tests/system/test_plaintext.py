"""The client leaves no plaintext behind. Checked: what strace sees of get, take and open; what a
signal leaves on a file system without nameless files; how long a sealed copy is kept; and what
happens when memory cannot be locked."""
import ctypes
import errno
import os
import re
import resource
import shutil
import signal
import struct
import subprocess

import pytest

from cli_server import serve
from harness import SANITIZED, wait_for
from cli_command import TIMEGLAS, environment
from test_cli_claims import acked, claimed, looked_at, part
from cli_client import (
    changed,
    command_env,
    home,
    keys,
    now,
    pki,
    run,
    sealed,
    strays,
    taken,
)  # noqa: F401  fixtures, too

MARKER = b"PLAINTEXT-OF-A-PASSPORT."
CONTENT = MARKER * 8192  # three chunks
WRITES = "write,writev,pwrite64,pwritev,pwritev2,sendfile,copy_file_range,splice,vmsplice,tee,mmap"


def traced(folder, env, *args, stdin=subprocess.DEVNULL):
    """The command under strace, its output through a pipe. Returns (output, lines of the trace)."""
    trace = folder / "trace"
    done = subprocess.run(
        [
            "strace", "-f", "-y", "-s", "1000000", "-o", str(trace), "-e", f"trace={WRITES}",
            TIMEGLAS, *map(str, args),
        ],
        stdin=stdin,
        capture_output=True,
        timeout=120,
        cwd=folder,
        env=env,
    )
    if b"ptrace" in done.stderr and done.returncode != 0:
        pytest.skip("this machine refuses ptrace: " + done.stderr.decode()[:80])
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout, trace.read_text(errors="replace").splitlines()


def where_plaintext_went(lines):
    """The kinds of descriptors that bytes of the content were written to; of copies in the kernel,
    whose bytes strace does not show, both ends."""
    found = set()
    for line in lines:
        call = re.search(r"\b(\w+)\((.*)", line)
        if not call or call[1] == "mmap":
            # a shared writable mapping of a file would be a way to write, too
            assert (
                not call
                or "MAP_SHARED" not in line
                or "PROT_WRITE" not in line
                or "MAP_ANONYMOUS" in line
                or "/dev/zero" in line
            ), line
            continue
        if call[1] in ("sendfile", "copy_file_range", "splice", "vmsplice", "tee"):
            found.add(call[1])
        elif MARKER.decode() in line:
            found.add(
                "pipe" if re.match(r"\d+<pipe:", call[2]) else re.match(r"\d+<([^>]*)>", call[2])[1]
            )
    return found


@pytest.fixture(scope="module")
def strace():
    if SANITIZED:
        pytest.skip("a sanitizer's leak check cannot run under strace")
    if shutil.which("strace") is None:
        pytest.skip("no strace here")


@pytest.mark.parametrize("how", ["get", "get -o -", "take", "open", "open a pipe", "get -o fifo"])
def test_to_a_pipe_no_plaintext_goes_to_a_file(strace, command_env, pki, keys, tmp_path, how):
    """Goal: the content is written to the pipe and to nothing else."""
    body = sealed(keys, tmp_path, CONTENT)
    (tmp_path / "sealed").write_bytes(body)
    read = None
    if how == "get -o fifo":
        os.mkfifo(tmp_path / "fifo")
        read = subprocess.Popen(["cat", tmp_path / "fifo"], stdout=open(tmp_path / "read", "wb"))
    args = {
        "get": ["get", body.id],
        "get -o -": ["get", "-o", "-", body.id],
        "take": ["take", body.id],
        "open": ["open", "sealed"],
        "open a pipe": ["open"],
        "get -o fifo": ["get", "-o", "fifo", body.id],
    }[how]
    script = [taken(body)] if how == "take" else [claimed(body), part(body), acked(body)]
    with serve(pki, *script) as server:
        feeder = (
            subprocess.Popen(["cat", tmp_path / "sealed"], stdout=subprocess.PIPE)
            if how == "open a pipe"
            else None
        )
        out, lines = traced(
            tmp_path,
            command_env(server, **keys),
            *args,
            stdin=feeder.stdout if feeder else subprocess.DEVNULL,
        )
        if feeder:
            feeder.stdout.close()
            assert feeder.wait() == 0
    if read:
        assert read.wait(20) == 0
        out = (tmp_path / "read").read_bytes()
    assert out == CONTENT
    assert where_plaintext_went(lines) == ({str(tmp_path / "fifo")} if read else {"pipe"})


def test_to_a_file_plaintext_goes_to_its_nameless_inode_alone(
    strace, command_env, pki, keys, tmp_path
):
    """Goal: where the user wants it, and nowhere else; and this search can tell."""
    body = sealed(keys, tmp_path, CONTENT)
    with serve(pki, claimed(body), part(body), acked(body)) as server:
        _, lines = traced(tmp_path, command_env(server, **keys), "get", "-o", "out", body.id)
    assert (tmp_path / "out").read_bytes() == CONTENT
    found = where_plaintext_went(lines)
    assert len(found) == 1 and re.fullmatch(
        re.escape(str(tmp_path)) + r"/#\d+( \(deleted\))?", next(iter(found))
    ), found


@pytest.mark.parametrize("what", ["last byte", "replay", "label"])
def test_nothing_reaches_the_pipe_before_every_check(run, pki, keys, tmp_path, what):
    """Goal: of 20 MB whose last byte is wrong, not one byte comes out; nor of a replay, nor of what
    is mislabelled."""
    body = sealed(keys, tmp_path, MARKER * 800_000)
    bad = changed(body) if what == "last byte" else body
    more = [taken(body)] if what == "replay" else []
    with serve(pki, *more, taken(bad, "face3d" if what == "label" else "liveness")) as server:
        for _ in more:
            run(server, "take", body.id, env=keys, ok=0)
        done = run(server, "take", body.id, "--no-keep", env=keys, ok=4)
        assert done.stdout == b"" and b"nothing is kept" in done.stderr
    assert strays(tmp_path) == []


# Where there is no O_TMPFILE -----------------------------------------------


def without_tmpfile():
    """In a child: openat() with O_TMPFILE fails as on a file system that does not know it (a
    seccomp filter; x86-64)."""
    libc = ctypes.CDLL(None, use_errno=True)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # who runs the tests may ignore them
    refuse, allow = 0x00050000 | errno.EOPNOTSUPP, 0x7FFF0000
    # load nr; openat? load flags (argument 2); bit __O_TMPFILE set? refuse
    program = [
        (0x20, 0, 0, 0), (0x15, 0, 3, 257), (0x20, 0, 0, 32), (0x45, 0, 1, 0o20000000),
        (0x06, 0, 0, refuse), (0x06, 0, 0, allow),
    ]
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code)
    fprog = struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer))
    assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, fprog, 0, 0) == 0


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the filter is for x86-64")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_signal_leaves_nothing_without_nameless_files(keys, tmp_path, home, number):
    """Goal: half of the sealed input has come and was opened, to a file and to a pipe; then a
    signal."""
    body = sealed(keys, tmp_path, CONTENT * 4)
    env = {
        **environment(home),
        **{k: str(v) for k, v in keys.items()},
        "TMPDIR": str(tmp_path / "tmp"),
    }
    for args in (["-o", "out"], []):
        child = subprocess.Popen(
            [TIMEGLAS, "open", *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path,
            env=env, preexec_fn=without_tmpfile,
        )
        child.stdin.write(body[: len(body) // 2])
        child.stdin.flush()
        folder = f"/proc/{child.pid}/fd"

        def holds_half():
            sizes = [
                os.stat(f"{folder}/{fd}").st_size
                for fd in os.listdir(folder)
                if "(deleted)" in os.readlink(f"{folder}/{fd}")
            ]
            return sizes and max(sizes) >= len(body) // 4

        wait_for(holds_half, "the first half is written to a file without a name")
        assert strays(tmp_path) == []
        child.send_signal(number)
        assert child.wait(20) == -number
        child.stdin.close()
        child.stdout.close()
        assert strays(tmp_path) == []


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the filter is for x86-64")
def test_everything_works_without_nameless_files(command_env, pki, keys, tmp_path):
    """Goal: the same results, a 0600 file, a kept copy."""
    body = sealed(keys, tmp_path, CONTENT)
    with serve(pki, taken(body), taken(changed(body))) as server:
        env = command_env(server, **keys)
        for args, status in ((["-o", "out"], 0), (["-o", "bad"], 4)):
            done = subprocess.run(
                [TIMEGLAS, "take", body.id, *args], capture_output=True, cwd=tmp_path, env=env,
                preexec_fn=without_tmpfile,
            )
            assert done.returncode == status, done.stderr.decode()
    assert (tmp_path / "out").read_bytes() == CONTENT and (
        tmp_path / "out"
    ).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "bad.age").read_bytes() == changed(body) and strays(tmp_path) == [
        "bad.age",
        "out",
    ]


# What is kept --------------------------------------------------------------


def test_kept_copy_goes_at_the_blobs_deadline(run, pki, keys, tmp_path, home):
    """Goal: the time is printed, it is the blob's own deadline, and the next run after it removes
    the copy."""
    body = changed(sealed(keys, tmp_path, b"secret"))
    until = now(2)
    with serve(
        pki,
        claimed(body),
        part(body, **{"Timeglas-Stored-At": now()}),
        looked_at(body, deadline=until),
        acked(body),
    ) as server:
        done = run(server, "get", body.id, "-o", "out", env=keys, ok=4)
        assert f"kept in out.age until {until}".encode() in done.stderr
        if now() < until:
            run(None, "--version", url="x", ok=0)
            assert (tmp_path / "out.age").exists() or now() >= until
        wait_for(lambda: now() > until, "the deadline")
        assert b"removed 1 kept sealed copy" in run(None, "--version", url="x", ok=0).stderr
    assert strays(tmp_path) == [] and not (home / "state/timeglas/kept").exists()


@pytest.mark.parametrize(
    "kind, issuer, limit_s",
    [("passport", "DNK", 3600), ("liveness", None, 86400), ("of-tomorrow", None, 86400)],
)
def test_kept_copy_never_outlasts_the_kinds_limit(run, pki, keys, tmp_path, kind, issuer, limit_s):
    """Goal: whatever the server says of its deadline, and where it says nothing (take)."""
    labels = ["--kind", kind, *(["--issuer", issuer, "--session", "s"] if issuer else [])]
    body = changed(sealed(keys, tmp_path, b"secret", *labels))
    more = {"issuer": issuer, "session": "s"} if issuer else {}
    with serve(pki, taken(body, kind, stored_at=now(), **more)) as server:
        done = run(server, "take", body.id, "-o", "out", env=keys, ok=4)
    until = re.search(rb"until ([0-9TZ:.-]+)", done.stderr)[1].decode()
    assert now(limit_s - 30) < until <= now(limit_s)


# Memory --------------------------------------------------------------------


def no_locked_memory():
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
    ctypes.CDLL(None).prctl(
        24, 14, 0, 0, 0
    )  # PR_CAPBSET_DROP, CAP_IPC_LOCK: root is above the limit otherwise


@pytest.mark.skipif(SANITIZED, reason="a sanitizer locks no memory")
def test_memory_that_cannot_be_locked_is_told_once(keys, tmp_path, home):
    """Goal: no silence, and no flood."""
    env = {**environment(home), **{k: str(v) for k, v in keys.items()}}
    (tmp_path / "s").write_bytes(sealed(keys, tmp_path, CONTENT))
    for preexec, times in ((no_locked_memory, 1), (None, 0)):
        done = subprocess.run(
            [TIMEGLAS, "open", tmp_path / "s"], capture_output=True, env=env, preexec_fn=preexec
        )
        assert done.returncode == 0 and done.stdout == CONTENT
        assert done.stderr.count(b"could not be locked") == times, done.stderr.decode()
