"""README's example works as it stands: it is taken from there, word for word, and run as somebody would who has nothing but it."""
import os
import re
import subprocess

from harness import BIN, ROOT


def example():
    """The commands below "An example"."""
    section = (ROOT / "README.md").read_text().split("\n## An example\n")[1].split("\n## ")[0]
    return re.search(r"```sh\n(.*?)```", section, re.S)[1]


def test_the_example_works_as_it_stands(launch, tmp_path):
    """Each command succeeds but the last, which is told that the blob is gone; what came back is what went in."""
    server = launch(workers=1)
    (tmp_path / "build").mkdir()
    (tmp_path / "build/dev").symlink_to(server.dir / "d")
    (tmp_path / "build/release").symlink_to(BIN)
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    commands = example()
    assert 6 < commands.count("\n") <= 10, "ten lines at most"
    done = subprocess.run(["sh"], input=commands, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert (tmp_path / "passport.bin").stat().st_size > 0, done.stderr
    assert (tmp_path / "passport.bin.copy").read_bytes() == (tmp_path / "passport.bin").read_bytes(), done.stderr
    assert "consumed" in (tmp_path / "receipt.json").read_text()
    assert done.stdout.splitlines()[-1] == "1" and not (tmp_path / "again").exists(), done.stdout
    assert "cause: consumed" in done.stderr and done.stderr.count("timeglas: ") == 1, done.stderr
    assert re.match(r"blob +\S+\n", done.stdout), "stat's table"
