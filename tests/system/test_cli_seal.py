"""Goal: what timeglas seals `age` opens, and the other way round; a file that was damaged, or that
another sender or recipient is meant by, releases nothing; output is whole or an error."""
import json
import os
import stat
import subprocess

import pytest

from cli_command import (
    TIMEGLAS,
    cli,
    environment,
    keys,
    left_behind,
    signed,
)  # noqa: F401  fixtures, too

SIZES = [0, 1, 63, 64, 65, 65535, 65536, 65537, 131072, 1_000_003]


@pytest.mark.parametrize("size", SIZES)
def test_seal_and_open_round_trip(cli, keys, tmp_path, size):
    """Goal: the bytes come back, at every border of a chunk and of the trailer."""
    data = os.urandom(size)
    (tmp_path / "in").write_bytes(data)
    cli(
        "seal", "-r", keys["identity_public"], "--sign", keys["signing"], "--kind", "liveness",
        "-o", tmp_path / "x.age", tmp_path / "in", ok=0,
    )
    done = cli(
        "open", "-i", keys["identity"], "--sender", keys["signing_public"], tmp_path / "x.age", ok=0
    )
    assert done.stdout == data
    assert left_behind(tmp_path) == [] and left_behind(tmp_path / "home") == []


@pytest.mark.parametrize("size", SIZES)
def test_age_opens_raw(cli, keys, size):
    """Goal: what --raw seals, age opens."""
    data = os.urandom(size)
    sealed = cli("seal", "--raw", "-r", keys["identity_public"], stdin=data, ok=0).stdout
    opened = subprocess.run(
        ["age", "-d", "-i", keys["identity"]], input=sealed, capture_output=True, check=True
    ).stdout
    assert opened == data


@pytest.mark.parametrize("size", SIZES)
def test_age_seals_and_we_open(cli, keys, size):
    """Goal: what age seals to several recipients, open --raw opens with any identity."""
    data = os.urandom(size)
    sealed = subprocess.run(
        ["age", "-r", keys["stranger_public"], "-r", keys["identity_public"]],
        input=data,
        capture_output=True,
        check=True,
    ).stdout
    assert cli("open", "--raw", "-i", keys["identity"], stdin=sealed, ok=0).stdout == data
    assert cli("open", "--raw", "-i", keys["stranger"], "-", stdin=sealed, ok=0).stdout == data


def test_seal_takes_several_recipients_and_lists(cli, keys, tmp_path):
    """Goal: -r twice, a comma list and TIMEGLAS_RECIPIENT name the same people."""
    both = keys["identity_public"] + " , " + keys["stranger_public"]
    cases = [
        (["-r", keys["identity_public"], "-r", keys["stranger_public"]], {}),
        (["-r", both], {}),
        ([], {"TIMEGLAS_RECIPIENT": both}),
    ]
    for args, env in cases:
        sealed = cli("seal", "--raw", *args, stdin=b"x", env=env, ok=0).stdout
        assert sealed.count(b"-> X25519") == 2
        assert cli("open", "--raw", "-i", keys["stranger"], stdin=sealed, ok=0).stdout == b"x"


def test_signed_head_is_what_age_sees(cli, keys):
    """Goal: kind, issuer (canonical), session and content type stand in the head, readable with age
    alone."""
    sealed = cli(
        "seal", "-r", keys["identity_public"], "--sign", keys["signing"], "--kind", "passport",
        "--issuer", "D<<", "--session", "sess-1", "--content-type", "application/lds",
        stdin=b"body", ok=0,
    ).stdout
    plain = subprocess.run(
        ["age", "-d", "-i", keys["identity"]], input=sealed, capture_output=True, check=True
    ).stdout
    head, rest = plain.split(b"\n\n", 1)
    lines = head.decode().splitlines()
    for line in ("kind: passport", "issuer: D", "session: sess-1", "content-type: application/lds"):
        assert line in lines
    assert rest[:4] == b"body" and len(rest) == 4 + 64


def test_open_json_tells_the_head(cli, keys, tmp_path):
    """Goal: --json gives one object with the verified head; the content goes to -o."""
    sealed = cli(
        "seal", "-r", keys["identity_public"], "--sign", keys["signing"], "--kind", "face3d",
        stdin=b"abc", ok=0,
    ).stdout
    done = cli(
        "open", "--json", "-i", keys["identity"], "--sender", keys["signing_public"], "-o",
        tmp_path / "out", stdin=sealed, ok=0,
    )
    o = json.loads(done.stdout)
    assert o["head"]["kind"] == "face3d" and o["size"] == 3 and len(o["head"]["ref"]) == 32
    assert (tmp_path / "out").read_bytes() == b"abc" and stat.S_IMODE(
        (tmp_path / "out").stat().st_mode
    ) == 0o600


@pytest.mark.parametrize(
    "damage", ["head", "payload", "last byte", "cut", "cut at a chunk", "longer", "empty"]
)
def test_open_damaged_releases_nothing(cli, keys, tmp_path, damage):
    """Goal: whatever is changed, exit 4, an existing target stays as it was, and not a byte goes to
    stdout."""
    s = bytearray(signed(cli, keys))
    header = s.index(b"\n--- ") + 49
    if damage == "head":
        s[30] ^= 1
    elif damage == "payload":
        s[header + 1000] ^= 1
    elif damage == "last byte":
        s[-1] ^= 1
    elif damage == "cut":
        s = s[:-100]
    elif damage == "cut at a chunk":
        s = s[: header + 16 + 65552]
    elif damage == "longer":
        s += b"\0"
    else:
        s = b""
    (tmp_path / "out").write_bytes(b"what was there")
    common = ["open", "-i", keys["identity"], "--sender", keys["signing_public"]]
    done = cli(*common, "-o", tmp_path / "out", stdin=bytes(s), ok=4)
    assert done.stderr.startswith(b"timeglas: not opened: ")
    assert (tmp_path / "out").read_bytes() == b"what was there" and left_behind(tmp_path) == []
    assert cli(*common, stdin=bytes(s), ok=4).stdout == b""


def test_open_wrong_identity_and_wrong_sender(cli, keys, tmp_path):
    """Goal: neither a stranger nor somebody who pins another sender gets content."""
    s = signed(cli, keys)
    cli("keygen", "--sign", "-o", tmp_path / "other", ok=0)
    other = next(
        line.split()[-1]
        for line in (tmp_path / "other").read_text().splitlines()
        if "public key" in line
    )
    assert (
        cli(
            "open", "-i", keys["stranger"], "--sender", keys["signing_public"], stdin=s, ok=4
        ).stdout
        == b""
    )
    done = cli(
        "open", "--json", "-i", keys["identity"], "--sender", other, "-o", tmp_path / "out",
        stdin=s, ok=4,
    )
    assert json.loads(done.stderr)["exit"] == 4 and not (tmp_path / "out").exists()


def test_raw_is_not_taken_for_signed(cli, keys):
    """Goal: a file that nobody signed never passes where a sender is pinned."""
    raw = cli("seal", "--raw", "-r", keys["identity_public"], stdin=b"x" * 500, ok=0).stdout
    done = cli("open", "-i", keys["identity"], "--sender", keys["signing_public"], stdin=raw, ok=4)
    assert done.stdout == b""


def test_open_age_agrees_that_stranger_cannot(keys, cli):
    """Goal: the exclusion is age's own, not only ours."""
    s = signed(cli, keys)
    assert (
        subprocess.run(
            ["age", "-d", "-i", keys["stranger"]], input=s, capture_output=True
        ).returncode
        != 0
    )


def test_output_to_a_device_is_copied_not_replaced(cli, keys, tmp_path):
    """Goal: -o /dev/null stays a device, and a pipe gets the content."""
    s = cli("seal", "--raw", "-r", keys["identity_public"], stdin=b"x", ok=0).stdout
    cli("open", "--raw", "-i", keys["identity"], "-o", "/dev/null", stdin=s, ok=0)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE) as cat:
        cli("open", "--raw", "-i", keys["identity"], "-o", fifo, stdin=s, ok=0)
        assert cat.communicate()[0] == b"x"
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_full_disk_is_an_error(cli, keys):
    """Goal: output that cannot be written is never exit 0."""
    s = cli("seal", "--raw", "-r", keys["identity_public"], stdin=b"x" * 10000, ok=0).stdout
    done = cli("open", "--raw", "-i", keys["identity"], "-o", "/dev/full", stdin=s, ok=2)
    assert b"cannot write" in done.stderr


def sealing(keys, tmp_path, *args, **more):
    return subprocess.Popen(
        [TIMEGLAS, "seal", "--raw", "-r", keys["identity_public"], *args],
        stdout=subprocess.PIPE,
        env={**environment(tmp_path), "TMPDIR": "/nowhere"},
        **more,
    )


@pytest.mark.parametrize("target", [[], ["-o", "-"], ["-o", "/dev/stdout"]])
def test_seal_streams(keys, tmp_path, target):
    """Goal: between two pipes sealed bytes leave while plaintext still comes, and nothing is kept
    on a disk."""
    with sealing(keys, tmp_path, *target, stdin=subprocess.PIPE) as seal:
        seal.stdin.write(b"x" * 66_000)  # more than a chunk, less than what blocks a pipe
        seal.stdin.flush()
        sealed = seal.stdout.read(60_000)
        seal.stdin.write(b"y")
        seal.stdin.close()
        sealed += seal.stdout.read()
    assert seal.returncode == 0
    opened = subprocess.run(
        ["age", "-d", "-i", keys["identity"]], input=sealed, capture_output=True, check=True
    ).stdout
    assert opened == b"x" * 66_000 + b"y"


def test_seal_that_fails_on_its_way_leaves_nothing_whole(keys, tmp_path):
    """Goal: a file that shrinks while it is sealed is an error, and what a pipe has got by then
    passes for no whole file."""
    (tmp_path / "in").write_bytes(b"x" * 3_000_000)
    with sealing(keys, tmp_path, tmp_path / "in", stderr=subprocess.PIPE) as seal:
        sealed = seal.stdout.read(1)  # the pipe is full long before the file's end
        os.truncate(tmp_path / "in", 1_000_000)
        sealed += seal.stdout.read()
        assert b"shrank" in seal.stderr.read()
    assert seal.returncode == 2
    assert (
        subprocess.run(
            ["age", "-d", "-i", keys["identity"]], input=sealed, capture_output=True
        ).returncode
        != 0
    )


def test_seal_full_disk_is_an_error(cli, keys):
    """Goal: also where the header, or a later chunk, cannot be written."""
    for size in (0, 1_000_000):
        done = cli(
            "seal", "--raw", "-r", keys["identity_public"], "-o", "/dev/full", stdin=b"x" * size,
            ok=2,
        )
        assert b"cannot write the sealed file: No space left" in done.stderr


def test_open_raw_damaged_releases_nothing(cli, keys, tmp_path):
    """Goal: --raw trusts each chunk by itself, and yet nothing comes out of a file that is not
    whole."""
    s = cli("seal", "--raw", "-r", keys["identity_public"], stdin=b"x" * 500_000, ok=0).stdout
    for damaged in (s[:300_000], s[:-1] + bytes([s[-1] ^ 1]), s + b"x"):
        assert cli("open", "--raw", "-i", keys["identity"], stdin=damaged, ok=4).stdout == b""
        cli("open", "--raw", "-i", keys["identity"], "-o", tmp_path / "out", stdin=damaged, ok=4)
        assert not (tmp_path / "out").exists()


def test_open_appends_where_stdout_does(cli, keys, tmp_path):
    """Goal: ">> FILE", to which the kernel copies nothing by itself."""
    s = cli("seal", "--raw", "-r", keys["identity_public"], stdin=b"x" * 300_000, ok=0).stdout
    (tmp_path / "out").write_bytes(b"before")
    with open(tmp_path / "out", "ab") as out:
        subprocess.run(
            [TIMEGLAS, "open", "--raw", "-i", keys["identity"]], input=s, stdout=out, check=True,
            env=environment(tmp_path),
        )
    assert (tmp_path / "out").read_bytes() == b"before" + b"x" * 300_000
