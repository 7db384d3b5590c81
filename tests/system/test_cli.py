"""The timeglas command without a buffer: keys, sealing, opening, what it refuses, and that `age`
understands it. Talking to a server that misbehaves is in test_cli_http.py, the real buffer in the
other system tests."""
import ctypes
import json
import os
import pathlib
import re
import resource
import shutil
import stat
import subprocess
import tempfile

import pytest

from harness import wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIMEGLAS = str(
    pathlib.Path(os.environ.get("TIMEGLAS_BIN_DIR", ROOT / "build/release")) / "timeglas"
)
COMMANDS = [
    "keygen", "seal", "open", "session open", "session show", "session touch", "session close",
    "put", "get", "take", "stat", "rm", "policy",
]
SIZES = [0, 1, 63, 64, 65, 65535, 65536, 65537, 131072, 1_000_003]


def environment(home, **more):
    """Nothing of the caller's own keys and addresses may reach the tests."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("TIMEGLAS_", "XDG_"))}
    env.update(HOME=str(home), TMPDIR=str(home), **{k: str(v) for k, v in more.items()})
    return env


@pytest.fixture
def cli(tmp_path):
    home = tmp_path / "home"
    home.mkdir()

    def run(*args, stdin=b"", ok=None, env=None, cwd=tmp_path):
        done = subprocess.run(
            [TIMEGLAS, *map(str, args)],
            input=stdin,
            capture_output=True,
            timeout=60,
            env=environment(home, **(env or {})),
            cwd=cwd,
        )
        assert (
            b"Sanitizer" not in done.stderr and b"runtime error" not in done.stderr
        ), done.stderr.decode()
        if ok is not None:
            assert done.returncode == ok, done.stderr.decode()
        return done

    return run


@pytest.fixture
def keys(cli, tmp_path):
    """An identity, a second one, a signing key, and their public halves."""
    out = {}
    for name, args in (("identity", []), ("stranger", []), ("signing", ["--sign"])):
        path = tmp_path / f"{name}.key"
        out[name] = path
        out[name + "_public"] = cli("keygen", *args, "-o", path, ok=0).stdout.decode().strip()
    return out


@pytest.mark.parametrize(
    "begin, encoding, said",
    [
        (b"\xef\xbb\xbf", "ascii", b"byte order mark"),
        (b"\xff\xfe", "utf-16-le", b"UTF-16"),
        (b"\xfe\xff", "utf-16-be", b"UTF-16"),
    ],
)
def test_key_file_of_another_editor_is_told_apart(cli, keys, tmp_path, begin, encoding, said):
    """A key that was saved with a byte order mark, or in UTF-16, looks right in an editor."""
    for name, option in (("identity", "-i"), ("signing", "--sign")):
        path = tmp_path / "other.key"
        path.write_bytes(begin + keys[name].read_text().encode(encoding))
        args = (
            ["open", "--raw", "-i", path]
            if option == "-i"
            else ["seal", "-r", keys["identity_public"], "--kind", "liveness", "--sign", path]
        )
        done = cli(*args, stdin=b"x")
        assert done.returncode != 0 and said in done.stderr and b"ASCII" in done.stderr, done.stderr


def left_behind(folder):
    return [p.name for p in folder.iterdir() if p.name.startswith(".timeglas")]


# Keys ----------------------------------------------------------------------


def test_keygen_file_is_private_and_prints_the_recipient_alone(cli, tmp_path):
    """Goal: `R=$(timeglas keygen -o FILE)` is all a script needs, and nobody else can read FILE."""
    done = cli("keygen", "-o", tmp_path / "id", ok=0)
    assert done.stdout.startswith(b"age1") and done.stdout.count(b"\n") == 1 and done.stderr == b""
    assert stat.S_IMODE((tmp_path / "id").stat().st_mode) == 0o600
    text = (tmp_path / "id").read_text().splitlines()
    assert (
        text[0].startswith("# created: 20")
        and text[1] == "# public key: " + done.stdout.decode().strip()
    )
    assert text[2].startswith("AGE-SECRET-KEY-1") and len(text) == 3


def test_keygen_never_overwrites(cli, tmp_path):
    """Goal: a key that somebody relies on cannot be lost to a second keygen."""
    cli("keygen", "-o", tmp_path / "id", ok=0)
    before = (tmp_path / "id").read_bytes()
    done = cli("keygen", "-o", tmp_path / "id", ok=2)
    assert b"never overwritten" in done.stderr and (tmp_path / "id").read_bytes() == before


def test_keygen_stdout_is_an_age_key_file(cli, tmp_path):
    """Goal: the secret goes to stdout in age-keygen's form, the recipient to stderr; age-keygen
    agrees on the recipient."""
    done = cli("keygen", ok=0)
    (tmp_path / "id").write_bytes(done.stdout)
    public = (
        subprocess.run(["age-keygen", "-y", tmp_path / "id"], capture_output=True, check=True)
        .stdout.decode()
        .strip()
    )
    assert public.startswith("age1") and public in done.stderr.decode()


def test_keygen_sign_json(cli, tmp_path):
    """Goal: a signing key is its own kind of key, and --json gives one object."""
    o = json.loads(cli("keygen", "--sign", "--json", "-o", tmp_path / "s", ok=0).stdout)
    assert o["sender"].startswith("timeglas-sender1") and o["file"] == str(tmp_path / "s")
    assert "TIMEGLAS-SIGNING-KEY-1" in (tmp_path / "s").read_text()


def test_keygen_json_keeps_the_secret_off_stdout(cli):
    """Goal: no secret in JSON."""
    done = cli("--json", "keygen", ok=2)
    assert done.stdout == b"" and json.loads(done.stderr)["error"] == "usage"


def test_keygen_y_prints_the_public_halves(cli, keys, tmp_path):
    """Goal: who has a key file alone gets its public half from it: of an identity, of a signing
    key, of several, from stdin; age-keygen agrees about identities."""
    assert (
        cli("keygen", "-y", keys["identity"], ok=0).stdout.decode()
        == keys["identity_public"] + "\n"
    )
    assert (
        cli("keygen", "-y", keys["signing"], ok=0).stdout.decode() == keys["signing_public"] + "\n"
    )
    two = keys["identity"].read_bytes() + b"\r\n# another\r\n" + keys["stranger"].read_bytes()
    (tmp_path / "two.key").write_bytes(two)
    age = subprocess.run(
        ["age-keygen", "-y", tmp_path / "two.key"], capture_output=True, check=True
    ).stdout
    assert age.count(b"\n") == 2
    for done in (
        cli("keygen", "-y", tmp_path / "two.key", ok=0),
        cli("keygen", "--public=-", stdin=two, ok=0),
    ):
        assert done.stdout == age and done.stderr == b""
    assert cli("keygen", "-y", tmp_path / "two.key", "-o", tmp_path / "pub", ok=0).stdout == b""
    assert (tmp_path / "pub").read_bytes() == age
    done = cli("keygen", "-y", tmp_path / "two.key", "-o", tmp_path / "pub", ok=2)
    assert b"never overwritten" in done.stderr
    o = json.loads(
        cli("keygen", "--json", "-y", "-", stdin=two + keys["signing"].read_bytes(), ok=0).stdout
    )
    assert o == {"recipients": age.decode().split(), "senders": [keys["signing_public"]]}


def test_keygen_y_says_where_a_key_is_malformed_and_never_prints_it(cli, keys, tmp_path):
    """Goal: a file with one wrong character tells its line; what may be most of a secret stays
    where it is."""
    secret = keys["identity"].read_text().splitlines()[2]
    for text, said in (
        (f"# a key\n\n{secret[:-1]}\n", b"line 3: neither an identity"),
        (keys["identity_public"], b"line 1: neither"),
        (f"{secret}\n{secret.lower()}x\n", b"line 2: neither"),
        ("# none\n", b"holds no key"),
        ("", b"holds no key"),
        ("\ufeff" + secret, b"byte order mark"),
        ("#" * 65536, b"too large"),
    ):
        (tmp_path / "bad.key").write_text(text, encoding="utf-8")
        done = cli("keygen", "-y", tmp_path / "bad.key", ok=2)
        assert (
            said in done.stderr
            and done.stdout == b""
            and secret[:-1].encode() not in done.stderr.upper()
        ), done.stderr
    assert b"cannot read" in cli("keygen", "-y", tmp_path / "none", ok=2).stderr
    assert b"leave --sign out" in cli("keygen", "--sign", "-y", keys["signing"], ok=2).stderr


# Sealing and opening -------------------------------------------------------


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


def signed(cli, keys, data=b"evidence" * 20000):
    return cli(
        "seal", "-r", keys["identity_public"], "--sign", keys["signing"], "--kind", "liveness",
        stdin=data, ok=0,
    ).stdout


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


def test_senders_rotate_their_keys_without_losing_a_blob(cli, keys, tmp_path):
    """Goal: a file of names and keys, made with keygen -y; while a sender's old and new key stand
    there, both open, and each message says who it was; when the old one is gone, so is what it
    signed."""
    senders, new = tmp_path / "senders", tmp_path / "new.key"
    cli("keygen", "--sign", "-o", new, ok=0)
    public = [cli("keygen", "-y", k, ok=0).stdout.decode().strip() for k in (keys["signing"], new)]
    sealed = [
        cli(
            "seal", "-r", keys["identity_public"], "--kind", "liveness", "--sign", k, stdin=b"film",
            ok=0,
        ).stdout
        for k in (keys["signing"], new)
    ]
    old_line, new_line = (f"app-backend\t{p}\n" for p in public)
    senders.write_text(f"# who may send\n\n{old_line}# from Monday on\n{new_line}")
    for how in (["--sender", senders], ["--sender", public[0], "--sender", public[1]]):
        for i, text in enumerate(sealed):
            out = tmp_path / "out"
            o = json.loads(
                cli(
                    "open", "-i", keys["identity"], *how, "--json", "-o", out, stdin=text, ok=0
                ).stdout
            )["head"]
            assert out.read_bytes() == b"film" and o["sender"] == public[i]
            assert o["sender_name"] == ("app-backend" if how[1] == senders else public[i])
    assert (
        b"app-backend"
        in cli("open", "-i", keys["identity"], "--sender", senders, stdin=sealed[1], ok=0).stderr
    )
    senders.write_text(new_line)
    done = cli("open", "-i", keys["identity"], "--sender", senders, stdin=sealed[0], ok=4)
    assert done.stdout == b"" and b"another sender" in done.stderr
    cli("open", "-i", keys["identity"], "--sender", senders, stdin=sealed[1], ok=0)


@pytest.mark.parametrize(
    "text, said",
    [
        ("app KEY\napp timeglas-sender1junk\n", b"line 2"), ("# none\n", b"no key"),
        ("other KEY\napp KEY\n", b"line 2"), ("SECRET\n", b"secret signing key"),
        ("a b KEY\n", b"line 1"),
    ],
    ids=["junk", "none", "two names", "secret", "three words"],
)
def test_file_of_senders_that_is_wrong_says_where(cli, keys, tmp_path, text, said):
    """Goal: a wrong line is found before anything is opened, and a secret in it is not printed."""
    secret = keys["signing"].read_text().splitlines()[2]
    (tmp_path / "senders").write_text(
        text.replace("KEY", keys["signing_public"]).replace("SECRET", secret)
    )
    done = cli("open", "-i", keys["identity"], "--sender", tmp_path / "senders", stdin=b"x", ok=2)
    assert (
        said in done.stderr and secret.encode() not in done.stderr and done.stdout == b""
    ), done.stderr


# What is refused -----------------------------------------------------------

USAGE = [
    [],
    ["frobnicate"],
    ["session"],
    ["session", "frobnicate"],
    ["stat"],
    ["stat", "a", "b"],
    ["policy", "x"],
    ["put"],
    ["keygen", "--raw"],
    ["keygen", "--sign=KEY"],
    ["stat", "--ttl", "3", "x"],
    ["seal", "--nonsense"],
    ["seal", "-x"],
    ["seal", "--recipient"],
    ["stat", "--url="],
    ["seal", "--raw=1"],
    ["seal", "--raw"],
    ["seal", "--raw", "-r", "age1junk"],
    ["seal", "-r", "RECIPIENT"],
    ["seal", "--raw", "-r", "RECIPIENT", "--kind", "liveness"],
    ["seal", "-r", "RECIPIENT", "--sign", "SIGNING"],
    ["seal", "-r", "RECIPIENT", "--sign", "SIGNING", "--kind", "passport"],
    ["seal", "-r", "RECIPIENT", "--sign", "SIGNING", "--kind", "passport", "--issuer", "ZZZ"],
    ["seal", "-r", "RECIPIENT", "--sign", "SIGNING", "--kind", "liveness", "--issuer", "DNK"],
    ["seal", "-r", "RECIPIENT", "--sign", "IDENTITY", "--kind", "liveness"],
    ["seal", "-r", "RECIPIENT", "--sign", "SIGNING", "--raw"],
    ["seal", "--raw", "-r", "RECIPIENT", "/nowhere/at/all"],
    ["seal", "--raw", "-r", "RECIPIENT", "/"],
    ["open", "--raw"],
    ["open", "-i", "IDENTITY"],
    ["open", "-i", "SIGNING", "--raw"],
    ["open", "-i", "/nowhere", "--raw"],
    ["open", "-i", "IDENTITY", "--sender", "junk"],
    ["open", "-i", "IDENTITY", "--sender", "SENDER", "--raw"],
    ["put", "--kind", "liveness", "-r", "RECIPIENT", "/dev/null"],
    ["put", "--kind", "liveness", "-r", "RECIPIENT", "--raw", "--sealed", "/dev/null"],
    ["put", "--kind", "liveness", "-r", "RECIPIENT", "--sealed", "/dev/null"],
    ["put", "--raw", "-r", "RECIPIENT", "/dev/null"],
    ["put", "--kind", "liveness", "--raw", "/dev/null"],
    ["put", "--kind", "liveness", "-r", "RECIPIENT", "--raw", "--ttl", "1w", "/dev/null"],
    ["put", "--kind", "liveness", "-r", "RECIPIENT", "--raw", "--ttl", "0", "/dev/null"],
    ["take", "../../etc", "-o", "x"],
    ["take", "id", "--raw", "-o", "x"],
    ["take", "id", "--sealed", "-i", "IDENTITY", "-o", "x"],
    ["stat", "id"],
    ["session", "open", "--subject", "0123"],
    ["session", "open", "--idle", "3601"],
    ["session", "open", "--idle", "61m"],
    ["get", "id", "--lease", "16m", "--sealed"],
    ["session", "open", "--idle", "1.5h"],
]


@pytest.mark.parametrize("args", USAGE, ids=lambda a: " ".join(a) or "nothing")
def test_usage_errors(cli, keys, args):
    """Goal: exit 2, one sentence on stderr, nothing on stdout; under --json the same as one
    object."""
    words = {
        "RECIPIENT": keys["identity_public"],
        "SENDER": keys["signing_public"],
        "SIGNING": str(keys["signing"]),
        "IDENTITY": str(keys["identity"]),
    }
    args = [words.get(a, a) for a in args]
    done = cli(*args, ok=2)
    assert (
        done.stdout == b""
        and done.stderr.startswith(b"timeglas: ")
        and done.stderr.count(b"\n") == 1
    )
    o = json.loads(cli("--json", *args, ok=2).stderr)
    assert o["exit"] == 2 and o["detail"]


def test_json_errors_survive_odd_file_names():
    """Goal: a name that is not UTF-8 still gives one JSON object."""
    done = subprocess.run(
        [TIMEGLAS.encode(), b"--json", b"--config", b"/nowhere/\xff\xfe", b"policy"],
        capture_output=True,
    )
    assert done.returncode == 2 and "/nowhere/??" in json.loads(done.stderr)["detail"]


def test_secrets_in_arguments_are_refused_and_not_repeated(cli, keys):
    """Goal: a secret that lands in the arguments is not printed into logs as well."""
    secret = keys["identity"].read_text().splitlines()[2]
    for args in (["open", "--raw", "-i", secret], ["seal", "--raw", "-r", secret]):
        done = cli(*args, ok=2)
        assert secret.encode() not in done.stderr


def test_options_stand_anywhere(cli, keys):
    """Goal: before the command, after it, after the operand; "--" ends them."""
    r = keys["identity_public"]
    for args in (
        ["--raw", "-r", r, "seal", "-"],
        ["seal", "-r" + r, "--raw", "-"],
        ["seal", "-", "--raw", "--recipient=" + r],
        ["seal", "--raw", "-r", r, "--", "-"],
        ["--sign", keys["signing"], "seal", "-r", r, "--kind", "liveness"],
    ):
        assert cli(*args, stdin=b"x", ok=0).stdout.startswith(b"age-encryption.org/v1\n")
    assert (
        cli("--sign", "keygen", ok=0).stdout.splitlines()[2].startswith(b"TIMEGLAS-SIGNING-KEY-1")
    )


def test_help_and_version(cli):
    """Goal: every command of the table explains itself on stdout, with exit 0, and names its own
    options."""
    listing = cli("--help", ok=0).stdout.decode()
    for command in COMMANDS:
        assert f"\n  {command} " in listing
        text = cli(*command.split(), "--help", ok=0).stdout.decode()
        assert text.startswith(f"usage: timeglas {command}")
    assert "--idempotency-key" in cli("put", "-h", ok=0).stdout.decode()
    assert cli("--version", ok=0).stdout.startswith(b"timeglas 0.")
    assert "version" in json.loads(cli("--version", "--json", ok=0).stdout)


def test_man_page_tells_what_help_tells(cli):
    """Goal: no option and no command that the man page does not know, and none that it made up."""
    page = (ROOT / "docs/man/timeglas.1").read_text()
    helped = set()
    for command in COMMANDS:
        assert re.search(rf"^\.Cm .*{command.split()[-1]}", page, re.M)
        helped |= set(
            re.findall(r"--([a-z-]+)", cli(*command.split(), "--help", ok=0).stdout.decode())
        )
    options = page[page.index(".It Fl -ca") : page.index(".Sh ENVIRONMENT")]
    told = {
        name
        for line in options.splitlines()
        if line.startswith(".It Fl")
        for name in re.findall(r"Fl -([a-z-]+)", line)
    }
    assert told | {"help"} == helped


# Configuration -------------------------------------------------------------


def test_configuration_file_and_its_precedence(cli, keys, tmp_path):
    """Goal: option over environment over file; paths in the file start at the file."""
    folder = tmp_path / "home/.config/timeglas"
    folder.mkdir(parents=True)
    shutil.copy(keys["identity"], folder / "mine.key")
    (folder / "config").write_text(
        f"# mine\nrecipient = {keys['identity_public']}\nidentity = mine.key\n"
    )
    sealed = cli("seal", "--raw", stdin=b"x", ok=0).stdout
    assert cli("open", "--raw", stdin=sealed, ok=0).stdout == b"x"
    other = cli(
        "seal", "--raw", stdin=b"x", ok=0, env={"TIMEGLAS_RECIPIENT": keys["stranger_public"]}
    ).stdout
    cli("open", "--raw", stdin=other, ok=4)
    assert (
        cli("open", "--raw", stdin=other, ok=0, env={"TIMEGLAS_IDENTITY": keys["stranger"]}).stdout
        == b"x"
    )
    assert (
        cli(
            "open",
            "--raw",
            "-i",
            keys["stranger"],
            stdin=other,
            ok=0,
            env={"TIMEGLAS_IDENTITY": "/nowhere"},
        ).stdout
        == b"x"
    )


@pytest.mark.parametrize(
    "text, said",
    [
        ("urll = x\n", "unknown key urll"),
        ("[a]\nurl = x\n", "unknown key a.url"),
        ("url = x\nurl = y\n", "twice"),
        ("url\n", "line 1"),
    ],
)
def test_configuration_mistakes_are_named(cli, tmp_path, text, said):
    """Goal: a typing error in the file never passes silently."""
    (tmp_path / "conf").write_text(text)
    done = cli("--config", tmp_path / "conf", "stat", "x", ok=2)
    assert said in done.stderr.decode()


def test_configuration_that_is_named_must_exist(cli, tmp_path):
    """Goal: --config FILE is a promise; the standard place may be empty."""
    assert (
        b"cannot read the configuration" in cli("--config", tmp_path / "no", "keygen", ok=2).stderr
    )
    assert (
        b"cannot read the configuration"
        in cli("keygen", env={"TIMEGLAS_CONFIG": tmp_path / "no"}, ok=2).stderr
    )


@pytest.fixture
def open_dir():
    """A folder that every user may enter."""
    with tempfile.TemporaryDirectory(prefix="tg-open-") as folder:
        os.chmod(folder, 0o755)
        yield folder


def test_no_core_and_not_dumpable(keys, open_dir):
    """Goal: while it waits with keys in memory, nobody of the same user can read them, and it would
    leave no core file."""
    as_user = (
        {"user": 65534} if os.geteuid() == 0 else {}
    )  # root could read every process and would see nothing here
    command = shutil.copy(TIMEGLAS, open_dir)  # the checkout may lie where only its owner can go
    with subprocess.Popen(
        [command, "seal", "--raw", "-r", keys["identity_public"]], stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, env=environment("/tmp"), cwd="/", **as_user,
    ) as waiting:
        try:
            environ = (  # the kernel gives what is not dumpable to root
                f"/proc/{waiting.pid}/environ"
            )
            wait_for(
                lambda: waiting.poll() is not None or os.stat(environ).st_uid == 0,
                "it is not dumpable",
            )
            assert waiting.poll() is None
            limits = pathlib.Path(f"/proc/{waiting.pid}/limits").read_text()
            assert re.search(r"Max core file size +0 +0 ", limits)
        finally:
            waiting.kill()


def no_locked_memory():
    """As for a user whose limit is used up; root needs to lose its right to pass over it."""
    ctypes.CDLL(None).prctl(24, 14, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_IPC_LOCK
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))


@pytest.mark.skipif(
    "asan" in TIMEGLAS, reason="a sanitizer answers mlock() itself, and locks nothing"
)
def test_memory_that_cannot_be_locked_is_told_once(cli, keys, tmp_path):
    """Keys may go to swap then: the work goes on, and a line says so; none when all is locked."""
    sealed = tmp_path / "sealed.age"
    line = b"could not be locked"
    command = [
        TIMEGLAS, "seal", "-r", keys["identity_public"], "--sign", str(keys["signing"]), "--kind",
        "liveness", "-o", str(sealed),
    ]
    for limit, times in ((None, 0), (no_locked_memory, 1)):
        done = subprocess.run(
            command, input=b"x" * 300_000, capture_output=True, timeout=60,
            env=environment(tmp_path / "home"), preexec_fn=limit,
        )
        assert done.returncode == 0 and done.stderr.count(line) == times, done.stderr
    opened = cli("open", "-i", keys["identity"], "--sender", keys["signing_public"], sealed, ok=0)
    assert opened.stdout == b"x" * 300_000 and line not in opened.stderr
    done = subprocess.run(
        [*command[:1], "--json", *command[1:]], input=b"x", capture_output=True,
        env=environment(tmp_path / "home"), preexec_fn=no_locked_memory,
    )
    assert done.returncode == 0 and done.stderr == b""
