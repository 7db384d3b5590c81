"""Erased means erased: five seconds after a blob's end, whatever ended it, no process holds a piece
of it any more.

All blobs (CAUSES x SIZES) live and end at the same time beside a client that is always busy, on
connections that stay open, so that nothing is wiped merely because a buffer's owner went away. The
search has to prove itself first: it finds the same blobs while they live."""
import os
import shutil
import socket
import subprocess
import threading

import pytest

import harness
import memory_search
from harness import BIN, SANITIZED, let_pass, wait_for
from wire import Closed

pytestmark = [
    pytest.mark.skipif(
        SANITIZED, reason="a sanitizer's allocator does not overwrite what is freed"
    ),
    pytest.mark.skipif(os.geteuid() != 0, reason="timeglasd's memory can be read by root only"),
]
SIZES = (300, 5_000, 40_000, 300_000, 2_500_000)
WIPED_WITHIN_S = 5
LIFE_S = 10  # of what ends by the clock: long enough to be searched for while it lives


# How a blob can end: each starts with one of these bodies and returns what ends it later ----------
def consumed(server, up, down, body):
    blob = stored(server, up, body)
    return lambda: read(down, blob, body)


def expired(server, up, down, body):
    blob = stored(server, up, body, ttl=LIFE_S)
    return lambda: ended(server, blob, "expired")


def erased(server, up, down, body):
    blob = stored(server, up, body)
    return lambda: up.request("DELETE", f"/v1/blobs/{blob}").status == 200 or pytest.fail(
        "not erased"
    )


def session_closed(server, up, down, body):
    session = server.session()["session"]
    blob = stored(server, up, body, kind="passport", issuer="DNK", session=session)

    def end():
        assert up.request("DELETE", f"/v1/sessions/{session}").status == 200
        ended(server, blob, "session-closed")

    return end


def session_idle(server, up, down, body):
    session = server.session(idle_s=LIFE_S)["session"]
    blob = stored(server, up, body, kind="passport", issuer="DNK", session=session)
    return lambda: ended(server, blob, "session-idle")


def acked(server, up, down, body):
    """Somebody else's take is refused meanwhile: its bytes have gone from the store to a worker for
    nothing."""
    blob = stored(server, up, body)
    claim = claimed(server, down, blob)
    assert server.take(blob, "verifier2").status == 409
    assert down.request("GET", f"/v1/claims/{claim}").body == body
    return lambda: server.ack(claim).status == 200 or pytest.fail("not acked")


def lease_run_out(server, up, down, body):
    blob = stored(server, up, body)
    claim = claimed(server, down, blob, LIFE_S)
    assert down.request("GET", f"/v1/claims/{claim}").body == body
    return lambda: ended(server, blob, "lease-expired")


def aborted(server, up, down, body):
    conn = server.connect()
    conn.send(server.upload_head(len(body), kind="liveness") + body[: len(body) * 3 // 4])
    return conn.close


CAUSES = (
    consumed, erased, session_closed, acked, aborted, session_idle, lease_run_out, expired,
)  # by the clock: last


def stored(server, up, body, kind="liveness", **fields):
    answer = up.request("POST", "/v1/blobs", server.upload_fields(kind, **fields), body)
    assert answer.status == 201, answer
    return answer.json()["blob"]


def claimed(server, down, blob, lease_s=60):
    answer = down.request(
        "POST",
        f"/v1/blobs/{blob}/claim",
        [("Content-Type", "application/json")],
        b'{"lease_s": %d}' % lease_s,
    )
    assert answer.status == 201, answer
    server.secrets.add(answer.json()["claim"])
    return answer.json()["claim"]


def read(down, blob, body):
    assert down.request("POST", f"/v1/blobs/{blob}/take").body == body


def ended(server, blob, cause):
    wait_for(lambda: server.stat(blob).json().get("cause") == cause, cause, LIFE_S + 5)


class Busy(threading.Thread):
    """A client that puts and takes other blobs without a pause worth the name."""

    def __init__(self, server):
        super().__init__()
        self.server, self.stop, self.rounds = server, threading.Event(), 0
        self.bodies = [server.sealed(n) for n in (100, 2_000, 20_000, 64_500)]
        self.start()

    def run(self):
        with self.server.connect() as up, self.server.connect("verifier") as down:
            while not self.stop.wait(0.01):
                body = self.bodies[self.rounds % len(self.bodies)]
                read(down, stored(self.server, up, body), body)
                self.rounds += 1


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return memory_search.build(tmp_path_factory.mktemp("search"))


def family(server):
    return [server.proc.pid, *server.descendants()]


@pytest.fixture(scope="module")
def story(program):
    """Everything happens once: {what: {pid: {marker: (how often, where)}}}, and the markers of each
    cause and size."""
    server = harness.Server(workers=2, options=[("limits.body_idle_s", 60)])
    try:
        busy = Busy(server)
        try:
            story = tell(program, server)
            assert busy.is_alive() and busy.rounds > 100, "the busy client did its part"
        finally:
            busy.stop.set()
            busy.join()
        yield story
        server.stop()
    finally:
        server.kill()


def tell(program, server):
    recipient = server.env["TIMEGLAS_RECIPIENT"]
    bodies = {
        (cause, size): harness.seal(recipient, os.urandom(size))
        for cause in CAUSES
        for size in SIZES
    }
    marks = {key: memory_search.markers(body) for key, body in bodies.items()}
    everything = [m for some in marks.values() for m in some]
    ups, downs = ([server.connect(peer) for _ in range(4)] for peer in ("uploader", "verifier"))
    ends = [
        cause(server, ups[i % 4], downs[i % 4], bodies[cause, size])
        for i, (cause, size) in enumerate(bodies)
    ]
    living = memory_search.search(program, family(server), everything)

    def halves_in_workers():
        found = memory_search.search(
            program, server.workers(), [m for size in SIZES for m in marks[aborted, size]]
        )
        seen = {m for some in found.values() for m in some}
        return found if all(seen & set(marks[aborted, size]) for size in SIZES) else None

    halves = wait_for(halves_in_workers, "the workers have received what was sent", 20)
    for end in ends:
        end()
    wait_for(lambda: server.metric("timeglas_uploads") == 0, "uploads ended", 20)
    # Of uploads smaller than a chunk nothing has reached the store.
    assert server.metric('timeglas_blobs_ended_total{cause="aborted"}') >= sum(
        size > 500_000 for size in SIZES
    )
    let_pass(WIPED_WITHIN_S, "what was freed is overwritten within this time")
    dead = memory_search.search(program, family(server), everything)
    names = {pid: server.title(pid) for pid in family(server)}
    for conn in (*ups, *downs):
        assert (
            conn.request("GET", "/v1/policy").status == 200
        ), "these connections were open all the time"
    return {
        "server": server,
        "marks": marks,
        "living": living,
        "halves": halves,
        "dead": dead,
        "names": names,
    }


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.__name__)
def test_no_process_holds_a_piece_five_seconds_after_the_end(story, cause, size):
    """16 bytes each from head, middle, tail and many places between: none of them anywhere."""
    left = {
        f"{story['names'][pid]}: {where}"
        for pid, found in story["dead"].items()
        for marker, (_, where) in found.items()
        if marker in story["marks"][cause, size]
    }
    assert not left, sorted(left)[:8]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "cause", [c for c in CAUSES if c is not aborted], ids=lambda cause: cause.__name__
)
def test_the_search_finds_a_stored_blob_in_redis(story, cause, size):
    """Every single marker, while the blob lives; so the search above would have seen it."""
    found = story["living"][int(story["server"].env["TIMEGLAS_REDIS_PID"])]
    missing = [m for m in story["marks"][cause, size] if m not in found]
    # A marker may lie across two chunks, which are two strings in Redis.
    assert (
        len(missing) <= size // 327_000
    ), f"{len(missing)} of {len(story['marks'][cause, size])} not found"


@pytest.mark.parametrize("size", SIZES)
def test_the_search_finds_half_an_upload_in_a_worker(story, size):
    """What was sent and is not in Redis yet stands in the worker that receives it."""
    workers = [pid for pid, name in story["names"].items() if "worker-" in name]
    marks = story["marks"][aborted, size]
    found = [m for pid in workers for m in story["halves"][pid] if m in marks]
    assert len(workers) == 2 and found


def test_master_reaper_and_admin_never_hold_a_blob(story):
    """Only workers and Redis ever see blob bytes."""
    for moment in ("living", "dead"):
        others = [
            pid
            for pid, name in story["names"].items()
            if "worker-" not in name and "redis" not in name
        ]
        assert len(others) >= 3 and not [
            where for pid in others for where in story[moment][pid].values()
        ]


def test_what_a_stalled_reader_left_in_a_worker_is_wiped(launch, program):
    """A reader that stalls has a window of its blob in the worker; when it goes away, that is wiped
    too."""
    server = launch(workers=1)
    (worker,) = server.workers()
    body = server.sealed(20_000_000)
    marks = memory_search.markers(body)
    blob = server.put_ok(body)["blob"]
    conn = server.connect("verifier", rcvbuf=65536)
    conn.send(conn.head("POST", f"/v1/blobs/{blob}/take"))
    conn.response_head()
    wait_for(
        lambda: memory_search.search(program, [worker], marks)[worker],
        "its window stands in the worker",
        5,
    )
    conn.close()
    let_pass(WIPED_WITHIN_S, "what was freed is overwritten within this time")
    left = memory_search.search(program, family(server), marks)
    assert not [where for found in left.values() for where in found.values()]


@pytest.mark.parametrize(
    "end, size",
    [
        ("erased", 20_000_000),
        ("session closed", 20_000_000),
        pytest.param("lease over", 20_000_000, marks=pytest.mark.long),
        pytest.param("taken, and its time over", 20_000_000, marks=pytest.mark.long),
        ("erased", 60_000),
    ],
)  # of which one answer behind the other fills the kernel's buffers
def test_what_a_reader_that_stalls_has_not_got_is_wiped_with_its_blob(launch, program, end, size):
    """It keeps its connection open and reads nothing: the blob ends all the same, in the worker and
    in the kernel, and it gets no more of it."""
    server = launch(workers=1)
    (worker,) = server.workers()
    session = server.session()["session"]
    body = harness.seal(server.env["TIMEGLAS_RECIPIENT"], os.urandom(size))
    marks = memory_search.markers(body)
    with server.connect("verifier", rcvbuf=65536) as conn:
        if end.startswith("taken"):
            blob = server.put_ok(body, ttl=6)["blob"]
            conn.send(conn.head("POST", f"/v1/blobs/{blob}/take"))
        else:
            blob = server.put_ok(body, kind="passport", issuer="DNK", session=session)["blob"]
            claim = server.claim_ok(blob, lease_s=6 if end == "lease over" else 60)["claim"]
            for _ in range(1 if size > 60_000 else 150):
                conn.send(conn.head("GET", f"/v1/claims/{claim}"))
        conn.response_head()
        if size > 60_000:
            wait_for(
                lambda: memory_search.search(program, [worker], marks)[worker],
                "a window of it stands in the worker",
                5,
            )
        else:
            # what is left of the answer at which it stalls is there in TLS records, encrypted
            let_pass(1, "the answer stalls; what is in memory has no marks to look for")
        if end == "erased":
            assert server.erase(blob).status == 200
        elif end == "session closed":
            assert server.call("DELETE", f"/v1/sessions/{session}").status == 200
        wait_for(lambda: server.stat(blob).json()["state"] == "gone", "it has ended", 10)
        let_pass(WIPED_WITHIN_S, "what was freed is overwritten within this time")
        left = memory_search.search(program, family(server), marks)
        assert not [where for found in left.values() for where in found.values()]
        got = 0
        with pytest.raises(Closed):
            while True:
                conn.more()
                got, conn.buf = got + len(conn.buf), b""
        assert got < 400_000, "what its own kernel had received, and nothing that ours still held"


@pytest.mark.parametrize(
    "size", [60_000, 300_000]
)  # of the first nothing has reached the store yet
@pytest.mark.parametrize("over", ["its time", "its session"])
def test_an_upload_that_drips_does_not_stand_in_a_worker_when_its_time_is_over(
    launch, program, size, over
):
    """A byte now and then keeps an upload alive, but no longer than its blob may live: it is
    refused and wiped."""
    server = launch(workers=1)
    body = harness.seal(server.env["TIMEGLAS_RECIPIENT"], os.urandom(size))
    marks = memory_search.markers(body[:-100])
    session = server.session()["session"]
    life = (
        {"kind": "liveness", "ttl": 2}
        if over == "its time"
        else {"kind": "passport", "issuer": "DNK", "session": session}
    )
    with server.connect() as conn:
        conn.send(server.upload_head(len(body), **life) + body[:-100])
        wait_for(
            lambda: memory_search.search(program, server.workers(), marks)[server.workers()[0]],
            "it stands in the worker",
            5,
        )
        if over == "its session":
            assert server.call("DELETE", f"/v1/sessions/{session}").status == 200
        for at in range(len(body) - 100, len(body) - 90):
            if conn.readable(1):
                break
            conn.send(body[at : at + 1])
        answer = conn.response()
        assert (
            answer.status == 422
            and answer.json()["type"] == f"/problems/{'ttl' if over == 'its time' else 'session'}"
        )
        left = memory_search.search(program, family(server), marks)
        assert not [where for found in left.values() for where in found.values()]


@pytest.mark.long
def test_nothing_stays_where_nothing_follows(launch, program):
    """A take is the last thing that happens: no later command overwrites what Redis's buffers of
    that connection hold."""
    server = launch(workers=1)
    with server.connect() as up, server.connect("verifier") as down:
        # The last two end with a short chunk, which Redis copies into a buffer that the connection
        # keeps.
        for size in (*SIZES, 65_300, 70_000):
            body = harness.seal(server.env["TIMEGLAS_RECIPIENT"], os.urandom(size))
            read(down, stored(server, up, body), body)
            let_pass(1, "what was freed is overwritten within this time")
            left = memory_search.search(program, family(server), memory_search.markers(body))
            assert not [where for found in left.values() for where in found.values()], size


# The means -----------------------------------------------------------------
def test_a_search_that_cannot_read_is_an_error(program):
    """A process that is gone, or none at all: never "found nothing"."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    for pid in (gone.pid, "nonsense"):
        with pytest.raises(memory_search.Unreadable):
            memory_search.search(program, [pid], [b"0123456789abcdef"])
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(memory_search.Unreadable):  # it can be opened, and has nothing in it
        memory_search.search(program, [zombie.pid], [b"0123456789abcdef"])
    zombie.wait()


class Store:
    """A redis-server of one's own, and one connection to it that stays open."""

    def __init__(self, folder, preload):
        env = dict(
            os.environ, **({"LD_PRELOAD": str(BIN / "libtimeglas-wipe.so")} if preload else {})
        )
        path = f"{folder}/s"
        options = ["--port", "0", "--unixsocket", path, "--save", "", "--dir", folder]
        self.proc = subprocess.Popen(["redis-server", *options], env=env, stdout=subprocess.DEVNULL)
        self.conn = socket.socket(socket.AF_UNIX)
        self.conn.settimeout(5)
        wait_for(lambda: self.conn.connect_ex(path) == 0, "it listens", 5)

    def call(self, *args):
        self.conn.sendall(
            b"*%d\r\n" % len(args) + b"".join(b"$%d\r\n%s\r\n" % (len(a), a) for a in args)
        )
        answer = b""
        while not answer.endswith(b"\r\n") or (
            answer[:1] == b"$" and len(answer) < int(answer[1 : answer.index(b"\r")])
        ):
            answer += self.conn.recv(65536)
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.conn.close()
        self.proc.kill()
        self.proc.wait()


@pytest.mark.parametrize("size", [300, 5_000, 20_000, 40_000])
@pytest.mark.parametrize("preload", [False, True])
def test_a_value_stays_in_a_plain_redis_and_not_in_one_with_our_library(
    program, tmp_path, preload, size
):
    """The control: SET, GETDEL and an echo of 32,000 bytes on one connection, without the library,
    and with it."""
    value = os.urandom(size)
    marks = [value[at : at + 16] for at in range(0, size - 16, 64)]
    with Store(str(tmp_path), preload) as store:
        for _ in range(3):
            store.call(b"SET", b"key", value)
            assert value in store.call(b"GETDEL", b"key")
        store.call(b"PING", bytes(32_000))
        found = memory_search.search(program, [store.proc.pid], marks)[store.proc.pid]
        stats = store.call(b"MEMORY", b"MALLOC-STATS")
        assert (
            b"timeglas-wipe: freed, moved and left-over bytes are overwritten" in stats
        ) == preload
    assert not found if preload else found, (len(found), len(marks))


@pytest.mark.parametrize("preload", [False, True])
def test_with_our_library_any_next_command_clears_the_query_buffer(program, tmp_path, preload):
    """A value that is stored and unlinked leaves its command in the query buffer. What the next
    read does not fill is wiped."""
    value = os.urandom(12_000)
    with Store(str(tmp_path), preload) as store:
        store.call(b"SET", b"key", value)
        store.call(b"UNLINK", b"key")
        found = memory_search.search(
            program, [store.proc.pid], [value[at : at + 16] for at in range(0, 11_984, 64)]
        )[store.proc.pid]
    assert not found if preload else found, len(found)


def start(folder, program, env):
    return subprocess.run(
        [program, "--dev", folder / "d"],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=False,
    )


def test_it_does_not_start_where_its_own_memory_is_not_wiped(tmp_path):
    """MALLOC_CONF in the environment has the last word with jemalloc, so it is looked at."""
    run = start(tmp_path, BIN / "timeglasd", {"MALLOC_CONF": "junk:false"})
    assert run.returncode == 1 and b"freed memory is not overwritten" in run.stderr, run


def test_it_does_not_start_with_a_redis_that_is_not_wiped(tmp_path):
    """The library is missing beside a timeglasd that was copied without it: that is named, and
    nothing is served."""
    for name in ("timeglasd", "timeglas"):
        shutil.copy(BIN / name, tmp_path)
    run = start(tmp_path, tmp_path / "timeglasd", {})
    assert (
        run.returncode == 1
        and b"erased evidence would stay in the embedded Redis's memory" in run.stderr
    ), run
    assert (
        b"ready" not in run.stdout
        and b"libtimeglas-wipe.so must stand beside" in (tmp_path / "d/timeglasd.log").read_bytes()
    )


def test_the_gauge_says_so_also_of_a_redis_that_was_restarted(launch):
    """timeglas_memory_wiped is 1, and 1 again when the embedded Redis has been replaced."""
    server = launch(workers=1)
    assert server.metric("timeglas_memory_wiped") == 1
    os.kill(int(server.env["TIMEGLAS_REDIS_PID"]), 9)
    wait_for(
        lambda: server.metric("timeglas_process_restarts_total") == 1, "the restart is counted", 5
    )
    wait_for(lambda: server.metric("timeglas_memory_wiped") == 1, "the new one was asked", 5)


TABLE = """
import ctypes
libc = ctypes.CDLL(None)
libc.calloc.restype, libc.calloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t, ctypes.c_size_t)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
libc.free.argtypes = (ctypes.c_void_p,)
assert libc.calloc(1 << 40, 1 << 40) is None, "more than there are numbers for"
for size in (1, 100, 5000, 1 << 20, 32 << 20):
    used = libc.malloc(size + 2)
    ctypes.memset(used, 255, size)
    libc.free(used)
    at = libc.calloc(size // 2 + 1, 2)
    assert ctypes.string_at(at, size) == bytes(size), size
flags = None
at = libc.calloc(64 << 20, 1)
for line in open("/proc/self/smaps"):
    first = line.split()[0]
    if "-" in first and not first.endswith(":"):
        low, high = (int(x, 16) for x in first.split("-"))
        inside = low <= at + (16 << 20) < high
    elif inside and first == "VmFlags:":
        flags = line.split()[1:]
assert "nh" in flags, flags
"""


@pytest.mark.skipif(
    SANITIZED, reason="a sanitizer brings its own allocator: there is no library to preload"
)
@pytest.mark.skipif(
    not os.path.exists("/sys/kernel/mm/transparent_hugepage"),
    reason="this kernel has no huge pages",
)
def test_large_tables_of_the_store_have_small_pages():
    """The library's calloc: zeroed whatever the size, NULL for what cannot be; a table of megabytes
    is no huge page's business."""
    env = dict(
        os.environ,
        LD_PRELOAD=f"{BIN}/libtimeglas-wipe.so libjemalloc.so.2",
        MALLOC_CONF="junk:free,thp:always,dirty_decay_ms:-1",
    )
    ran = subprocess.run(
        ["/usr/bin/python3", "-c", TABLE], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        check=False, text=True,
    )
    assert ran.returncode == 0, ran.stderr
