"""Memory stays bounded: it grows neither with a blob nor with the number of blobs that passed
through."""
import os
import subprocess
import threading
from pathlib import Path

import pytest

from harness import SANITIZED, wait_for

pytestmark = pytest.mark.skipif(
    SANITIZED, reason="memory figures mean nothing under a sanitizer's allocator"
)
MIB = 1 << 20


def kib(pid, name):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(name)


def rss(pid):
    return kib(pid, "VmRSS")


class Peak:
    """The highest resident set of a process inside a with block: VmHWM, reset at its start, and
    samples."""

    def __init__(self, pid):
        self.pid, self.top, self.stop = pid, 0, threading.Event()

    def __enter__(self):
        try:
            Path(f"/proc/{self.pid}/clear_refs").write_text("5")
            self.reset = True
        except OSError:
            self.reset = False
        self.before = self.top = rss(self.pid)
        self.thread = threading.Thread(target=self.sample)
        self.thread.start()
        return self

    def sample(self):
        while not self.stop.wait(0.01):
            self.top = max(self.top, rss(self.pid))

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        if self.reset:
            self.top = max(self.top, kib(self.pid, "VmHWM"))

    @property
    def growth(self):
        return self.top - self.before


def test_256_mib_blob_grows_a_worker_by_less_than_8_mib(launch):
    """The work is bounded per connection: chunks move through, in both directions."""
    server = launch(
        workers=1, options=[("limits.max_blob", "300MiB"), ("store.max_bytes", "600MiB")]
    )
    file, back = server.dir / "big.age", server.dir / "back.age"
    zeros = ["head", "-c", str(256 * MIB), "/dev/zero"]
    with open(file, "wb") as out, subprocess.Popen(zeros, stdout=subprocess.PIPE) as source:
        subprocess.run(
            ["age", "-r", server.env["TIMEGLAS_RECIPIENT"]],
            stdin=source.stdout,
            stdout=out,
            check=True,
        )
    warm = server.put_ok(server.sealed(1_000_000))["blob"]
    assert server.take(warm).status == 200
    (worker,) = server.workers()
    with Peak(worker) as up:
        out = server.curl(
            "-X", "POST", "-T", str(file), "-H", "Timeglas-Kind: liveness", "-w", "%{http_code}",
            server.url + "/v1/blobs",
        )
    assert out.stdout.endswith(b"201"), out.stdout
    blob = out.stdout.decode().split('"blob"')[1].split('"')[1]
    assert len(server.chunks(blob)) == -(-file.stat().st_size // 327_000)
    with Peak(worker) as down:
        server.curl(
            "-X", "POST", "-o", str(back), f"{server.url}/v1/blobs/{blob}/take", peer="verifier"
        )
    assert subprocess.run(["cmp", file, back], check=False).returncode == 0, "byte for byte"
    assert up.growth < 8 * MIB and down.growth < 8 * MIB, (up.growth, down.growth)
    assert not server.chunks()


def test_slow_taker_does_not_make_a_worker_hoard(launch):
    """A reader that stalls holds its window of bytes in the worker, not its blob."""
    server = launch(workers=1)
    bodies = [server.sealed(20_000_000)] * 4
    warm = server.put_ok(server.sealed(1_000_000))["blob"]
    assert server.take(warm).status == 200
    (worker,) = server.workers()
    blobs = [server.put_ok(body)["blob"] for body in bodies]
    with Peak(worker) as peak:
        conns = [server.connect("verifier", rcvbuf=65536) for _ in blobs]
        for conn, blob in zip(conns, blobs):
            conn.send(conn.head("POST", f"/v1/blobs/{blob}/take"))
        heads = [conn.response_head() for conn in conns]
        wait_for(
            lambda: len(server.chunks()) < 4 * 62
            and len(set(len(server.chunks()) for _ in range(3))) == 1,
            "nothing moves any more",
            5,
        )
        for conn, (_, _, fields), body in zip(conns, heads, bodies):
            assert conn.content(fields) == body
    assert peak.growth < 8 * MIB, peak.growth


def test_200_idle_connections_cost_less_than_64_kib_each(launch):
    """Mutual TLS connections that wait for their next request are cheap."""
    server = launch(workers=2)
    for _ in range(10):
        assert server.call("GET", "/v1/policy").status == 200
    before = sum(rss(pid) for pid in server.workers())
    conns = []
    for i in range(200):
        conn = server.connect("uploader" if i % 2 else "verifier")
        assert conn.request("GET", "/v1/policy").status == 200
        conns.append(conn)
    assert server.metric("timeglas_connections") >= 200
    each = (sum(rss(pid) for pid in server.workers()) - before) / 200
    assert each < 64 * 1024, f"{each:.0f} bytes each"
    for conn in conns:
        conn.close()
    wait_for(lambda: server.metric("timeglas_connections") == 0, "connections are counted down", 5)


def test_a_thousand_blobs_leave_nothing_behind(launch):
    """A small soak: a thousand uploads and takes; no key too many, no descriptor, no growth."""
    server = launch(workers=1)
    (worker,) = server.workers()
    bodies = [server.sealed(n) for n in (10, 3000, 70_000, 200_000)]

    def rounds(n):
        with server.connect() as up, server.connect("verifier2") as down:
            for i in range(n):
                body = bodies[i % 4 if i % 10 == 0 else i % 2]
                blob = up.request("POST", "/v1/blobs", server.upload_fields("face3d"), body).json()[
                    "blob"
                ]
                assert down.request("POST", f"/v1/blobs/{blob}/take").body == body

    rounds(200)
    before, files = rss(worker), server.descriptors(worker)
    rounds(1000)
    assert not server.chunks()
    assert not [line for line in server.store_lines() if ":dl b:" in line]
    assert rss(worker) - before < 2 * MIB, rss(worker) - before
    wait_for(lambda: server.descriptors(worker) <= files, "descriptors", 3)
    assert os.path.exists(f"/proc/{worker}")
