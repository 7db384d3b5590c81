"""A malicious server: it has the certificates of a real one, speaks TLS 1.3 and enough HTTP/1.1,
and lies in one way at a time.

hostile_table.py has every attack, once this file has been imported: what the server does, which
command of the client meets it, and the exit status that is due. An attack succeeds when the command
ends otherwise, releases something that is not the evidence that was asked for, prints a character
that steers a terminal, or does not end in time. test_hostile_server.py runs all of them. By itself,
this file says which attacks another build of the client falls for:

    python3 tests/system/hostile_server.py build/release/timeglas
    python3 tests/system/hostile_server.py --table        # the rows of docs/hostile-server.md

The server that no attack changes is honest: all commands succeed with it, so that a refusal is the
attack's doing."""
import concurrent.futures
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Each adds its attacks to TABLE; in the order of the documents.
import hostile_connection  # noqa: F401
import hostile_answers  # noqa: F401
import hostile_content  # noqa: F401
import hostile_proofs  # noqa: F401
from hostile_evidence import World
from hostile_table import TABLE
from hostile_wire import HANGS_S, Server

HARMFUL = [
    (0, 0x1F), (0x7F, 0x9F), (0x61C, 0x61C), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F),
    (0xFEFF, 0xFEFF), (0xE0000, 0xE0FFF),
]


def harmful(text):
    return sorted({c for c in text if c != "\n" and any(a <= ord(c) <= b for a, b in HARMFUL)})


def faults_of(a, server, status, out, err, released, expected):
    """What went wrong: a list of sentences, empty when the attack got nowhere."""
    faults = []
    if status not in a.exits:
        faults.append(f"exit status {status} instead of {a.exits}")
    for name, stream in (("stdout", out), ("stderr", err)):
        try:
            if bad := harmful(stream.decode()):
                faults.append(f"{name} has {bad}")
        except UnicodeDecodeError:
            faults.append(f"{name} is no UTF-8")
    if b"Sanitizer" in err or b"runtime error" in err:
        faults.append("a sanitizer complains: " + err.decode(errors="replace")[-2000:])
    if released is not None and (not a.released or released != expected):
        faults.append(
            "content was released that is not what was asked for"
            if released != expected
            else "content was released"
        )
    if a.printed and not out:
        faults.append("the receipt was not printed")
    if status == 3 and out and not a.printed:
        faults.append("a failure came with output")
    if a.says and a.says not in err.decode(errors="replace"):
        faults.append(f"stderr does not say {a.says!r}")
    if a.outcome and server.outcomes != [a.outcome]:
        faults.append(f"acked {server.outcomes} instead of {a.outcome}")
    if a.check and (said := a.check(server)):
        faults.append(said)
    return faults


def run(world, a, client=None, slow=1, without=()):
    """Runs one attack. without: options that an older client lacks. Returns (faults, stderr,
    seconds)."""
    folder = Path(tempfile.mkdtemp(prefix="run", dir=world.folder))
    evidence = getattr(world, a.evidence)
    (folder / "in").write_bytes(b"content that goes up\n" * 5000)
    (folder / "in.age").write_bytes(evidence.sealed)
    server = Server(world, a)
    args = [x.replace("{id}", evidence.id) for x in a.command]
    for option in without:
        while option in args:
            del args[args.index(option) : args.index(option) + 2]
    env = world.environment(
        folder, a.peer, TIMEGLAS_URL=f"https://{a.host}:{server.port}",
        TIMEGLAS_LOG_KEY=world.log.key, **a.env,
    )
    began = time.monotonic()
    try:
        try:
            done = subprocess.run(
                [client or world.client, *args], input=a.stdin, capture_output=True, cwd=folder,
                env=env, timeout=HANGS_S * slow,
            )
            status, out, err = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired as e:
            status, out, err = f"none within {HANGS_S * slow} s", e.stdout or b"", e.stderr or b""
    finally:
        server.stop()
    server.stdout, server.stderr = out, err
    target = folder / "out"
    return (
        faults_of(
            a,
            server,
            status,
            out,
            err,
            target.read_bytes() if target.exists() else None,
            evidence.data,
        ),
        err.decode(errors="replace"),
        time.monotonic() - began,
    )


def rows():
    """The table of docs/hostile-server.md."""
    return [
        f"| `{a.name}` | {a.what.replace('|', '/').encode('ascii', 'backslashreplace').decode()} |"
        f" {' '.join(a.command[:2] if a.command[0] == 'session' else a.command[:1])} |"
        f" {' or '.join(map(str, a.exits))} |"
        for a in TABLE
    ]


def main():
    if sys.argv[1] == "--table":
        print("\n".join(rows()))
        return
    from harness import Server as Timeglasd  # pylint: disable=import-outside-toplevel

    client = Path(sys.argv[1]).resolve()
    wanted = sys.argv[2:]
    buffer = Timeglasd(workers=1)
    table = [a for a in TABLE if not wanted or a.name in wanted]
    with tempfile.TemporaryDirectory(prefix="tgh") as folder, concurrent.futures.ThreadPoolExecutor(
        6
    ) as pool:
        try:
            world = World(folder, buffer.env, client)
            text = subprocess.run(
                [client, "get", "--help"], capture_output=True, check=True
            ).stdout.decode()
            without = [o for o in ("--timeout", "--max-size") if o not in text]
            results = list(pool.map(lambda a: run(world, a, without=without), table))
        finally:
            buffer.kill()
    for a, (faults, err, seconds) in zip(table, results):
        if faults or wanted:
            print(
                f"{a.name}: {'; '.join(faults) or 'got nowhere'} ({seconds:.1f} s)"
                + (f"\n    {err.strip()}" if wanted else "")
            )
    print(f"{len(table)} attacks, {sum(bool(r[0]) for r in results)} of them succeeded")


if __name__ == "__main__":
    main()
