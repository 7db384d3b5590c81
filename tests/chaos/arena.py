"""The server under fire: an external Redis that survives everything, timeglasd by a configuration
file on fixed ports, and kill -9.

Every process here was started here, or is a child of one that was; all are ended by their pids.
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import harness
from harness import SANITIZER, SLOW, Server, wait_for
from watch import Redis

PEERS = {
    "uploader": "role = uploader\nto = verifier, verifier2",
    "verifier": "role = verifier",
    "verifier2": "role = verifier",
}
TITLE = re.compile(r"timeglasd: ([\w-]+)")
START_S = 20


def free_ports(n):
    held = [socket.socket() for _ in range(n)]
    try:
        for s in held:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in held]
    finally:
        for s in held:
            s.close()


def start_redis(folder, **more):
    """A volatile, hardened redis-server with its socket at folder/redis.sock. more: options, "_"
    for "-"."""
    options = {
        "save": "",
        "appendonly": "no",
        "maxmemory": "1gb",
        "maxmemory-policy": "noeviction",
        "port": "0",
        "unixsocket": str(folder / "redis.sock"),
        "unixsocketperm": "700",
        "dir": str(folder),
        "rdb-del-sync-files": "yes",
        "repl-diskless-load": "swapdb",
        "slowlog-log-slower-than": "-1",
        "crash-log-enabled": "no",
        "enable-debug-command": "no",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    argv = ["redis-server"]
    for name, value in options.items():
        argv += [f"--{name}", value]
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=dict(os.environ, MALLOC_CONF="junk:free"),
    )
    try:
        wait_for(lambda: (folder / "redis.sock").exists(), "redis listens", START_S)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


def started_ms(pid):
    """When a process was started, Unix ms; 0 when it has ended. The kernel counts in 10 ms."""
    try:
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 1000 * (
        time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK")
    )


class Arena:
    def __init__(self, workers=2):
        self.dir = Path(tempfile.mkdtemp(prefix="tgc"))
        self.workers, self.server, self.redis = workers, None, None
        try:
            self.start_redis()
            self.copy_identities()
            self.write_conf()
            self.watch = Redis(str(self.dir / "redis.sock"))
            self.start()
        except BaseException:
            self.kill()
            raise

    def start_redis(self):
        self.redis = start_redis(self.dir)

    def copy_identities(self):
        """A development server makes certificates; those are used here."""
        dev = Server(workers=1)
        try:
            self.recipient = dev.env["TIMEGLAS_RECIPIENT"]
            shutil.copytree(dev.dir / "d", self.dir / "pki")
            dev.stop()
        finally:
            dev.kill()

    def pki(self, name):
        return self.dir / "pki" / name

    def write_conf(self):
        self.port, self.admin = free_ports(2)
        lines = [
            "[server]", f"listen = 127.0.0.1:{self.port}", f"admin = 127.0.0.1:{self.admin}",
            f"workers = {self.workers}", f"certificate = {self.pki('server.pem')}",
            f"key = {self.pki('server.key')}", f"client_ca = {self.pki('ca.pem')}",
            f"audit_log = {self.dir}/audit.log", "drain_s = 0", "[store]",
            f"url = unix://{self.dir}/redis.sock",
        ]
        for name, settings in PEERS.items():
            lines += [f"[peer {name}]", f"certificate = {self.pki(name + '.pem')}", settings]
        (self.dir / "timeglasd.conf").write_text("\n".join(lines) + "\n")

    def start(self):
        env = {
            "TIMEGLAS_URL": f"https://127.0.0.1:{self.port}",
            "TIMEGLAS_ADMIN_URL": f"http://127.0.0.1:{self.admin}",
            "TIMEGLAS_CA": str(self.pki("ca.pem")),
        }
        for name in PEERS:
            env[f"TIMEGLAS_{name.upper()}_CERT"] = str(self.pki(f"{name}.pem"))
            env[f"TIMEGLAS_{name.upper()}_KEY"] = str(self.pki(f"{name}.key"))
        self.server = Server(argv=["-c", str(self.dir / "timeglasd.conf")], env=env)

    @property
    def address(self):
        return self.server.address

    def contexts(self):
        return {peer: self.server.context(peer) for peer in PEERS}

    # Processes -------------------------------------------------------------
    def processes(self):
        """{name: pid} of the master's children that have said who they are."""
        found = {}
        for pid in Server.children(self.server.proc.pid):
            match = TITLE.search(Server.title(pid))
            if match:
                found[match[1]] = pid
        return found

    def kill_child(self, name):
        """kill -9, and wait until another one runs in its place. Returns (seconds that took, the
        last look at what is overdue from before, when that was)."""
        old = self.processes()[name]
        os.kill(old, signal.SIGKILL)
        begun = time.monotonic()
        before = look = self.watch.overdue()
        while self.processes().get(name, old) == old:
            assert time.monotonic() - begun < START_S * SLOW, (
                f"{name} is not back\n" + self.server.stderr()[-3000:]
            )
            time.sleep(0.002)
            before, look = look, self.watch.overdue()
        # Not the last look: it may have begun to work already when that was taken.
        return (
            time.monotonic() - begun,
            before,
            max(before[0], started_ms(self.processes().get(name))),
        )

    def kill_master(self, pause_s):
        """kill -9 of the master: all of its processes must die with it; pause_s later it is started
        again, and waited for until it is ready. Returns as kill_child(), the look from before the
        start, the time from after it."""
        server, family = self.server, self.server.descendants()
        server.proc.kill()
        server.proc.wait()
        wait_for(
            lambda: not any(Server.alive(pid) for pid in family),
            "the master's children die with it",
            5,
            0.005,
        )
        self.check_stderr()
        server.exit_checked = True  # it has been looked at, and everything of it is gone
        server.proc.stdout.close()
        shutil.rmtree(server.dir, ignore_errors=True)
        time.sleep(pause_s)
        begun, look = time.monotonic(), self.watch.overdue()
        self.start()
        return time.monotonic() - begun, look, self.watch.overdue()[0]

    def check_stderr(self):
        report = SANITIZER.search(self.server.stderr())
        assert not report, self.server.stderr()[
            max(0, report.start() - 200) : report.start() + 6000
        ]

    # The end ---------------------------------------------------------------
    def stop(self):
        """timeglasd in order; the store and the evidence stay to be looked at."""
        self.server.stop(descriptors=False)

    def kill(self):
        if self.server:
            self.server.kill()
        if self.redis:
            self.redis.kill()
            self.redis.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def audit_verify(self, receipt=None):
        """(exit status, the report) of timeglas audit verify. receipt: one that a client was
        given."""
        argv = [harness.BIN / "timeglas", "audit", "verify", "--json", str(self.dir / "audit.log")]
        argv += ["--key", str(self.dir / "audit.key.pub")]
        if receipt:
            (self.dir / "receipt.json").write_text(json.dumps(receipt))
            argv += ["--receipt", str(self.dir / "receipt.json")]
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=120 * SLOW, check=False,
        )
        return done.returncode, done.stdout.decode("utf-8", "replace")
