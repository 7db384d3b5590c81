"""Goal: the timeglas command makes keys that only their owner can read and that `age` understands,
and says what is wrong with a file of keys or senders."""
import json
import stat
import subprocess

import pytest

from cli_command import TIMEGLAS, cli, keys, signed  # noqa: F401  fixtures, too


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
