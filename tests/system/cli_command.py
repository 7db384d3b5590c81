"""The timeglas command as the tests run it, without a buffer: its environment, its keys."""
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIMEGLAS = str(
    pathlib.Path(os.environ.get("TIMEGLAS_BIN_DIR", ROOT / "build/release")) / "timeglas"
)


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


def left_behind(folder):
    return [p.name for p in folder.iterdir() if p.name.startswith(".timeglas")]


def signed(cli, keys, data=b"evidence" * 20000):
    return cli(
        "seal", "-r", keys["identity_public"], "--sign", keys["signing"], "--kind", "liveness",
        stdin=data, ok=0,
    ).stdout
