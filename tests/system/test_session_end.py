"""A session's end with much of it still being uploaded: unusable at once, physically gone within a
second, and nobody else waits for it."""
import socket
import threading
import time

import pytest

from harness import SLOW, let_pass, wait_for
from problems import check_problem

UPLOAD = 24_000_000  # of each upload; all but its last bytes are sent
WAIT_S = 0.050  # the longest that a call of somebody else may wait for the store
SLICE_MS = 20  # Redis's time for one call
GONE_S = 1.0
# Of each upload: what it staged, and the longest of its chunks.
STAGED = """
local sum, longest, out = {}, {}, {}
for _, k in ipairs(redis.call('KEYS', '*:c:*')) do
	local id, n = k:match(':c:(.+):%d+$'), redis.call('STRLEN', k)
	sum[id], longest[id] = (sum[id] or 0) + n, math.max(longest[id] or 0, n)
end
for id, n in pairs(sum) do
	out[#out + 1] = n .. ' ' .. longest[id]
end
return out
"""
EMPTY = 8  # keys that stay: the session, its list, an index, events, epoch and lease


class Prober(threading.Thread):
    """Somebody else who uses the store: a PING every millisecond. longest: the longest wait for its
    answer, in seconds."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.going, self.longest, self.pings = True, 0.0, 0

    def run(self):
        while self.going:
            began = time.monotonic()
            self.sock.sendall(b"PING\r\n")
            assert self.sock.recv(64) == b"+PONG\r\n"
            self.longest = max(self.longest, time.monotonic() - began)
            self.pings += 1
            let_pass(0.001, "the rhythm of the pings")

    def stop(self):
        self.going = False
        self.join()
        self.sock.close()


def stage(server, session, count):
    """So many uploads under way, each of which the store holds as far as it was sent."""
    sealed = server.sealed(UPLOAD)
    conns = []
    for _ in range(count):
        conn = server.connect()
        fields = server.upload_fields(kind="passport", issuer="DNK", session=session)
        conn.send(
            conn.head("POST", "/v1/blobs", [*fields, ("Content-Length", str(len(sealed)))])
            + sealed[:-1000]
        )
        conns.append(conn)
    wait_for(lambda: staged(server, len(sealed) - 1000) == count, "all is staged", 60, 0.1)
    return conns


def staged(server, sent):
    """How many uploads, of which so many bytes were sent, wait for more: what the store lacks of
    them does not fill a chunk. One that has more to write may write it behind the session's end."""
    lines = server.redis("EVAL", STAGED, "0").splitlines()
    held = [tuple(map(int, line.split())) for line in lines if line]
    return sum(have + longest > sent for have, longest in held)


def end_by_deadline(server, session):
    """The reaper's end: the session's deadline is moved to half a second ahead."""
    key, when = f"tg:{{{session[:2]}}}", int(time.time() * 1000) + 500
    server.redis("HSET", f"{key}:s:{session}", "dl", str(when))
    server.redis("ZADD", f"{key}:dl", str(when), f"s:{session}")
    return when / 1000


def end_session(launch, count, how):
    """Returns how long it took until all was gone, and the longest wait of somebody else."""
    # Those that were staged first wait for the last, on a busy machine for long.
    server = launch(
        options=[
            ("limits.max_blob", "32MiB"),
            ("store.max_bytes", "6GiB"),
            ("limits.body_idle_s", "120"),
        ]
    )
    session = server.session(idle_s=3600)["session"]
    conns = stage(server, session, count)
    server.redis("CONFIG", "SET", "latency-monitor-threshold", "1")
    prober = Prober(server.env["TIMEGLAS_REDIS_SOCKET"])
    server.evidence_is_true = how != "deadline"  # which the test moves, in the store
    began = end_by_deadline(server, session) if how == "deadline" else time.time()
    prober.start()
    if how == "close":
        assert server.call("DELETE", f"/v1/sessions/{session}").status == 200
        assert server.dbsize() <= EMPTY, "the answer comes when all of it is gone"
    else:
        wait_for(lambda: server.dbsize() <= EMPTY, "all of it is gone", 30, 0.01)
    took = time.time() - began
    prober.stop()
    latest = server.redis("LATENCY", "LATEST").split()
    slice_ms = max(
        (int(latest[i + 3]) for i, word in enumerate(latest) if word == "command"), default=0
    )
    print(
        f"{how} of {count * UPLOAD / 2**20:.0f} MiB under way: gone after {took:.3f} s, longest"
        f" wait {prober.longest * 1000:.1f} ms of {prober.pings} pings, longest call {slice_ms} ms"
    )
    for conn in conns:
        check_problem(conn.response(), 422, "session")
        conn.close()
    assert not server.chunks(), "nothing came back"
    return took, prober.longest, slice_ms


@pytest.mark.parametrize("how", ["close", "deadline"])
def test_end_of_a_session_with_uploads_under_way_blocks_nobody(launch, how):
    """Half a GiB: a call blocked the store for 90 ms."""
    took, wait, slice_ms = end_session(launch, 20, how)
    assert took < GONE_S * SLOW and wait < WAIT_S * SLOW and slice_ms <= SLICE_MS * SLOW


@pytest.mark.long
def test_end_of_a_session_with_3_gib_under_way(launch):
    """The same for what fills a store."""
    took, wait, slice_ms = end_session(launch, 135, "close")
    assert took < GONE_S * SLOW and wait < WAIT_S * SLOW and slice_ms <= SLICE_MS * SLOW


def test_uploads_that_go_on_leave_nothing_behind(launch):
    """Workers that had not heard of the session's end went on writing for two seconds: a second
    after it nothing of that stands in the store."""
    server = launch()
    session = server.session()["session"]
    conns = []
    for _ in range(8):
        conn = server.connect()
        fields = server.upload_fields(kind="passport", issuer="DNK", session=session)
        conn.send(
            conn.head("POST", "/v1/blobs", [*fields, ("Content-Length", "24000000")])
            + server.sealed(1_000_000)[:400_000]
        )
        conns.append(conn)
    wait_for(lambda: len(server.chunks()) >= 8, "all have begun")
    assert server.call("DELETE", f"/v1/sessions/{session}").status == 200
    end = time.monotonic() + 1
    while time.monotonic() < end:
        for conn in conns:
            try:
                conn.send(bytes(70_000))
            except OSError:
                pass  # it has been told
        let_pass(0.1, "the rhythm of the uploads that go on")
    assert not server.chunks(), "a second after the session's end"
    for conn in conns:
        check_problem(conn.response(), 422, "session")
        conn.close()
