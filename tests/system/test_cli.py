"""Goal: the timeglas command refuses what it cannot obey, in words that help; its help, manual page
and configuration agree; its memory is no other process's. Keys are in test_cli_keys.py, sealing in
test_cli_seal.py, servers in test_cli_http.py, test_cli_put.py and test_cli_take.py."""
import ctypes
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import tempfile

import pytest

from cli_command import ROOT, TIMEGLAS, cli, environment, keys  # noqa: F401  fixtures, too
from harness import wait_for

COMMANDS = [
    "keygen", "seal", "open", "session open", "session show", "session touch", "session close",
    "subject show", "subject erase", "subject freeze", "subject release", "put", "get", "take",
    "stat", "rm", "policy", "audit verify", "audit show", "audit index",
    "audit receipt",
]
USAGE = [
    [],
    ["frobnicate"],
    ["session"],
    ["session", "frobnicate"],
    ["stat"],
    ["stat", "a", "b"],
    ["subject", "erase", "--certificate", "-", "0f" * 32],
    ["subject", "erase", "12"],
    ["subject", "show"],
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


@pytest.mark.parametrize(
    "group, names",
    [
        ("session", "open, show, touch, close"), ("subject", "show, erase, freeze, release"),
        ("audit", "verify, show, index, receipt"),
    ],
)
def test_a_group_names_what_may_follow(cli, group, names):
    for args in ([group], [group, "nonsense"]):
        assert f"after '{group}' comes one of {names};" in cli(*args, ok=2).stderr.decode()


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
    options = page[page.index(".It Fl -at Ar time ,") : page.index(".Sh ENVIRONMENT")]
    told = {
        name
        for line in options.splitlines()
        if line.startswith(".It Fl")
        for name in re.findall(r"Fl -([a-z-]+)", line)
    }
    assert told | {"help"} == helped


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
