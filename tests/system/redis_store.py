"""A Redis that no timeglasd has started."""
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness import wait_for

FIT = [
    "--save", "", "--appendonly", "no", "--maxmemory", "200mb", "--maxmemory-policy", "noeviction",
]


class Store:
    """A redis-server of the operator's own, on a unix socket."""

    def __init__(self, *options, env=None):
        self.dir = Path(tempfile.mkdtemp(prefix="tgx"))
        self.socket = self.dir / "s"
        self.options = options
        self.env = env  # of redis-server; None: ours
        self.start()

    def start(self):
        self.proc = subprocess.Popen(
            [
                "redis-server", "--port", "0", "--unixsocket", str(self.socket), "--dir",
                str(self.dir), *self.options,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=self.env,
        )
        wait_for(lambda: self.cli("PING") == "PONG", "redis-server answers")

    def cli(self, *args):
        return (
            subprocess.run(
                ["redis-cli", "-s", str(self.socket), *args],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            .stdout.decode()
            .strip()
        )

    def restart(self):
        """Another one in its place, with nothing in it."""
        self.proc.kill()
        self.proc.wait()
        self.start()

    def stop(self):
        self.proc.kill()
        self.proc.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
