"""README's example works as it stands: it is taken from there, word for word, and run as somebody
would who has nothing but it."""
import os
import pwd
import re
import subprocess

import pytest

from harness import BIN, ROOT


def example():
    """The commands below "An example"."""
    section = (ROOT / "README.md").read_text().split("\n## An example\n")[1].split("\n## ")[0]
    return re.search(r"```sh\n(.*?)```", section, re.S)[1]


def test_the_example_works_as_it_stands(launch, tmp_path):
    """Each command succeeds but the last, which is told that the blob is gone; what came back is
    what went in."""
    server = launch(workers=1)
    (tmp_path / "build").mkdir()
    (tmp_path / "build/dev").symlink_to(server.dir / "d")
    (tmp_path / "build/release").symlink_to(BIN)
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    commands = example()
    assert 6 < commands.count("\n") <= 10, "ten lines at most"
    done = subprocess.run(
        ["sh"], input=commands, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
    )
    assert (tmp_path / "passport.bin").stat().st_size > 0, done.stderr
    assert (tmp_path / "passport.bin.copy").read_bytes() == (
        tmp_path / "passport.bin"
    ).read_bytes(), done.stderr
    assert (tmp_path / "erased.proof").read_text().startswith("c2sp.org/tlog-proof@v1\n")
    assert "VERDICT: GOOD" in done.stdout and "consumed" in done.stdout
    assert done.stdout.splitlines()[-1] == "1" and not (tmp_path / "again").exists(), done.stdout
    assert "cause: consumed" in done.stderr and done.stderr.count("timeglas: ") == 1, done.stderr
    assert re.match(r"blob +\S+\n", done.stdout), "stat's table"


def manual_example():
    """The configuration that timeglasd.conf(5) shows."""
    text = (ROOT / "docs/man/timeglasd.conf.5").read_text().split(".Sh EXAMPLES\n")[1]
    return re.search(r"\.Bd.*?\n(.*?)\.Ed", text, re.S)[1]


@pytest.mark.parametrize(
    "text",
    [manual_example, lambda: (ROOT / "deploy/timeglasd.conf").read_text()],
    ids=["manual", "deploy"],
)
def test_the_configurations_that_are_shown_have_no_mistake(tmp_path, text):
    """`timeglasd -t` finds none, once the files that they name are there; a user and a folder are
    this machine's own."""

    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=tmp_path)

    shown = text()
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(
        "req", "-x509", *key, "-keyout", "ca.key", "-out", "clients.pem", "-days", "2", "-subj",
        "/CN=ca",
    )
    names = set(re.findall(r"^certificate = (\S+)\.pem$", shown, re.M))
    assert {"server", "app", "verifier"} <= names
    for name in names:
        (tmp_path / "ext").write_text(
            "subjectAltName=IP:127.0.0.1\n" if name == "server" else "extendedKeyUsage=clientAuth\n"
        )
        openssl("req", *key, "-keyout", f"{name}.key", "-out", "csr", "-subj", f"/CN={name}")
        openssl(
            "x509", "-req", "-in", "csr", "-CA", "clients.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", f"{name}.pem",
        )
    here = shown.replace("/var/lib/timeglas/", f"{tmp_path}/").replace(
        "user = timeglas\n", f"user = {pwd.getpwuid(os.getuid()).pw_name}\n", 1
    )
    (tmp_path / "timeglasd.conf").write_text(here)
    done = subprocess.run(
        [str(BIN / "timeglasd"), "-t", "-c", "timeglasd.conf"], cwd=tmp_path, capture_output=True,
        text=True, timeout=30,
    )
    assert done.returncode == 0 and done.stdout == "timeglasd.conf: ok\n" and not done.stderr, done
