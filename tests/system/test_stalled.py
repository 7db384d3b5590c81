"""When a blob ends, a reader gets none of what it has not yet received, not even what stands in the
server's send buffer."""
import fcntl
import os
import select
import signal
import socket
import struct
import termios

import pytest

from harness import SLOW, wait_for

SIZES = (30_000, 500_000, 2_000_000, 8_000_000)
RCVBUF = 4096
LATE_S = 2.0  # so late is the reset at worst


class Stalled:
    """A reader that asks for a blob and then reads nothing."""

    def __init__(self, server, method, target, after=b"", fields=(), half_close=False):
        self.conn = server.connect("verifier", rcvbuf=RCVBUF)
        self.conn.send(self.conn.head(method, target, fields) + after)
        self.raw = socket.socket(fileno=os.dup(self.conn.sock.fileno()))
        self.raw.settimeout(20 * SLOW)
        self.seen = 0
        if half_close:
            self.raw.shutdown(socket.SHUT_WR)

    def received(self):
        """Bytes that its own kernel has received and that nobody has read."""
        return struct.unpack("i", fcntl.ioctl(self.raw.fileno(), termios.FIONREAD, b"\0" * 4))[0]

    def is_full(self):
        before, self.seen = self.seen, self.received()
        return self.seen > 0 and self.seen == before

    def is_reset(self):
        poll = select.poll()
        poll.register(self.raw, 0)
        return any(events & select.POLLERR for _, events in poll.poll(0))

    def rest(self):
        """(bytes, how): everything that can still be read, and how it ends."""
        count = 0
        try:
            while True:
                data = self.raw.recv(262144)
                if not data:
                    return count, "end"
                count += len(data)
        except ConnectionResetError:
            return count, "reset"
        except TimeoutError:
            return count, "open"

    def close(self):
        self.raw.close()
        self.conn.close()


class Blob:
    """One that is bound to a session of its own, and its end."""

    def __init__(self, server, size, kind="passport", issuer="DNK", idle_s=600, **fields):
        self.server = server
        self.session = server.session(idle_s=idle_s)["session"]
        self.id = server.put_ok(
            server.sealed(size), kind=kind, issuer=issuer, session=self.session, **fields
        )["blob"]
        self.claim = None

    def read(self, how, lease_s=600, **options):
        if how == "take":
            return Stalled(self.server, "POST", f"/v1/blobs/{self.id}/take", **options)
        self.claim = self.server.claim_ok(self.id, lease_s=lease_s)["claim"]
        return Stalled(self.server, "GET", f"/v1/claims/{self.claim}", **options)

    def state(self):
        return self.server.stat(self.id).json()

    def session_state(self):
        return self.server.call("GET", f"/v1/sessions/{self.session}").json()["state"]

    def erase(self, peer="uploader"):
        assert self.server.erase(self.id, peer).status in (200, 410)  # 410: it counts as consumed

    def close_session(self, query=""):
        assert self.server.call("DELETE", f"/v1/sessions/{self.session}{query}").status == 200


def all_stall(readers):
    wait_for(
        lambda: all([r.is_full() for r in readers.values()]),
        "each has received what it has room for",
        every=0.2,
    )


def check_cut_off(readers, timeout=LATE_S):
    """All of them are reset in time, and then have no more than had arrived."""
    wait_for(
        lambda: all(r.is_reset() for r in readers.values()),
        timeout=timeout,
        what=lambda: f"not reset in time: {[n for n, r in readers.items() if not r.is_reset()]}",
    )
    for name, reader in readers.items():
        arrived = reader.received()
        count, end = reader.rest()
        assert end == "reset" and count <= arrived, (name, arrived, count, end)
        reader.close()


ENDS = {
    "erased by its uploader": (Blob.erase, {}),
    "erased by an operator": (lambda blob: blob.erase("operator"), {}),
    "session closed": (Blob.close_session, {}),
    "session closed, not bound": (
        lambda blob: blob.close_session("?erase=all"),
        {"kind": "liveness", "issuer": None},
    ),
}


def stall_and_end(server, sizes, ends):
    blobs, readers = {}, {}
    for size in sizes:
        for how in ("claim", "take"):
            for end in ends:
                blobs[size, how, end] = Blob(server, size, **ENDS[end][1])
                readers[size, how, end] = blobs[size, how, end].read(how)
    all_stall(readers)
    for name, blob in blobs.items():
        ENDS[name[2]][0](blob)
    check_cut_off(readers)
    server.secrets.update(blob.claim for blob in blobs.values() if blob.claim)


def test_reader_stalls_and_its_blob_ends(launch):
    """Small and large, claimed and taken: an erasure or the session's end stops what the kernel
    still has."""
    stall_and_end(launch(workers=1), SIZES, ("erased by its uploader", "session closed"))


@pytest.mark.long
def test_reader_stalls_and_its_blob_ends_in_any_way(launch):
    stall_and_end(launch(workers=2), SIZES, ENDS)


def test_reader_stalls_past_the_time_of_its_blob(launch):
    """The blob's deadline, an idle session's, the lease's end; and a claimed blob is acked from
    elsewhere."""
    server = launch(workers=1)
    blobs = {
        (size, how, end): Blob(server, size, **options)
        for size in SIZES
        for how, end, options in (
            ("claim", "deadline", {"ttl": 5}),
            ("claim", "idle", {"idle_s": 3}),
            ("claim", "lease", {}),
            ("claim", "acked", {}),
            ("take", "deadline", {"ttl": 5}),
            ("take", "idle", {"idle_s": 3}),
        )
    }
    readers = {
        (size, how, end): blob.read(how, lease_s=3 if end == "lease" else 600)
        for (size, how, end), blob in blobs.items()
    }
    all_stall(readers)
    for size in SIZES:
        assert server.ack(blobs[size, "claim", "acked"].claim).status == 200
    wait_for(
        lambda: all(
            b.session_state() != "open" for (_, _, end), b in blobs.items() if end == "idle"
        ),
        "sessions end",
    )
    wait_for(lambda: all(b.state()["state"] == "gone" for b in blobs.values()), "the blobs end")
    check_cut_off(readers)


WAYS = {
    "with a request behind it": {"after": b"GET /v1/policy HTTP/1.1\r\nHost: h\r\n\r\n"},
    "half-closed": {"half_close": True},
    "the last of its connection": {"fields": [("Connection", "close")]},
    "half-closed, the last": {"fields": [("Connection", "close")], "half_close": True},
}


def test_reader_stalls_whatever_its_connection_does(launch):
    """Behind the answer comes another request, or nothing more."""
    server = launch(workers=1)
    blobs = {(size, way): Blob(server, size) for size in (30_000, 500_000) for way in WAYS}
    readers = {name: blob.read("claim", **WAYS[name[1]]) for name, blob in blobs.items()}
    all_stall(readers)
    for blob in blobs.values():
        blob.erase()
    check_cut_off(readers)


def test_what_a_dead_worker_leaves_in_the_kernel_is_dropped(launch):
    server = launch(workers=1)
    (worker,) = server.workers()
    readers = {
        (size, how): Blob(server, size).read(how) for size in SIZES for how in ("claim", "take")
    }
    all_stall(readers)
    os.kill(worker, signal.SIGKILL)
    check_cut_off(readers)


def test_worker_that_drains_still_watches(launch):
    """A reader that stands still keeps a worker that drains from its end; the end of its blob ends
    both."""
    server = launch(workers=1)
    (worker,) = server.workers()
    readers = {size: Blob(server, size).read("claim", lease_s=3) for size in (30_000, 500_000)}
    all_stall(readers)
    os.kill(worker, signal.SIGTERM)
    wait_for(
        lambda: server.put(server.sealed(300)).status == 503,
        "with the embedded store the first one only ends uploads",
    )
    os.kill(worker, signal.SIGTERM)
    check_cut_off(readers, 3 + LATE_S)
    wait_for(lambda: worker not in server.workers(), "the worker ends")


def test_slow_reader_gets_everything(launch):
    """What is watched is not disturbed: a reader that takes longer than the watch's interval has
    its blob whole."""
    server = launch(workers=1)
    readers = {how: Blob(server, 500_000).read(how) for how in ("claim", "take")}
    all_stall(readers)
    select.select([], [], [], 2.5)
    for reader in readers.values():
        _, _, fields = reader.conn.response_head()
        assert reader.conn.content(fields) == server.sealed(500_000)
        assert reader.conn.request("GET", "/v1/policy").status == 200
        reader.close()


def test_readers_of_one_claim_cost_one_question(launch):
    """320 answers of one claim stand unread: whether it still stands is asked once a second for
    all, and its end resets them all."""
    server = launch(workers=1)

    def calls(seconds=2):
        def count():
            lines = server.redis("INFO", "stats").splitlines()
            return int(
                next(line for line in lines if line.startswith("total_commands_processed:")).split(
                    ":"
                )[1]
            )

        before = count()
        select.select([], [], [], seconds)
        return (count() - before) / seconds

    idle = calls()
    blob = Blob(server, 30_000)
    readers = {"first": blob.read("claim")}
    for i in range(19):
        readers[i] = Stalled(server, "GET", f"/v1/claims/{blob.claim}")
    for reader in readers.values():
        reader.conn.send(reader.conn.head("GET", f"/v1/claims/{blob.claim}") * 20)
    all_stall(readers)
    assert calls() < idle + 100, idle
    blob.erase()
    check_cut_off(readers)


@pytest.mark.long
def test_take_is_delivered_within_a_minute_or_never(launch):
    server = launch(workers=1, options=[("limits.send_idle_s", 300)])
    readers = {size: Blob(server, size).read("take") for size in SIZES[:3]}
    all_stall(readers)
    select.select([], [], [], 50)
    assert not any(r.is_reset() for r in readers.values())
    wait_for(lambda: all(r.is_reset() for r in readers.values()), "their time is over", 12)
    check_cut_off(readers)
